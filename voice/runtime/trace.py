"""A conversation as a file: every event with its time and its effects, one JSON object a line.

Sound is not written, only how long and how loud it was; a replay plays frames of the same length, and because the
core never opens a frame it decides the same. The first line holds the configuration.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import IO, Any

from voice.audio.frames import PCM_24K, AudioFrame
from voice.errors import ProtocolError, TraceUnreadable
from voice.protocol import client_events, server_events
from voice.protocol.codec import Unknown, decode_client_event, decode_server_event, encode_event
from voice.protocol.settings import FunctionTool
from voice.protocol.settings import Session as Settings
from voice.protocol.traits import EngineTraits
from voice.session import events as ev
from voice.session.approvals import ApprovalRules
from voice.session.belief import BeliefRules
from voice.session.effects import Effect
from voice.session.rules import FloorRules, LinkRules, PhraseLists, Prices, SessionConfig, TurnRules
from voice.session.session import Session
from voice.session.watch import WatchRules

VERSION = 1
_EVENTS: dict[str, type[Any]] = {kind.__name__: kind for kind in ev.Event.__args__}
_WIRE = (Unknown, *client_events.CLIENT_EVENTS.values(), *server_events.SERVER_EVENTS.values())


def plain(value: Any) -> Any:
    """An event or effect as JSON knows it; frames become their length and loudness, protocol events their wire form."""
    if isinstance(value, AudioFrame):
        return {"ms": value.duration_ms, "level": _level(value)}
    if isinstance(value, _WIRE):
        return json.loads(encode_event(value))
    if isinstance(value, Settings):
        return json.loads(value.model_dump_json(exclude_unset=True))
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


def line_of(happened: ev.Event | Effect) -> dict[str, Any]:
    """One event or effect as a flat object with its `kind`."""
    kind = type(happened).__name__
    line: dict[str, Any] = {"kind": kind}
    for field in fields(happened):
        value = getattr(happened, field.name)
        if isinstance(value, AudioFrame):
            line |= plain(value)
        elif kind == "Note" and field.name == "kind":
            line["note"] = value
        else:
            line[field.name] = plain(value)
    return line


def _level(frame: AudioFrame) -> float:
    from voice.audio.level import peak

    try:
        return round(peak(frame), 4)
    except ProtocolError:  # a far end may say anything, also what is not base64
        return 0.0


class _FrameOfLength(AudioFrame):
    """A frame of which only the length is known: the core never opens one."""

    __slots__ = ("_ms",)

    def __init__(self, ms: float) -> None:
        super().__init__(PCM_24K, b"")
        self._ms = ms

    @property
    def duration_ms(self) -> float:
        return self._ms


class TraceWriter:
    """Watches a session and writes it down. Lines are handed to the operating system as they come."""

    def __init__(self, file: IO[str], config: SessionConfig, *, started: str) -> None:
        self._file = file
        header = {
            "voice_trace": VERSION,
            "session_id": config.session_id,
            "started": started,
            "config": _config_out(config),
        }
        self._write(header)

    def watch(self, now: float, event: ev.Event, effects: Sequence[Effect]) -> None:
        self._write({"t": now, "event": line_of(event), "effects": [line_of(e) for e in effects]})

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False, default=sorted) + "\n")


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Whether the core decided the same again; `first_difference` says where it did not."""

    equal: bool
    events: int
    first_difference: str | None = None


def replay(lines: Iterable[str]) -> ReplayResult:
    """Feed a trace to a new session and compare what it wants done. Raises TraceUnreadable when it is not a trace."""
    parsed = _parse(lines)
    session = _session_of(next(parsed, None))
    count = 0
    for line in parsed:
        count += 1
        try:
            event, at, wanted = _event_in(line["event"]), line["t"], [comparable(effect) for effect in line["effects"]]
        except (KeyError, TypeError, ValueError, ProtocolError) as error:
            raise TraceUnreadable(f"Line {count + 1} is not a line of a trace.", detail=repr(error)) from error
        effects = [comparable(line_of(effect)) for effect in session.handle(event, at)]
        if effects != wanted:
            return ReplayResult(False, count, _difference(line, wanted, effects))
    return ReplayResult(True, count)


def _session_of(header: dict[str, Any] | None) -> Session:
    if header is None or header.get("voice_trace") != VERSION:
        raise TraceUnreadable(
            "This is not a trace of this version.", fix="Record one with: voice call IN.wav --trace t.jsonl"
        )
    try:
        return Session(_config_in(header["config"]))
    except (KeyError, TypeError, ValueError) as error:
        raise TraceUnreadable("The configuration of the trace cannot be read.", detail=repr(error)) from error


def replay_file(path: Path) -> ReplayResult:
    """`replay` of a file."""
    try:
        with path.open(encoding="utf-8") as file:
            return replay(file)
    except UnicodeDecodeError as error:
        raise TraceUnreadable("The file is not text.") from error


def comparable(effect: dict[str, Any]) -> dict[str, Any]:
    """An effect without what a replay cannot know (loudness)."""
    return {key: value for key, value in effect.items() if key != "level"}


def _parse(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The lines as objects. A last one that was cut off is left out: whatever wrote it was stopped there."""
    broken = 0
    for number, text in enumerate(lines, 1):
        if broken:
            raise TraceUnreadable(f"Line {broken} of the trace is not JSON.")
        try:
            line = json.loads(text)
        except ValueError:
            broken = number
            continue
        if not isinstance(line, dict):
            raise TraceUnreadable(f"Line {number} of the trace is not an object.")
        yield line


def _difference(line: dict[str, Any], wanted: list[Any], effects: list[Any]) -> str:
    for index, (before, after) in enumerate(zip(wanted, effects, strict=False)):
        if before != after:
            return f"at {line['t']:.3f} s, effect {index} after {line['event']['kind']}: was {before}, is {after}"
    return f"at {line['t']:.3f} s after {line['event']['kind']}: {len(wanted)} effects were, {len(effects)} are"


def _event_in(line: dict[str, Any]) -> ev.Event:
    kind = _EVENTS[line["kind"]]
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.name == "frame":
            values["frame"] = _FrameOfLength(line["ms"])
        elif kind is ev.EngineSaid:
            values["event"] = decode_server_event(json.dumps(line["event"]))
        elif kind is ev.ClientSaid:
            values["event"] = decode_client_event(json.dumps(line["event"]))
        elif kind is ev.Change:
            turns = line["turns"]
            values["settings"] = Settings.model_validate(line["settings"])
            values["turns"] = None if turns is None else TurnRules(**turns)
            break
        else:
            values[field.name] = line[field.name]
    event: ev.Event = kind(**values)
    return event


def _config_out(config: SessionConfig) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name == "settings":
            out["settings"] = plain(value)
        elif field.name == "closing":
            out["closing"] = None if value is None else value.duration_ms
        elif field.name == "tools":
            out["tools"] = [tool.model_dump(exclude_unset=True) for tool in value]
        else:
            out[field.name] = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    return out


def _config_in(out: dict[str, Any]) -> SessionConfig:
    traits = dict(out["traits"])
    traits["formats"] = tuple(traits["formats"])
    values = dict(out)
    values["traits"] = EngineTraits(**traits)
    values["settings"] = Settings.model_validate(out["settings"])
    values["tools"] = tuple(FunctionTool.model_validate(tool) for tool in out["tools"])
    values["turns"] = TurnRules(**out["turns"])
    values["link"] = LinkRules(**out["link"])
    values["closing"] = None if out["closing"] is None else _FrameOfLength(out["closing"])
    values["prices"] = Prices(**out["prices"])
    values["watch"] = WatchRules(**out["watch"])
    values["approvals"] = ApprovalRules(**out.get("approvals", {}))
    values["floor"] = None if out["floor"] is None else _floor_in(out["floor"])
    return SessionConfig(**values)


def _floor_in(out: dict[str, Any]) -> FloorRules:
    phrases = {name: frozenset(words) for name, words in out["phrases"].items()}
    return FloorRules(**{**out, "phrases": PhraseLists(**phrases), "belief": BeliefRules(**out.get("belief", {}))})
