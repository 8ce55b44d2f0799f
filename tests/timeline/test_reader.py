"""A trace is read into what happened, in seconds since its first event."""

from __future__ import annotations

import json

import pytest

from tests.timeline.scene import Scene, a_doubtful_conversation, a_whole_conversation, note
from voice.errors import TraceUnreadable
from voice.timeline.reader import read
from voice.timeline.story import Story


@pytest.fixture(scope="module")
def story() -> Story:
    return read(a_whole_conversation().lines())


def test_the_person_is_shown_where_the_words_were_and_not_where_they_were_noticed(story: Story) -> None:
    told = [(round(speech.start_s, 2), round(speech.end_s or 0, 2), speech.text) for speech in story.speeches]
    assert told == [
        (0.8, 2.7, "What time is it in <Tokyo> & in Lisbon?"),
        (8.1, 9.7, "Set a timer for ten minutes."),
        (13.3, 14.2, "Stop, make it twelve."),
        (20.0, 21.1, "Thank you!"),
    ]


def test_an_interrupted_reply_knows_how_much_of_it_was_heard(story: Story) -> None:
    reply = next(reply for reply in story.replies if reply.item_id == "item_4")
    assert reply.heard_ms == pytest.approx(2400, abs=1)
    assert reply.received_ms == pytest.approx(6000, abs=1)
    assert reply.end_s == pytest.approx(13.4, abs=0.02)
    whole = [reply.heard_share for reply in story.replies if reply.item_id != "item_4"]
    assert whole == pytest.approx([1.0, 1.0, 1.0])


def test_an_interruption_is_one_mark_however_many_lines_tell_of_it(story: Story) -> None:
    (mark,) = story.interruptions
    assert (mark.item_id, mark.heard_ms, mark.received_ms, mark.truncated_ms) == ("item_4", 2400, 6000, 2400)
    assert mark.at_s == pytest.approx(13.4)


def test_tools_turns_gaps_and_troubles_are_told(story: Story) -> None:
    tools = [(tool.name, round((tool.end_s or 0) - tool.start_s, 3), tool.ok) for tool in story.tools]
    assert tools == [("current_time", 0.03, True), ("set_timer", 0.42, True), ("recall_notes", 0.2, False)]
    assert [round(latency.total_ms) for latency in story.latencies] == [800, 1300, 1000, 800]
    assert [name for name, _, _ in story.latencies[0].steps()] == ["end of turn", "thinking", "to the ear"]
    assert [(round(gap.start_s, 2), round(gap.end_s or 0, 2)) for gap in story.gaps] == [(18.6, 19.44)]
    assert [trouble.code for trouble in story.troubles] == ["rate_limit_exceeded"]
    assert story.ended == "file ended"


def test_what_was_never_heard_makes_room_for_what_was_heard_later(story: Story) -> None:
    unheard = [sound for sound in story.assistant if not sound.heard]
    next_reply = next(reply for reply in story.replies if reply.item_id == "item_5")
    assert unheard
    assert max(sound.end_s for sound in unheard) <= next_reply.start_s


def test_time_begins_with_the_first_event_whatever_the_clock_said() -> None:
    lines = a_whole_conversation().lines()
    shifted = [lines[0]]
    for line in lines[1:]:
        record = json.loads(line)
        record["t"] += 5000.0
        for effect in record["effects"]:
            if effect.get("note") == "turn":
                effect["values"] = {name: at + 5000.0 for name, at in effect["values"].items()}
        shifted.append(json.dumps(record))
    early, late = read(lines), read(shifted)
    assert late.duration_s == pytest.approx(early.duration_s)
    assert late.latencies[0].stopped_s == pytest.approx(early.latencies[0].stopped_s, abs=0.001)


def test_what_never_ended_ends_with_the_conversation() -> None:
    scene = Scene()
    scene.says(1.0, "input_audio_buffer.speech_started", item_id="i")
    scene.happens(1.5, {"kind": "Tick"}, note("tool_started", call_id="c", name="slow"))
    scene.happens(2.0, {"kind": "LinkLost", "code": 1006, "reason": "", "jitter": 0.0, "final": True})
    story = read(scene.lines(until_s=3.0))
    assert (story.speeches[0].end_s, story.tools[0].end_s, story.gaps[0].end_s) == (3.0, 3.0, 3.0)
    assert story.tools[0].ok is None


def test_a_talk_button_and_a_keyboard_are_ways_to_speak() -> None:
    scene = Scene()
    scene.happens(1.0, {"kind": "PushToTalk", "held": True})
    scene.happens(2.0, {"kind": "PushToTalk", "held": False})
    scene.says(2.1, "input_audio_buffer.committed", item_id="i")
    transcription = "conversation.item.input_audio_transcription.completed"
    scene.says(2.3, transcription, item_id="i", transcript="hello")
    scene.happens(3.0, {"kind": "Typed", "text": "written"})
    scene.happens(4.0, {"kind": "Dtmf", "digit": "5"})
    told = [(speech.how, speech.text, speech.start_s) for speech in read(scene.lines()).speeches]
    assert told == [("talk-button", "hello", 1.0), ("keyboard", "written", 3.0), ("telephone-key", "5", 4.0)]


def test_stale_reports_of_an_earlier_epoch_do_not_move_the_present_one() -> None:
    scene = Scene()
    scene.assistant(1.0, 2.0, "one", "a", until_s=2.0)
    scene.interruption(2.0, "a", 1000, 2000)
    scene.assistant(3.0, 1.0, "two", "b")
    scene.happens(3.05, {"kind": "Played", "epoch": 0, "position_ms": 2000.0, "uncertainty_ms": 0.0})
    replies = {reply.item_id: reply for reply in read(scene.lines()).replies}
    assert replies["b"].start_s == pytest.approx(3.0, abs=0.07)
    assert replies["b"].end_s == pytest.approx(4.0, abs=0.02)


def test_lines_that_are_not_known_are_passed_over() -> None:
    lines = a_whole_conversation().lines()
    strange = '{"t": 0.05, "event": {"kind": "Telepathy"}, "effects": [{"kind": "Glow"}, 7, {"kind": "Note"}]}'
    odd = '{"t": 0.05, "event": 3, "effects": null}'
    assert read([*lines[:5], strange, odd, *lines[5:]]).speeches == read(lines).speeches


def test_a_last_line_that_was_cut_off_is_left_out() -> None:
    lines = a_whole_conversation().lines()
    assert read([*lines, lines[-1][:20]]).replies


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "does not begin like a trace"),
        (["RIFF????WAVE"], "does not begin like a trace"),
        (['{"hello": 1}'], "does not begin like a trace"),
        (['{"voice_trace": 1}', "{", '{"t": 1, "event": {}}'], "Line 2 is not a line of a trace"),
        (['{"voice_trace": 1}', "[]", '{"t": 1, "event": {}}'], "Line 2 is not a line of a trace"),
        (['{"voice_trace": 1}', '{"event": {}}', '{"t": 1}'], "Line 2 is not a line of a trace"),
    ],
)
def test_what_is_not_a_trace_is_refused_with_its_line(lines: list[str], says: str) -> None:
    with pytest.raises(TraceUnreadable, match=says):
        read(lines)


@pytest.fixture(scope="module")
def doubtful() -> Story:
    return read(a_doubtful_conversation().lines())


def test_a_turn_of_our_own_ear_is_one_utterance_with_its_pauses(doubtful: Story) -> None:
    (speech,) = doubtful.speeches
    assert (speech.text, speech.item_id) == ("How old is … the Brooklyn Bridge?", "item_1")
    assert speech.start_s == pytest.approx(0.6)
    assert speech.end_s == pytest.approx(3.42)


def test_what_was_asked_ahead_is_kept_or_retracted(doubtful: Story) -> None:
    assert [ahead.kept for ahead in doubtful.aheads] == [False, True]
    assert [round(ahead.start_s, 2) for ahead in doubtful.aheads] == [1.95, 3.67]
    assert [round(ahead.end_s or 0, 2) for ahead in doubtful.aheads] == [2.24, 3.92]


def test_doubt_ends_in_coming_back_or_in_the_stop(doubtful: Story) -> None:
    told = [(round(duck.start_s, 2), round(duck.end_s or 0, 2), duck.meant) for duck in doubtful.ducks]
    assert told == [(5.28, 5.62, False), (6.3, 6.7, False), (7.72, 7.78, True), (7.78, 8.2, True)]
    told_more = [(duck.gain_db, duck.hush, duck.further) for duck in doubtful.ducks]
    assert told_more == [(-18, False, False), (-9, True, False), (-9, True, True), (-18, False, False)]


def test_how_far_the_account_was_off_belongs_to_the_interruption(doubtful: Story) -> None:
    (mark,) = doubtful.interruptions
    assert mark.error_ms == 12


def test_an_item_that_was_retracted_before_it_had_a_name_is_not_the_turns() -> None:
    scene = Scene()
    scene.happens(1.0, {"kind": "CallerSpeech", "stage": "onset", "speech_ms": 0.0}, note("talk_began", why="speech"))
    scene.happens(2.0, {"kind": "Tick"}, note("speculated"))
    scene.happens(2.1, {"kind": "Tick"}, note("speculation_retracted", item_id="", response_id=""))
    scene.says(2.2, "input_audio_buffer.committed", item_id="too_soon")
    scene.happens(3.0, {"kind": "Tick"}, note("talk_ended", at=2.5))
    scene.says(3.1, "input_audio_buffer.committed", item_id="whole")
    (speech,) = read(scene.lines()).speeches
    assert (speech.item_id, speech.start_s, speech.end_s) == ("whole", 1.0, 2.5)


def test_the_talk_button_is_one_utterance_also_where_its_notes_tell_of_it() -> None:
    scene = Scene()
    scene.happens(1.0, {"kind": "PushToTalk", "held": True}, note("talk_began", why="push_to_talk"))
    scene.happens(2.0, {"kind": "PushToTalk", "held": False})
    scene.happens(2.2, {"kind": "Tick"}, note("talk_ended", at=2.0))
    (speech,) = read(scene.lines()).speeches
    assert (speech.how, speech.start_s, speech.end_s) == ("talk-button", 1.0, 2.0)
