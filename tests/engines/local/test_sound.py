"""Wire audio in, wire audio out."""

from __future__ import annotations

import pytest

from tests.engines.local.twins import LOUD, sound
from voice.audio.frames import PCM_16K, PCM_24K, PCMA_8K, PCMU_8K, AudioFormat
from voice.engines.local.sound import Decoder, Encoder, from_16k
from voice.errors import ProtocolError

FORMATS = [PCM_24K, PCMU_8K, PCMA_8K]


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.encoding)
def test_any_format_is_heard_whole_however_it_is_cut(format: AudioFormat) -> None:
    data = sound(format, 500)
    decoder = Decoder()
    size = format.size_bytes(20)
    heard = b"".join(decoder.feed(data[at : at + size], format) for at in range(0, len(data), size)) + decoder.flush()
    assert len(heard) == PCM_16K.size_bytes(500)
    assert max(memoryview(heard).cast("h")) > LOUD * 0.9


@pytest.mark.parametrize("from_hz", [16_000, 22_050, 24_000])
@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.encoding)
def test_speech_leaves_in_a_short_first_piece_and_pieces_of_100_ms(from_hz: int, format: AudioFormat) -> None:
    encoder = Encoder(from_hz, format)
    pcm = sound(AudioFormat("pcm16", from_hz), 500)
    pieces = [piece for at in range(0, len(pcm), 640) for piece in encoder.feed(pcm[at : at + 640])] + [
        *encoder.flush()
    ]
    assert [round(format.duration_ms(len(piece))) for piece in pieces] == [40, 100, 100, 100, 100, 60]


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ProtocolError) as refused:
        Decoder().feed(b"\0\0\0", PCM_24K)
    assert refused.value.param == "audio"


def test_the_format_may_change_on_the_way() -> None:
    decoder = Decoder()
    decoder.feed(PCM_24K.silence(100), PCM_24K)
    assert len(decoder.feed(PCMU_8K.silence(100), PCMU_8K)) >= PCM_16K.size_bytes(95)


def test_kept_sound_goes_back_as_long_as_it_was() -> None:
    assert len(from_16k(PCM_16K.silence(250), PCMU_8K)) == PCMU_8K.size_bytes(250)
