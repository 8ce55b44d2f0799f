"""Opus through libopus itself, and through PyAV alone."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("av")

from tests.transports.webrtc.sounds import found, sweeps
from voice.audio.opus_packet import samples_of
from voice.transports.webrtc import codecs, opus
from voice.transports.webrtc.incoming import Decoder
from voice.transports.webrtc.opus_by_pyav import PyAvDecoder, PyAvEncoder
from voice.transports.webrtc.outgoing import FRAME_BYTES, Encoder

SAID = sweeps(4, 2.0, 24_000)
FRAMES = [SAID[start : start + 480].astype("<i2").tobytes() for start in range(0, len(SAID), 480)]


def pair(kind: str, *, fec: bool = True) -> tuple[Encoder, Decoder]:
    if kind == "pyav":
        return PyAvEncoder(bitrate=32_000, complexity=1, fec=fec), PyAvDecoder()
    return opus.OpusEncoder(bitrate=32_000, complexity=1, fec=fec), opus.OpusDecoder()


def heard(pieces: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(pieces), "<i2")


def test_libopus_is_found_in_the_wheel_of_pyav() -> None:
    assert opus.bundled(), "the PyAV wheel has another layout: say so in voice/transports/webrtc/opus.py"
    assert isinstance(codecs.new_decoder(), opus.OpusDecoder)
    assert isinstance(codecs.new_encoder(bitrate=32_000, complexity=1, fec=True), opus.OpusEncoder)


def test_without_libopus_pyav_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opus, "library", lambda: None)
    assert isinstance(codecs.new_decoder(), PyAvDecoder)
    assert isinstance(codecs.new_encoder(bitrate=32_000, complexity=1, fec=True), PyAvEncoder)


@pytest.mark.parametrize("kind", ["libopus", "pyav"])
def test_sound_comes_back_as_it_was(kind: str) -> None:
    encoder, decoder = pair(kind)
    packets = [packet for frame in FRAMES if (packet := encoder.encode(frame))]
    assert {samples_of(packet) for packet in packets} == {960}
    assert 40 < np.mean([len(packet) for packet in packets]) < 130
    match, _ = found(heard([decoder.decode(packet) for packet in packets]), SAID[:36_000])
    assert match > 0.93


@pytest.mark.parametrize("kind", ["libopus", "pyav"])
@pytest.mark.parametrize("samples", [0, 120, 960, 961, 2_880, 5_760])
def test_a_concealed_hole_is_as_long_as_what_was_lost(kind: str, samples: int) -> None:
    encoder, decoder = pair(kind)
    for frame in FRAMES[:20]:
        decoder.decode(encoder.encode(frame))
    assert len(decoder.conceal(samples)) == 2 * (samples // 2)


@pytest.mark.parametrize("kind", ["libopus", "pyav"])
def test_a_concealed_hole_does_not_sound_like_one(kind: str) -> None:
    tone = (8_000 * np.sin(2 * np.pi * 300 * np.arange(24_000) / 24_000)).astype("<i2").tobytes()
    encoder, decoder = pair(kind)
    packets = [encoder.encode(tone[start : start + FRAME_BYTES]) for start in range(0, len(tone), FRAME_BYTES)]
    before = [decoder.decode(packet) for packet in packets[:30] if packet]
    concealed = heard([decoder.conceal(960)]).astype(float)
    level = np.sqrt(np.mean(heard(before[-5:]).astype(float) ** 2))
    assert np.sqrt(np.mean(concealed[:240] ** 2)) > 0.3 * level
    assert np.abs(np.diff(concealed)).max() < 0.3 * level * np.sqrt(2) + 1_000, "a click"


def test_error_correction_brings_back_what_was_lost() -> None:
    encoder, decoder = pair("libopus")
    encoder.expect_loss(20)
    packets = [encoder.encode(frame) for frame in FRAMES]
    with_copy = [decoder.decode(packet) for packet in packets[:40]]
    with_copy.append(decoder.conceal(960, packets[41]))
    blind = opus.OpusDecoder()
    for packet in packets[:40]:
        blind.decode(packet)
    guessed = blind.conceal(960)
    whole = opus.OpusDecoder()
    true = [whole.decode(packet) for packet in packets[:41]][-1]
    error = [np.mean((heard([piece]).astype(float) - heard([true])) ** 2) for piece in (with_copy[-1], guessed)]
    assert error[0] < error[1]


def test_error_correction_costs_nothing_while_nothing_is_lost() -> None:
    plain, careful = pair("libopus")[0], pair("libopus", fec=False)[0]
    careful.expect_loss(20)
    assert [plain.encode(frame) for frame in FRAMES] == [careful.encode(frame) for frame in FRAMES]


@pytest.mark.parametrize("kind", ["libopus", "pyav"])
def test_what_is_no_packet_makes_no_sound(kind: str) -> None:
    _, decoder = pair(kind)
    for junk in (b"", b"\xff\xff\xff\xff", bytes(3), b"\x03\x00"):
        decoder.decode(junk)
    encoder, _ = pair("libopus")
    assert len(decoder.decode(encoder.encode(FRAMES[0]))) > 900


def test_closing_twice_is_no_harm() -> None:
    encoder, decoder = pair("libopus")
    for part in (encoder, decoder, encoder, decoder):
        part.close()
