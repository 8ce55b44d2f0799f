"""How far words are believed: a phrase that was said, and phrases that were forced out of something else."""

from __future__ import annotations

from voice.engines.speech.belief import Hypothesis, Segment, choose, free_confidence, phrase_confidence


def heard(*words: tuple[str, int, float]) -> Hypothesis:
    """Words with their frames and how well they fit, one after the other, silence around them."""
    segments = [Segment("<s>", 0, 9, -0.5)]
    for word, frames, fit in words:
        first = segments[-1].last + 1
        segments.append(Segment(word, first, first + frames - 1, fit))
    segments.append(Segment("</s>", segments[-1].last + 1, segments[-1].last + 10, -0.5))
    text = " ".join(word for word, *_ in words if word[0].isalpha())
    return Hypothesis(text, tuple(segments))


SAID = heard(("what", 20, -4.0), ("time", 30, -4.0), ("is", 12, -4.5), ("it", 15, -4.0))
MISHEARD = heard(("what", 20, -4.0), ("areas", 42, -4.5), ("it", 15, -4.0))


def test_a_phrase_that_explains_the_sound_as_well_as_any_words_is_believed() -> None:
    chosen = choose(MISHEARD, SAID)
    assert (chosen.text, chosen.expected) == ("what time is it", True)
    assert chosen.confidence > 0.5
    assert choose(SAID, SAID).confidence > chosen.confidence


def test_a_phrase_with_one_word_that_does_not_fit_is_not() -> None:
    forced = heard(("what", 20, -4.0), ("day", 30, -14.0), ("is", 12, -13.0), ("it", 15, -4.0))
    chosen = choose(MISHEARD, forced)
    assert (chosen.text, chosen.expected) == ("what areas it", False)


def test_a_phrase_that_leaves_words_to_silence_is_not() -> None:
    said = heard(("it", 15, -4.0), ("was", 20, -4.0), ("my", 18, -4.0), ("reports", 45, -4.0), ("stop", 30, -4.5))
    forced = heard(("<sil>", 98, -9.0), ("stop", 30, -4.5))
    assert phrase_confidence(forced, said) < 0.1


def test_letters_in_common_speak_for_a_phrase() -> None:
    other = heard(("good", 30, -5.0), ("job", 47, -5.0))
    assert phrase_confidence(SAID, MISHEARD) > phrase_confidence(other, MISHEARD) + 0.2


def test_free_words_are_as_good_as_their_worst() -> None:
    assert free_confidence(SAID) > 0.3
    one_bad = heard(("what", 20, -4.0), ("time", 30, -4.0), ("is", 12, -14.0), ("it", 15, -4.0))
    assert free_confidence(one_bad) < free_confidence(SAID) / 4


def test_nothing_is_heard_with_no_confidence() -> None:
    assert choose(Hypothesis(), None) == choose(Hypothesis(), heard(("<sil>", 50, -1.0)))
    assert choose(Hypothesis(), None).confidence == 0.0


def test_a_phrase_in_what_seemed_to_be_silence_is_doubtful() -> None:
    silence = heard(("<sil>", 77, -4.0))
    assert phrase_confidence(SAID, silence) < phrase_confidence(SAID, MISHEARD)


def test_a_phrase_in_a_long_talk_is_not() -> None:
    talk = heard(*[(f"word{'x' * (number % 7)}", 20, -4.0) for number in range(400)])
    forced = heard(("what", 20, -9.0), ("time", 30, -9.0), ("is", 12, -9.5), ("it", 7938, -9.0))
    assert not choose(talk, forced).expected


def test_marks_of_the_grammar_that_take_no_time_do_no_harm() -> None:
    segments = (*SAID.segments[:3], Segment("(NULL)", 60, 59, 0.0), *SAID.segments[3:])
    assert phrase_confidence(Hypothesis(SAID.text, segments), MISHEARD) == phrase_confidence(SAID, MISHEARD)
