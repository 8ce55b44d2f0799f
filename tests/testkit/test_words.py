"""Marked speech: what was said is what is heard, however it travelled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.audio.convert import Converter
from voice.audio.frames import PCM_16K, PCM_24K, PCMA_8K, PCMU_8K, AudioFormat, AudioFrame
from voice.errors import Misuse
from voice.testkit.words import Vocabulary, WordReader

TEXT = "what time is it what is it time what"


def heard(vocabulary: Vocabulary, format: AudioFormat, data: bytes, frame_bytes: int) -> list[str]:
    reader = WordReader(vocabulary, format)
    for start in range(0, len(data), frame_bytes):
        reader.feed(AudioFrame(format, data[start : start + frame_bytes]))
    return reader.words


@pytest.mark.parametrize("format", [PCM_24K, PCM_16K, PCMU_8K, PCMA_8K], ids=str)
@pytest.mark.parametrize("word_ms", [60, 100, 200])
def test_every_format_carries_the_words(format: AudioFormat, word_ms: int) -> None:
    vocabulary = Vocabulary()
    data = vocabulary.speak(TEXT, format, word_ms=word_ms)
    assert heard(vocabulary, format, data, format.size_bytes(20)) == TEXT.split()


@given(frame_ms=st.sampled_from([1, 7, 10, 20, 33, 60, 500]), offset_ms=st.sampled_from([0, 1, 3, 9]))
def test_words_survive_any_cut(frame_ms: int, offset_ms: int) -> None:
    vocabulary = Vocabulary()
    data = PCM_24K.silence(offset_ms) + vocabulary.speak(TEXT) + PCM_24K.silence(50)
    assert heard(vocabulary, PCM_24K, data, PCM_24K.size_bytes(frame_ms)) == TEXT.split()


def test_all_196_words_survive_a_telephone_line() -> None:
    vocabulary = Vocabulary()
    words = [f"w{number}" for number in range(196)]
    data = vocabulary.speak(" ".join(words), word_ms=60)
    down, up = Converter(PCM_24K, PCMU_8K), Converter(PCMU_8K, PCM_24K)
    data = up.convert(down.convert(data) + down.flush()) + up.flush()
    assert heard(vocabulary, PCM_24K, data, PCM_24K.size_bytes(20)) == words


def test_a_word_cut_before_its_middle_was_not_heard() -> None:
    vocabulary = Vocabulary()
    data = vocabulary.speak("one two")
    assert heard(vocabulary, PCM_24K, data[: PCM_24K.size_bytes(290)], 960) == ["one"]


def test_a_piece_missing_from_the_middle_costs_the_words_it_held() -> None:
    vocabulary = Vocabulary()
    data = vocabulary.speak("one two three")
    gap = data[: PCM_24K.size_bytes(200)] + data[PCM_24K.size_bytes(400) :]
    assert heard(vocabulary, PCM_24K, gap, 960) == ["one", "three"]


def test_what_makes_no_sense_is_our_mistake() -> None:
    vocabulary = Vocabulary()
    with pytest.raises(Misuse):
        vocabulary.speak("short", word_ms=40)
    vocabulary.speak(" ".join(map(str, range(196))))
    with pytest.raises(Misuse):
        vocabulary.speak("one-too-many")
