"""The scripted person speaks when it is their turn, and knows what was heard."""

from __future__ import annotations

from voice.audio.frames import PCM_24K, AudioFrame
from voice.testkit.person import FRAME_MS, Line, Loudspeaker, Person
from voice.testkit.words import Vocabulary, WordReader


class Room:
    """A person and a loudspeaker, twenty milliseconds at a time."""

    def __init__(self, *lines: Line) -> None:
        self.vocabulary = Vocabulary()
        self.person = Person(lines, self.vocabulary)
        self.speaker = Loudspeaker(self.vocabulary)
        self.microphone = WordReader(self.vocabulary)
        self.now = 0.0

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 1000 / FRAME_MS)):
            self.person.hear(self.speaker.advance(self.now), self.now)
            self.microphone.feed(self.person.frame(self.now, sounding=self.speaker.sounding))
            self.now += FRAME_MS / 1000

    def sounds(self, text: str) -> None:
        self.speaker.play(AudioFrame(PCM_24K, self.vocabulary.speak(text)), self.now)

    @property
    def said(self) -> str:
        return " ".join(self.microphone.words)


def test_a_line_waits_for_the_end_of_the_answer() -> None:
    room = Room(Line("one"), Line("two", pause_s=0.5))
    room.pass_time(3)
    assert room.said == "one"
    room.sounds("yes of course")
    room.pass_time(0.6 + 0.4)
    assert room.said == "one"
    room.pass_time(0.4)
    assert room.said == "one two"
    assert room.person.turns[0].answer == ["yes", "of", "course"]


def test_an_answer_is_over_with_its_last_word() -> None:
    room = Room(Line("one", until="over"), Line("two"))
    room.pass_time(1)
    room.sounds("half an answer")
    room.pass_time(4)
    assert room.said == "one"
    room.sounds("over")
    room.pass_time(2)
    assert room.said == "one two"


def test_an_interruption_falls_into_the_answer() -> None:
    room = Room(Line("one", until="over"), Line("stop", interrupt_after=2))
    room.pass_time(1)
    room.sounds("a long answer that goes on and on over")
    room.pass_time(1.2)
    assert room.said == "one stop"
    room.person.hear(room.speaker.stop(1, room.now), room.now)
    assert len(room.person.heard.split()) < 7


def test_patience_ends() -> None:
    room = Room(Line("one", patience_s=2.0), Line("two"))
    room.pass_time(2.5)
    assert room.said == "one"
    room.pass_time(1)
    assert room.said == "one two"
    assert room.person.turns[0].gave_up


def test_what_sounds_while_one_speaks_answers_the_line_before() -> None:
    room = Room(Line("one", until="over"), Line("two and more", interrupt_after=1))
    room.pass_time(1)
    room.sounds("well over")
    room.pass_time(2)
    assert room.person.turns[0].answer == ["well", "over"]
    assert room.person.turns[1].answer == []


def test_the_loudspeaker_plays_in_real_time_and_tells_where_it_is() -> None:
    vocabulary = Vocabulary()
    speaker = Loudspeaker(vocabulary)
    speaker.play(AudioFrame(PCM_24K, vocabulary.speak("one two")), 1.0)
    assert speaker.advance(1.25) == ["one"]
    assert speaker.position_ms == 250
    assert speaker.stop(1, 1.3) == []
    assert (speaker.position_ms, speaker.sounding, speaker.epoch) == (0.0, False, 1)
    assert speaker.play(AudioFrame(PCM_24K, vocabulary.speak("three")), 9.0) == []
    assert speaker.advance(9.3) == ["three"]
