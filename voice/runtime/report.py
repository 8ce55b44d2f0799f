"""A conversation in figures: who spoke how long, who interrupted whom, how long each answer took.

Computed from the stream of events and effects, like everything that is observed; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from voice.session import effects as ef
from voice.session import events as ev


@dataclass(slots=True)
class TurnReport:
    """One turn of the person. Times in ms from the moment the engine (or our ear) found the end of the speech."""

    decided_ms: float | None = None
    first_delta_ms: float | None = None
    first_audible_ms: float | None = None


@dataclass(slots=True)
class Interruption:
    """One sound of the person over the assistant. Times in ms from the duck, or from the decision without one."""

    why: str
    yielded: bool
    confirmed_ms: float | None = None
    heard_ms: float | None = None
    received_ms: float | None = None


@dataclass(slots=True)
class SessionReport:
    """What became of one conversation, in seconds and counts."""

    length_s: float = 0.0
    person_s: float = 0.0
    assistant_s: float = 0.0
    both_s: float = 0.0
    longest_monologue_s: float = 0.0
    dead_air_s: float = 0.0
    longest_dead_air_s: float = 0.0
    assistant_interrupted: int = 0
    person_interrupted: int = 0
    restored: int = 0
    reconnects: int = 0
    tool_calls: int = 0
    errors: int = 0
    cost_usd: float = 0.0
    turns: list[TurnReport] = field(default_factory=list)
    interruptions: list[Interruption] = field(default_factory=list)

    @property
    def talk_ratio(self) -> float:
        """The assistant's share of the talk; 0 when nobody spoke."""
        talked = self.person_s + self.assistant_s
        return self.assistant_s / talked if talked else 0.0

    def as_values(self) -> dict[str, Any]:
        """Everything as JSON knows it."""
        return asdict(self) | {"talk_ratio": round(self.talk_ratio, 4)}


class Reporter:
    """Watches one session and keeps its report up to date."""

    def __init__(self) -> None:
        self.report = SessionReport()
        self._at = 0.0
        self._person = False
        self._assistant = False
        self._monologue_s = 0.0
        self._quiet_s = 0.0
        self._ducked_at: float | None = None
        self._last_cut: Interruption | None = None

    def watch(self, now: float, event: ev.Event, effects: Sequence[ef.Effect]) -> None:
        if type(event) is ev.CallerAudio and len(effects) < 2:
            return
        self._pass_time(now)
        for effect in effects:
            if type(effect) is ef.Note:
                self._note(effect.kind, effect.values, now)
            elif type(effect) is ef.Play and not self._assistant:
                self._assistant, self._monologue_s = True, 0.0
                self.report.person_interrupted += self._person
            elif type(effect) is ef.Duck:
                self._ducked_at = now
            elif type(effect) is ef.StopPlayback:
                self._assistant = False

    def _pass_time(self, now: float) -> None:
        report, gone_s = self.report, now - self._at
        self._at, report.length_s = now, now
        if self._person:
            report.person_s += gone_s
        if self._assistant:
            report.assistant_s += gone_s
            self._monologue_s += gone_s
            report.longest_monologue_s = max(report.longest_monologue_s, self._monologue_s)
        if self._person and self._assistant:
            report.both_s += gone_s
        if self._person or self._assistant:
            self._quiet_s = 0.0
        else:
            self._quiet_s += gone_s
            report.dead_air_s += gone_s
            report.longest_dead_air_s = max(report.longest_dead_air_s, self._quiet_s)

    def _note(self, kind: str, values: dict[str, Any], now: float) -> None:
        report = self.report
        match kind:
            case "speech_started" | "turn_taken":
                self._person = True
            case "speech_stopped" | "committed" | "tap_ignored":
                self._person = False
            case "sound_ended":
                self._assistant = False
            case "turn":
                report.turns.append(_turn(values))
            case "restored":
                report.restored += 1
                self._decided("acknowledgement", yielded=False, now=now)
            case "yielded":
                self._decided(values["why"], yielded=True, now=now)
            case "barge_in":
                self._cut(values, now)
            case "link":
                report.reconnects += bool(values["state"] == "lost" and values["was_ready"])
            case "tool_done":
                report.tool_calls += 1
            case "error":
                report.errors += 1
            case "ended":
                report.cost_usd = values["cost_usd"]

    def _decided(self, why: str, *, yielded: bool, now: float) -> None:
        since, self._ducked_at = self._ducked_at, None
        confirmed_ms = None if since is None else round((now - since) * 1000, 1)
        self._last_cut = Interruption(why, yielded, confirmed_ms)
        self.report.interruptions.append(self._last_cut)

    def _cut(self, values: dict[str, Any], now: float) -> None:
        """An item was cut. Several items of one interruption count once."""
        cut = self._last_cut
        if cut is None or not cut.yielded or cut.heard_ms is not None:
            cut = Interruption(values["why"], yielded=True)
            self.report.interruptions.append(cut)
        cut.heard_ms, cut.received_ms = values["heard_ms"], values["received_ms"]
        self._last_cut = cut
        self.report.assistant_interrupted += 1


def _turn(values: dict[str, float]) -> TurnReport:
    stopped_at = values.get("speech_stopped_at")
    if stopped_at is None:
        return TurnReport()

    def since(name: str) -> float | None:
        return round((values[name] - stopped_at) * 1000, 1) if name in values else None

    return TurnReport(since("committed_at"), since("first_delta_at"), since("first_audible_at"))
