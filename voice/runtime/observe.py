"""What an operator learns of one conversation, from the stream of events and effects, never inside a decision."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from voice.runtime.metrics import Metrics
from voice.runtime.report import Interruption, TurnReport
from voice.runtime.reporter import Reporter
from voice.session import effects as ef
from voice.session import events as ev

PERSONAL = frozenset({"text", "transcript", "reason"})
"""Values of notes that no log gets."""

logger = logging.getLogger("voice.session")


class Observer:
    """Watches one session: counts into the metrics, and logs what an operator wants to see."""

    def __init__(self, metrics: Metrics, session_id: str) -> None:
        self._metrics = metrics
        self._session_id = session_id
        self._reporter = Reporter(self._turn, self._interruption)
        self._notes: dict[str, Callable[[dict[str, Any]], None]] = {
            "barge_in": lambda values: metrics.count("barge_ins", why=values["why"]),
            "stale_dropped": lambda values: metrics.count("stale_ms", values["ms"]),
            "tool_done": lambda values: metrics.count("tool_calls", tool=values["name"], ok=str(values["ok"]).lower()),
            "approval_ended": lambda values: metrics.count("approvals", tool=values["name"], outcome=values["outcome"]),
            "error": lambda values: metrics.count(
                "engine_errors", code=values["code"] or "none", action=values["action"]
            ),
            "link": self._link,
            "restored": lambda values: metrics.count("restored"),
            "unhushed": lambda values: metrics.count("hushed"),
            "speculation_kept": lambda values: metrics.count("speculations", outcome="kept"),
            "speculation_retracted": lambda values: metrics.count("speculations", outcome="retracted"),
            "cut_measured": lambda values: metrics.measure(
                "truncation_error_seconds", abs(values["truncation_error_ms"]) / 1000
            ),
            "audio_dropped": lambda values: metrics.count("audio_dropped_ms", values["ms"]),
            "surprise": lambda values: metrics.count("surprises", type=values["type"]),
            "ended": self._ended,
        }

    def watch(self, now: float, event: ev.Event, effects: Sequence[ef.Effect]) -> None:
        self._reporter.watch(now, event, effects)
        for effect in effects:
            if type(effect) is ef.Note:
                handler = self._notes.get(effect.kind)
                if handler is not None:
                    handler(effect.values)
                if logger.isEnabledFor(logging.INFO):
                    self._log(effect)

    def _log(self, note: ef.Note) -> None:
        values = {key: value for key, value in note.values.items() if key not in PERSONAL}
        logger.info("note", extra={"session_id": self._session_id, "note": note.kind, "values": values})

    def _turn(self, turn: TurnReport) -> None:
        measure = self._metrics.measure
        self._metrics.count("turns")
        measure("turn_decision_seconds", _seconds(turn.decided_ms))
        measure("first_delta_seconds", _seconds(turn.first_delta_ms))
        measure("reply_latency_seconds", _seconds(turn.first_audible_ms))

    def _interruption(self, interruption: Interruption) -> None:
        measure = self._metrics.measure
        measure("duck_seconds", _seconds(interruption.ducked_ms))
        measure("confirm_seconds", _seconds(interruption.confirmed_ms))
        measure("stop_seconds", _seconds(interruption.stopped_ms))

    def _link(self, values: dict[str, Any]) -> None:
        if values["state"] == "lost" and values["was_ready"]:
            self._metrics.count("reconnects")

    def _ended(self, values: dict[str, Any]) -> None:
        report, metrics = self._reporter.report, self._metrics
        metrics.measure("session_seconds", report.length_s)
        if report.person_s + report.assistant_s:
            metrics.measure("talk_ratio", report.talk_ratio)
            metrics.measure("longest_monologue_seconds", report.longest_monologue_s)
            metrics.measure("dead_air_seconds", report.longest_dead_air_s)
        if report.person_interrupted:
            metrics.count("cut_ins", report.person_interrupted)
        if values["cost_usd"]:
            self._metrics.count("cost_usd", values["cost_usd"])


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000
