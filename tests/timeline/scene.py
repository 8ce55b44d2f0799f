"""A conversation to draw, written as the trace that a session would have left."""

from __future__ import annotations

import json
import math
from typing import Any

FRAME_S = 0.02
SILENCE_S = 0.4
Record = tuple[float, int, dict[str, Any], list[dict[str, Any]]]


def melody(at_s: float, loudness: float) -> float:
    """A level like that of speech: syllables four times a second, words of uneven strength."""
    syllable: float = abs(math.sin(at_s * 12.7)) ** 0.7
    word = 0.45 + 0.55 * abs(math.sin(at_s * 1.9 + math.sin(at_s * 0.7)))
    return round(loudness * (0.08 + 0.92 * syllable) * word, 3)


class Scene:
    """Collects what happens and when; `lines()` is the trace."""

    def __init__(self, **config: Any) -> None:
        self.config = config
        self.records: list[Record] = []
        self.epoch = 0
        self.end_s = 0.0
        self._talks: list[tuple[float, float]] = []
        self._link_s = 0.0
        detection = {"type": "server_vad", "silence_duration_ms": round(SILENCE_S * 1000)}
        self.says(0.0, "session.created", session={"audio": {"input": {"turn_detection": detection}}})

    def happens(self, at_s: float, event: dict[str, Any], *effects: dict[str, Any]) -> None:
        self.records.append((at_s, len(self.records), event, list(effects)))
        self.end_s = max(self.end_s, at_s)

    def says(self, at_s: float, type: str, *effects: dict[str, Any], **fields: Any) -> None:
        """The engine says something."""
        self.happens(at_s, {"kind": "EngineSaid", "event": {"type": type, **fields}}, *effects)

    def person(self, at_s: float, seconds: float, text: str, item_id: str) -> None:
        """The person speaks; the engine notices it, waits for the silence, and later knows the words."""
        until = at_s + seconds
        noticed = until + SILENCE_S + 0.02
        begin_ms, end_ms = ((at - self._link_s) * 1000 for at in (at_s, until + SILENCE_S))
        self._talks.append((at_s, until))
        self.says(at_s + 0.1, "input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=round(begin_ms))
        self.says(noticed, "input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=round(end_ms))
        self.says(noticed, "input_audio_buffer.committed", item_id=item_id)
        transcription = "conversation.item.input_audio_transcription.completed"
        self.says(noticed + 0.2, transcription, item_id=item_id, transcript=text)

    def assistant(
        self,
        at_s: float,
        seconds: float,
        text: str,
        item_id: str,
        *,
        after_s: float | None = None,
        until_s: float | None = None,
    ) -> None:
        """The assistant's sound comes four times as fast as life and is heard from `at_s`, at most until `until_s`."""
        response_id = f"resp_{item_id}"
        if after_s is not None:
            self.turn(after_s, at_s)
        pieces = round(seconds / 0.1)
        for index in range(pieces):
            came = at_s - 0.06 + index * 0.025
            level = melody(at_s + index * 0.1, 0.75)
            play = {"kind": "Play", "response_id": response_id, "item_id": item_id, "ms": 100.0, "level": level}
            audio = {"kind": "EngineAudio", "response_id": response_id, "item_id": item_id, "ms": 100.0, "level": level}
            if until_s is None or came < until_s:
                self.happens(came, audio, play)
        heard_until = at_s + seconds if until_s is None else until_s
        steps = int((heard_until - at_s) / 0.1 + 1e-9)
        for index in range(1, steps + 1):
            report = {
                "kind": "Played",
                "epoch": self.epoch,
                "position_ms": self._base_ms + index * 100.0,
                "uncertainty_ms": 0.0,
            }
            self.happens(at_s + index * 0.1, report)
        self._base_ms += steps * 100.0
        self.says(at_s + 0.3, "response.output_audio_transcript.done", item_id=item_id, transcript=text)

    _base_ms = 0.0

    def turn(self, stopped_s: float, audible_s: float, *, decided_s: float | None = None) -> None:
        """The note that a turn leaves when its first sound is heard."""
        values = {
            "speech_stopped_at": stopped_s,
            "committed_at": decided_s or stopped_s,
            "asked_at": decided_s or stopped_s,
            "first_delta_at": max(audible_s - 0.09, decided_s or 0.0),
            "first_audible_at": audible_s,
        }
        self.happens(audible_s, {"kind": "Tick"}, note("turn", **values))

    def interruption(self, at_s: float, item_id: str, heard_ms: float, received_ms: float) -> None:
        """The person's voice stops the assistant's."""
        self.epoch += 1
        self.says(
            at_s,
            "input_audio_buffer.timeout_triggered",
            {"kind": "StopPlayback", "epoch": self.epoch},
            note("truncated", item_id=item_id, audio_end_ms=round(heard_ms)),
            note("barge_in", item_id=item_id, heard_ms=heard_ms, received_ms=received_ms, position_ms=self._base_ms),
            item_id=f"after_{item_id}",
        )
        self._base_ms = 0.0

    def talks_over(self, at_s: float, seconds: float) -> None:
        """A sound of the person that is no turn (yet)."""
        self._talks.append((at_s, at_s + seconds))

    def hush(self, at_s: float, until_s: float | None = None) -> None:
        """It is turned down a little, and comes back unless a duck follows."""
        rise = {"kind": "CallerSpeech", "stage": "none", "speech_ms": 0.0, "rises": True}
        self.happens(at_s, rise, {"kind": "Duck", "gain_db": -9.0}, note("hushed"))
        if until_s is not None:
            self.happens(until_s, {"kind": "Tick"}, {"kind": "Restore"}, note("unhushed"))

    def duck(self, at_s: float, until_s: float | None = None) -> None:
        """The assistant is turned down, and comes back unless an interruption follows."""
        speech = {"kind": "CallerSpeech", "stage": "onset", "speech_ms": 80.0}
        self.happens(at_s, speech, {"kind": "Duck", "gain_db": -18.0}, note("ducked"))
        if until_s is not None:
            self.happens(until_s, {"kind": "Tick"}, {"kind": "Restore"}, note("restored"))

    def own_turn(self, at_s: float, *spans_s: float, text: str, item_id: str, wait_s: float = 0.5) -> float:
        """A turn that our own ear finds: speech, pause, speech …, with a reply asked for ahead in each quiet. Answers
        when it was over."""
        began = at_s
        self.happens(at_s + 0.1, {"kind": "CallerSpeech", "stage": "onset", "speech_ms": 100.0})
        self.happens(
            at_s + 0.2, {"kind": "CallerSpeech", "stage": "going", "speech_ms": 200.0}, note("talk_began", why="speech")
        )
        for index, span_s in enumerate(spans_s):
            if index % 2 == 0:
                self._talks.append((at_s, at_s + span_s))
            else:
                self.happens(at_s + 0.25, {"kind": "Tick"}, note("speculated"))
                piece = f"{item_id}_{index}"
                self.says(at_s + 0.27, "input_audio_buffer.committed", item_id=piece)
                retracted = note("speculation_retracted", item_id=piece, response_id="r")
                self.happens(
                    at_s + span_s + 0.12, {"kind": "CallerSpeech", "stage": "going", "speech_ms": 120.0}, retracted
                )
            at_s += span_s
        self.happens(at_s + 0.25, {"kind": "Tick"}, note("speculated"))
        self.says(at_s + 0.27, "input_audio_buffer.committed", item_id=item_id)
        transcription = "conversation.item.input_audio_transcription.completed"
        self.says(at_s + 0.4, transcription, item_id=item_id, transcript=text)
        over = at_s + wait_s
        ended, kept = note("talk_ended", at=at_s), note("speculation_kept", item_id=item_id, ahead_ms=250.0, held=9)
        self.happens(over, {"kind": "Tick"}, ended, kept)
        assert began < over
        return over

    def tool(self, at_s: float, seconds: float, name: str, call_id: str, *, ok: bool = True) -> None:
        """A call is run and answered."""
        run = {"kind": "RunTool", "call_id": call_id, "name": name, "arguments": "{}"}
        self.says(at_s, "response.done", run, note("tool_started", call_id=call_id, name=name))
        done = note("tool_done", call_id=call_id, name=name, ok=ok, ms=seconds * 1000)
        self.happens(at_s + seconds, {"kind": "ToolDone", "call_id": call_id, "output": "{}", "ok": ok}, done)

    def gap(self, at_s: float, seconds: float) -> None:
        """The engine goes away and comes back."""
        self.happens(at_s, {"kind": "LinkLost", "code": 1006, "reason": "vanished", "jitter": 0.5, "final": False})
        self.happens(at_s + seconds, {"kind": "LinkOpened"})
        self._link_s = at_s + seconds

    def lines(self, *, until_s: float | None = None) -> list[str]:
        """The trace, the person's microphone included."""
        end_s = until_s or self.end_s + 0.5
        for index in range(round(end_s / FRAME_S)):
            begin = index * FRAME_S
            talking = any(start <= begin < stop for start, stop in self._talks)
            frame = {"ms": 20.0, "level": melody(begin, 0.8) if talking else 0.004}
            sent = {"kind": "SendAudio", **frame}
            self.records.append((begin + FRAME_S, -1, {"kind": "CallerAudio", **frame}, [sent]))
        self.records.append((end_s, 1 << 30, {"kind": "HungUp", "reason": "file ended"}, []))
        header = {
            "voice_trace": 1,
            "session_id": "sess_4f1c",
            "started": "2026-03-02T10:15:00+00:00",
            "config": self.config,
        }
        rows = [
            {"t": round(at, 4), "event": event, "effects": effects}
            for at, _, event, effects in sorted(self.records, key=lambda r: r[:2])
        ]
        return [json.dumps(row) for row in (header, *rows)]


def note(kind: str, **values: Any) -> dict[str, Any]:
    return {"kind": "Note", "note": kind, "values": values}


def a_whole_conversation() -> Scene:
    """Two turns, a tool, an interruption, a lost link and an error."""
    scene = Scene(traits={"name": "local"})
    scene.person(0.8, 1.9, "What time is it in <Tokyo> & in Lisbon?", "item_1")
    scene.tool(3.15, 0.03, "current_time", "call_1")
    scene.assistant(
        3.5,
        3.4,
        "It is a quarter past ten in Lisbon, and a quarter past seven in the evening in Tokyo.",
        "item_2",
        after_s=3.12,
    )
    scene.person(8.1, 1.6, "Set a timer for ten minutes.", "item_3")
    scene.tool(10.2, 0.42, "set_timer", "call_2")
    scene.tool(10.25, 0.2, "recall_notes", "call_3", ok=False)
    text = "I have set a timer for ten minutes. I will tell you when it is over, and you can ask me at any time."
    scene.assistant(11.0, 6.0, text, "item_4", after_s=10.12, until_s=13.4)
    scene.interruption(13.4, "item_4", 2400, 6000)
    scene.person(13.3, 0.9, "Stop, make it twelve.", "after_item_4")
    scene.assistant(15.2, 1.9, "Twelve minutes, starting now.", "item_5", after_s=14.62)
    scene.happens(
        17.9,
        {"kind": "EngineSaid", "event": {"type": "error"}},
        note("error", code="rate_limit_exceeded", action="retry"),
    )
    scene.gap(18.6, 0.84)
    scene.person(20.0, 1.1, "Thank you!", "item_6")
    scene.assistant(21.9, 1.2, "You are welcome.", "item_7", after_s=21.52)
    return scene


def a_doubtful_conversation() -> Scene:
    """Our own ear: a pause inside of a turn, an "mm-hm" over the answer, a door, and an interruption that was meant."""
    scene = Scene(traits={"name": "local"}, turns={"mode": "local"})
    over = scene.own_turn(0.6, 1.1, 0.42, 1.3, text="How old is … the Brooklyn Bridge?", item_id="item_1")
    scene.turn(over - 0.5, over + 0.06, decided_s=over)
    text = "The Brooklyn Bridge was opened in May 1883, so it is a little more than one hundred and forty years old."
    scene.assistant(over + 0.06, 6.5, text, "item_2", until_s=8.2)
    scene.talks_over(5.2, 0.3)
    scene.duck(5.28, 5.62)
    scene.hush(6.3, 6.7)
    scene.talks_over(7.7, 1.2)
    scene.hush(7.72)
    scene.duck(7.78)
    scene.interruption(8.2, "item_2", round((8.2 - over - 0.06) * 1000), 6_500)
    scene.happens(
        8.5, {"kind": "Played", "epoch": 0, "position_ms": 4_200.0}, note("cut_measured", truncation_error_ms=-12.0)
    )
    return scene
