"""A realtime client whose sound we play: it talks to us as any client, and we stop, duck and truncate for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.stage import Stage, noted, of, sent, shown
from voice.protocol.client_events import (
    ConversationItemDelete,
    ConversationItemTruncate,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.server_events import ConversationItemTruncated, SessionCreated, SessionUpdated
from voice.protocol.settings import AudioInput, AudioSettings, SemanticVad, ServerVad, Session
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import FloorRules
from voice.session.states import Voice

WIRE_VAD = {"type": "server_vad", "create_response": False, "interrupt_response": False}


def played_for(**config: Any) -> Stage:
    return Stage(client_face=True, playout="reports", **config)


def judged(**config: Any) -> Stage:
    stage = played_for(floor=FloorRules(), **config)
    stage.hear("session.updated", session=wire(WIRE_VAD))
    return stage


def wire(detection: dict[str, Any] | None) -> dict[str, Any]:
    return {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}


def asks(stage: Stage, detection: Any) -> list[ef.Effect]:
    settings = Session(audio=AudioSettings(input=AudioInput(turn_detection=detection)))
    return stage.say(ev.ClientSaid(SessionUpdate(session=settings)))


def sounding(stage: Stage, *, sent_ms: float = 2_000, heard_ms: float = 500) -> Stage:
    stage.begin()
    stage.sound(sent_ms)
    stage.now += heard_ms / 1000
    stage.say(ev.Played(0, heard_ms, 20.0, 0.0))
    return stage


def detection_of(event: SessionCreated | SessionUpdated) -> Any:
    settings: Any = event.session
    return settings.audio.input.turn_detection


def detection_sent(effects: list[ef.Effect]) -> Any:
    (update,) = sent(effects, SessionUpdate)
    return update.session.audio.input.turn_detection  # type: ignore[union-attr]


# Where the engine keeps the floor


def test_speech_stops_the_sound_and_truncates_at_what_was_heard() -> None:
    stage = sounding(played_for())
    effects = stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u")
    assert of(effects, ef.StopPlayback)
    (truncation,) = sent(effects, ConversationItemTruncate)
    assert (truncation.item_id, truncation.audio_end_ms) == ("item_a1", 500)
    assert not sent(effects, ResponseCancel), "the engine was asked to do that by itself"
    assert shown(effects) == ["input_audio_buffer.speech_started"]


def test_the_client_is_told_of_the_truncation() -> None:
    stage = sounding(played_for())
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u")
    effects = stage.hear("conversation.item.truncated", item_id="item_a1", content_index=0, audio_end_ms=500)
    assert [effect.event for effect in of(effects, ef.SendToClient)] == [
        ConversationItemTruncated(event_id="ev", item_id="item_a1", content_index=0, audio_end_ms=500)
    ]


def test_what_nobody_heard_is_deleted() -> None:
    stage = sounding(played_for(), heard_ms=0)
    effects = stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u")
    assert [event.item_id for event in sent(effects, ConversationItemDelete)] == ["item_a1"]


def test_a_client_that_wants_no_interruptions_has_none() -> None:
    stage = sounding(played_for())
    asks(stage, ServerVad(interrupt_response=False))
    effects = stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u")
    assert not of(effects, ef.StopPlayback)


def test_the_flags_go_through_as_the_client_wrote_them() -> None:
    assert detection_sent(asks(played_for(), ServerVad(threshold=0.7))).create_response is None


# What a client does to its own sound


def test_a_clear_stops_the_sound_at_once_and_cancels_what_makes_it() -> None:
    stage = sounding(played_for())
    effects = stage.say(ev.ClientSaid(OutputAudioBufferClear()))
    assert of(effects, ef.StopPlayback)
    assert [event.response_id for event in sent(effects, ResponseCancel)] == ["resp_1"]
    assert [event.audio_end_ms for event in sent(effects, ConversationItemTruncate)] == [500]
    assert not sent(effects, OutputAudioBufferClear), "an engine has no such buffer"
    assert stage.session.states.voice is Voice.QUIET


def test_a_clear_of_silence_does_nothing() -> None:
    stage = played_for()
    stage.say(ev.ClientSaid(ResponseCreate()))
    assert stage.say(ev.ClientSaid(OutputAudioBufferClear())) == []


def test_a_cancel_alone_lets_what_was_made_sound_to_its_end() -> None:
    stage = sounding(played_for())
    effects = stage.say(ev.ClientSaid(ResponseCancel(response_id="resp_1")))
    effects += stage.done(status="cancelled")
    assert not of(effects, ef.StopPlayback)
    assert stage.session.states.voice is not Voice.QUIET


def test_a_truncation_of_the_clients_own_is_obeyed() -> None:
    stage = sounding(played_for())
    effects = stage.say(ev.ClientSaid(ConversationItemTruncate(item_id="item_a1", content_index=0, audio_end_ms=300)))
    assert of(effects, ef.StopPlayback)
    assert [event.audio_end_ms for event in sent(effects, ConversationItemTruncate)] == [300]


def test_a_truncation_of_something_else_leaves_the_sound_alone() -> None:
    stage = sounding(played_for())
    effects = stage.say(ev.ClientSaid(ConversationItemTruncate(item_id="item_old", content_index=0, audio_end_ms=300)))
    assert not of(effects, ef.StopPlayback)
    assert sent(effects, ConversationItemTruncate)


# Where we judge interruptions


def test_the_engine_is_asked_to_do_nothing_about_turns_from_the_start() -> None:
    stage = played_for(floor=FloorRules(), ready=False)
    detection = detection_sent(stage.connect())
    assert (detection.type, detection.create_response, detection.interrupt_response) == ("server_vad", False, False)


def test_the_client_sees_what_it_asked_for_and_not_what_the_engine_was_asked() -> None:
    stage = played_for(floor=FloorRules(), ready=False)
    stage.connect()
    effects = stage.hear("session.updated", session=wire(WIRE_VAD))
    (created,) = [effect.event for effect in of(effects, ef.SendToClient)]
    assert isinstance(created, SessionCreated)
    assert detection_of(created).create_response is True
    asked = asks(stage, SemanticVad(interrupt_response=False))
    assert detection_sent(asked).interrupt_response is False
    assert detection_sent(asked).create_response is False
    effects = stage.hear("session.updated", session=wire({**WIRE_VAD, "type": "semantic_vad"}))
    (updated,) = [effect.event for effect in of(effects, ef.SendToClient)]
    assert isinstance(updated, SessionUpdated)
    detection = detection_of(updated)
    assert (detection.create_response, detection.interrupt_response) == (True, False)


def test_a_turn_is_answered_because_we_ask() -> None:
    effects = judged().speak()
    assert len(sent(effects, ResponseCreate)) == 1


@pytest.mark.parametrize("wanted", [None, ServerVad(create_response=False)])
def test_a_client_that_asks_for_its_replies_itself_is_left_to_do_so(wanted: Any) -> None:
    stage = judged()
    asks(stage, wanted)
    stage.hear("session.updated", session=wire(None))
    assert not sent(stage.speak(), ResponseCreate)


def test_the_first_sound_of_a_person_ducks_and_enough_of_it_stops() -> None:
    stage = sounding(judged())
    stage.now += 1.0
    effects: list[ef.Effect] = []
    for speech_ms in range(40, 1_000, 60):
        stage.now += 0.06
        stage_name = "onset" if speech_ms == 40 else "going"
        effects += stage.say(ev.CallerSpeech(stage_name, float(speech_ms), 0.0, -20.0, -60.0, 0.0, 0.95))  # type: ignore[arg-type]
    assert [type(effect) for effect in effects if isinstance(effect, ef.Duck | ef.StopPlayback)] == [
        ef.Duck,
        ef.StopPlayback,
    ]
    assert len(sent(effects, ResponseCancel)) == 1
    assert noted(effects, "yielded")


def test_a_new_connection_is_asked_for_the_same() -> None:
    stage = judged()
    asks(stage, SemanticVad(eagerness="low"))
    stage.hear("session.updated", session=wire({**WIRE_VAD, "type": "semantic_vad"}))
    stage.lose()
    detection = detection_sent(stage.connect())
    assert (detection.type, detection.eagerness, detection.create_response) == ("semantic_vad", "low", False)


# The last words


def test_closing_words_are_played_to_such_a_client_too() -> None:
    from tests.world.room import SILENCE

    stage = played_for(closing=SILENCE)
    effects = stage.lose(final=True)
    assert of(effects, ef.Play)
