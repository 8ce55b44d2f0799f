"""Read a trace line by line into a Story.

A line is `{"t": seconds, "event": {"kind": …}, "effects": [{"kind": …}, …]}`; the first one is the header. What is not
known is passed over, so that a picture of an older or a newer trace can still be drawn.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from voice.errors import TraceUnreadable
from voice.timeline.fields import Fields, as_dict, as_list, maybe_number, number_or
from voice.timeline.person import Person
from voice.timeline.playout import Epoch
from voice.timeline.story import (
    Ahead,
    Duck,
    Gap,
    Interruption,
    Latency,
    Reply,
    Sound,
    Story,
    ToolSpan,
    Trouble,
)

UNKNOWN_LEVEL = 0.3


def read(lines: Iterable[str]) -> Story:
    """The story of a trace. Raises TraceUnreadable; a last line that was cut off is left out."""
    reader = Reader()
    broken = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if broken:
            raise TraceUnreadable(f"Line {broken} is not a line of a trace.")
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or (number > 1 and not isinstance(record.get("t"), int | float)):
            broken = number
        elif number == 1:
            reader.begin(record)
        else:
            reader.add(record)
    if broken == 1 or not reader.begun:
        raise TraceUnreadable("The file does not begin like a trace.")
    return reader.finish()


class Reader:
    """Takes the lines of one trace in order."""

    def __init__(self) -> None:
        self.story = Story()
        self.begun = False
        self._zero_s: float | None = None
        self._now_s = 0.0
        self._epochs = [Epoch()]
        self._epoch_number: int | None = None
        self._texts: dict[str, str] = {}
        self._person = person = Person(self.story.speeches)
        self._events: dict[str, Callable[[Fields], None]] = {
            "CallerAudio": self._caller_audio,
            "CallerSpeech": self._heard(person.heard),
            "EngineSaid": self._engine_said,
            "Played": self._played,
            "PushToTalk": self._heard(person.pressed),
            "Typed": lambda event: person.wrote(str(event.get("text", "")), "keyboard", self._now_s),
            "Dtmf": lambda event: person.wrote(str(event.get("digit", "")), "telephone-key", self._now_s),
            "LinkLost": self._link_lost,
            "LinkOpened": self._link_opened,
            "HungUp": self._ended,
            "Close": self._ended,
        }
        self._effects: dict[str, Callable[[Fields], None]] = {
            "SendAudio": lambda effect: person.input.sent(self._now_s, number_or(effect.get("ms"), 0.0)),
            "Play": self._play,
            "StopPlayback": self._stop_playback,
            "Duck": self._duck,
            "Restore": lambda effect: self._end_duck(meant=False),
            "RunTool": self._run_tool,
            "CancelTool": lambda effect: self._tool_ended(effect, ok=False),
            "SendToEngine": self._sent_to_engine,
            "Note": self._note,
        }
        self._words: dict[str, Callable[[Fields], None]] = {
            "session.created": lambda said: person.input.configured(as_dict(said.get("session"))),
            "session.updated": lambda said: person.input.configured(as_dict(said.get("session"))),
            "input_audio_buffer.speech_started": self._heard(person.started),
            "input_audio_buffer.speech_stopped": self._heard(person.stopped),
            "input_audio_buffer.committed": lambda said: person.committed(str(said.get("item_id", ""))),
            "conversation.item.input_audio_transcription.delta": self._keep_words,
            "conversation.item.input_audio_transcription.completed": self._keep_words,
            "response.output_audio_transcript.delta": self._keep_words,
            "response.output_audio_transcript.done": self._keep_words,
        }
        self._notes: dict[str, Callable[[Fields], None]] = {
            "hushed": self._hushed,
            "barge_in": self._barge_in,
            "truncated": self._truncated,
            "cut_measured": self._truncation,
            "talk_began": self._heard(person.began),
            "talk_ended": self._talk_ended,
            "speculated": lambda note: self.story.aheads.append(Ahead(self._now_s)),
            "speculation_kept": lambda note: self._ahead_ended(kept=True),
            "speculation_retracted": self._retracted,
            "stale_dropped": self._stale_dropped,
            "tool_started": self._run_tool,
            "tool_done": lambda note: self._tool_ended(note, ok=bool(note.get("ok", True))),
            "turn": self._turn,
            "ended": self._ended,
            "error": lambda note: self.story.troubles.append(
                Trouble(self._now_s, str(note.get("code", "error")), str(note.get("action", "")))
            ),
        }

    def begin(self, header: Fields) -> None:
        """The first line."""
        if "voice_trace" not in header:
            raise TraceUnreadable("The file does not begin like a trace.")
        self.begun = True
        self.story.session_id = str(header.get("session_id", ""))
        self.story.started = str(header.get("started", ""))
        config = header.get("config")
        self.story.config = config if isinstance(config, dict) else {}

    def add(self, record: Fields) -> None:
        """One handled event with what it led to."""
        if self._zero_s is None:
            self._zero_s = float(record["t"])
        self._now_s = max(self._now_s, float(record["t"]) - self._zero_s)
        effects = [effect for effect in as_list(record.get("effects")) if isinstance(effect, dict)]
        position_ms = _noted_position(effects)
        event = as_dict(record.get("event"))
        _dispatch(self._events, event)
        for effect in effects:
            if effect.get("kind") == "StopPlayback" and position_ms is not None:
                effect = {**effect, "position_ms": position_ms}
            _dispatch(self._effects, effect)

    def finish(self) -> Story:
        """The whole story."""
        story = self.story
        last_sound_s = max((sound.end_s for sound in story.caller), default=0.0)
        story.duration_s = max(self._now_s, last_sound_s, 0.1)
        self._place_replies()
        for speech in story.speeches:
            speech.text = speech.text or self._texts.get(speech.item_id, "")
            speech.end_s = max(story.duration_s if speech.end_s is None else speech.end_s, speech.start_s)
        for tool in story.tools:
            tool.end_s = story.duration_s if tool.end_s is None else tool.end_s
        for duck in story.ducks:
            duck.end_s = story.duration_s if duck.end_s is None else duck.end_s
        for ahead in story.aheads:
            ahead.end_s = story.duration_s if ahead.end_s is None else ahead.end_s
        for gap in story.gaps:
            gap.end_s = story.duration_s if gap.end_s is None else gap.end_s
        return story

    # The person

    def _heard(self, handle: Callable[[Fields, float], None]) -> Callable[[Fields], None]:
        """A handler of the person's part, told the time."""
        return lambda fields: handle(fields, self._now_s)

    def _caller_audio(self, event: Fields) -> None:
        length_s = number_or(event.get("ms"), 20.0) / 1000
        start_s = max(0.0, self._now_s - length_s)
        self.story.caller.append(Sound(start_s, self._now_s, number_or(event.get("level"), UNKNOWN_LEVEL)))

    def _talk_ended(self, note: Fields) -> None:
        ended_s = self._moment(note.get("at"))
        self._person.ended(self._now_s if ended_s is None else ended_s)

    def _ahead_ended(self, *, kept: bool) -> None:
        for ahead in self.story.aheads[-1:]:
            ahead.end_s, ahead.kept = self._now_s, kept

    def _retracted(self, note: Fields) -> None:
        self._ahead_ended(kept=False)
        self._person.retracted(str(note.get("item_id", "")))

    def _ended(self, event: Fields) -> None:
        self.story.ended = self.story.ended or str(event.get("reason", "")) or str(event.get("kind", ""))

    # The assistant

    def _keep_words(self, said: Fields) -> None:
        item_id = str(said.get("item_id", ""))
        if "transcript" in said:
            self._texts[item_id] = str(said["transcript"] or "").strip()
        else:
            self._texts[item_id] = self._texts.get(item_id, "") + str(said.get("delta") or "")

    def _play(self, effect: Fields) -> None:
        level = number_or(effect.get("level"), UNKNOWN_LEVEL)
        length_ms = number_or(effect.get("ms"), 0.0)
        self._epochs[-1].queue(self._now_s, str(effect.get("item_id", "")), length_ms, level)

    def _played(self, event: Fields) -> None:
        if self._epoch_number is None or event.get("epoch") == self._epoch_number:
            self._epochs[-1].report(self._now_s, number_or(event.get("position_ms"), 0.0))

    def _stop_playback(self, effect: Fields) -> None:
        self._end_duck(meant=True)
        position = effect.get("position_ms")
        self._epochs[-1].stop(self._now_s, float(position) if isinstance(position, int | float) else None)
        self._epochs.append(Epoch())
        self._epoch_number = effect.get("epoch")

    def _place_replies(self) -> None:
        """What was never heard is shown where it would have been, as far as nothing else was heard there."""
        replies: dict[str, Reply] = {}
        taken_s = float("inf")
        for epoch in reversed(self._epochs):
            placed = epoch.sounds(self.story.duration_s)
            self.story.assistant += [sound for _, sound in placed if sound.heard or sound.end_s <= taken_s]
            taken_s = min([taken_s, *(sound.start_s for _, sound in placed if sound.heard)])
            for chunk, sound in placed:
                reply = replies.setdefault(chunk.item_id, Reply(chunk.item_id, sound.start_s, sound.start_s))
                reply.text = self._texts.get(chunk.item_id, "")
                reply.received_ms += chunk.length_ms
                if sound.heard:
                    reply.start_s = min(reply.start_s, sound.start_s)
                    reply.end_s = max(reply.end_s, sound.end_s)
                    reply.heard_ms += chunk.length_ms
        self.story.replies = sorted(replies.values(), key=lambda reply: reply.start_s)

    # Interruptions, tools, turns

    def _barge_in(self, note: Fields) -> None:
        mark = self._interruption(str(note.get("item_id", "")))
        mark.heard_ms = maybe_number(note.get("heard_ms"))
        mark.received_ms = maybe_number(note.get("received_ms"))

    def _truncated(self, note: Fields) -> None:
        self._interruption(str(note.get("item_id", ""))).truncated_ms = maybe_number(note.get("audio_end_ms"))

    def _truncation(self, note: Fields) -> None:
        """The far end told later how much was heard: how far our account was off."""
        for mark in self.story.interruptions[-1:]:
            mark.error_ms = abs(number_or(note.get("truncation_error_ms"), 0.0))

    def _duck(self, effect: Fields) -> None:
        for duck in self.story.ducks[-1:]:
            if duck.end_s is None:
                duck.end_s, duck.further = self._now_s, True
        self.story.ducks.append(Duck(self._now_s, number_or(effect.get("gain_db"), 0.0)))

    def _hushed(self, values: Fields) -> None:
        for duck in self.story.ducks[-1:]:
            duck.hush = True

    def _end_duck(self, *, meant: bool) -> None:
        """What led to it was meant, or not, too."""
        for duck in reversed(self.story.ducks):
            if duck.end_s is None:
                duck.end_s = self._now_s
            elif not duck.further:
                break
            duck.meant = meant

    def _interruption(self, item_id: str) -> Interruption:
        """The mark of an item: an item is interrupted once, however many lines say so."""
        for mark in self.story.interruptions:
            if mark.item_id == item_id:
                return mark
        self.story.interruptions.append(Interruption(self._now_s, item_id))
        return self.story.interruptions[-1]

    def _sent_to_engine(self, effect: Fields) -> None:
        event = as_dict(effect.get("event"))
        if event.get("type") == "conversation.item.truncate":
            self._truncated(event)

    def _stale_dropped(self, note: Fields) -> None:
        self.story.stale_ms += number_or(note.get("ms"), 0.0)

    def _run_tool(self, fields: Fields) -> None:
        call_id = str(fields.get("call_id", ""))
        if not any(tool.call_id == call_id for tool in self.story.tools):
            self.story.tools.append(ToolSpan(call_id, str(fields.get("name", "tool")), self._now_s))

    def _tool_ended(self, fields: Fields, *, ok: bool) -> None:
        for tool in self.story.tools:
            if tool.call_id == fields.get("call_id") and tool.end_s is None:
                tool.end_s, tool.ok = self._now_s, ok

    def _turn(self, note: Fields) -> None:
        stopped, audible = self._moment(note.get("speech_stopped_at")), self._moment(note.get("first_audible_at"))
        if stopped is None or audible is None or audible < stopped:
            return
        stopped = self._person.last_word_s(stopped)
        committed, first = self._moment(note.get("committed_at")), self._moment(note.get("first_delta_at"))
        self.story.latencies.append(Latency(stopped, audible, committed, first))

    def _moment(self, value: object) -> float | None:
        at = maybe_number(value)
        return None if at is None else max(0.0, at - (self._zero_s or 0.0))

    # The link

    def _link_lost(self, event: Fields) -> None:
        if not self.story.gaps or self.story.gaps[-1].end_s is not None:
            self.story.gaps.append(Gap(self._now_s, reason=str(event.get("reason", ""))))

    def _link_opened(self, event: Fields) -> None:
        self._person.input.restart()
        if self.story.gaps and self.story.gaps[-1].end_s is None:
            self.story.gaps[-1].end_s = self._now_s

    def _engine_said(self, event: Fields) -> None:
        said = as_dict(event.get("event"))
        handle = self._words.get(str(said.get("type", "")))
        if handle is not None:
            handle(said)

    def _note(self, effect: Fields) -> None:
        handle = self._notes.get(str(effect.get("note", "")))
        if handle is not None:
            handle(as_dict(effect.get("values")))


def _dispatch(table: dict[str, Callable[[Fields], None]], fields: Fields) -> None:
    handle = table.get(str(fields.get("kind", "")))
    if handle is not None:
        handle(fields)


def _noted_position(effects: list[Fields]) -> float | None:
    """Where in the epoch's sound an interruption among these effects found the loudspeaker."""
    for effect in effects:
        if effect.get("kind") == "Note" and effect.get("note") == "barge_in":
            return maybe_number(as_dict(effect.get("values")).get("position_ms"))
    return None
