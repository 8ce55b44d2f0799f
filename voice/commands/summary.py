"""A conversation after it has ended: as a few lines, or as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.conversation import Conversation, News

if TYPE_CHECKING:
    from voice.runtime.report import SessionReport


def figures(
    conversation: Conversation, files: Mapping[str, Path | None], report: SessionReport | None = None
) -> dict[str, Any]:
    """Everything that was said and done, for a program; `report` has it in figures."""
    news = conversation.news
    waits = [item.values["voice_to_voice_ms"] for item in _of(news, "turn")]
    ended = _of(news, "ended")
    return {
        "ended": ended[-1].text if ended else "",
        "duration_s": round(conversation.now_s, 3),
        "transcript": [
            {"at_s": round(item.at_s, 3), "who": item.kind, "text": item.text}
            for item in news
            if item.kind in ("person", "assistant")
        ],
        "tools": [_timed(item) for item in _of(news, "tool")],
        "turns": [_timed(item) for item in _of(news, "turn")],
        "voice_to_voice_p50_ms": statistics.median(waits) if waits else None,
        "voice_to_voice_max_ms": max(waits, default=None),
        "interruptions": [_timed(item) for item in _of(news, "interrupted")],
        "errors": [_timed(item) for item in _of(news, "error")],
        "report": None if report is None else report.as_values(),
        "files": {name: str(path) for name, path in files.items() if path is not None},
    }


def lines(facts: Mapping[str, Any]) -> list[str]:
    """The same for a person."""
    spoken = sum(1 for line in facts["transcript"] if line["who"] == "person")
    parts = [f"{facts['duration_s']:.1f} s", _count(spoken, "utterance"), _count(len(facts["tools"]), "tool call")]
    if facts["interruptions"]:
        parts.append(_count(len(facts["interruptions"]), "interruption"))
    if facts["voice_to_voice_p50_ms"] is not None:
        parts.append(f"voice to voice {facts['voice_to_voice_p50_ms']:.0f} ms")
        if len(facts["turns"]) > 1:
            parts[-1] += f" (median; slowest {facts['voice_to_voice_max_ms']:.0f} ms)"
    written = [f"{name:9} {path}" for name, path in facts["files"].items()]
    return [" · ".join(parts), *written]


def report_lines(report: SessionReport) -> list[str]:
    """Who spoke how long, how long answers took, and who interrupted whom. What did not happen is left out."""
    rows = [("talk", _talk(report)), ("turns", _turns(report)), ("ahead", _ahead(report))]
    rows.append(("cut in", _interruptions(report)))
    return [f"{name:9} {text}" for name, text in rows if text]


def _talk(report: SessionReport) -> str:
    if not report.person_s + report.assistant_s:
        return ""
    return (
        f"person {report.person_s:.1f} s, assistant {report.assistant_s:.1f} s ({report.talk_ratio:.0%}), "
        f"both {report.both_s:.1f} s · longest monologue {report.longest_monologue_s:.1f} s · "
        f"nobody {report.dead_air_s:.1f} s, at most {report.longest_dead_air_s:.1f} s"
    )


def _turns(report: SessionReport) -> str:
    named = (("decided", "decided_ms"), ("first sound", "first_delta_ms"), ("heard", "first_audible_ms"))
    times = _medians(report, named)
    return f"{times} after the last word" if times else ""


def _ahead(report: SessionReport) -> str:
    if not report.speculated:
        return ""
    replies = "1 reply" if report.speculated == 1 else f"{report.speculated} replies"
    return f"{replies} asked for before the end of the turn, {report.retracted} retracted"


def _interruptions(report: SessionReport) -> str:
    meant = sum(cut.yielded for cut in report.interruptions)
    parts = [f"by the person {meant}"] if meant else []
    parts += [f"not meant {report.restored}"] if report.restored else []
    parts += [f"by the assistant {report.person_interrupted}"] if report.person_interrupted else []
    named = (("turned down", "ducked_ms"), ("certain", "confirmed_ms"), ("silent", "stopped_ms"))
    times = _medians(report, (*named, ("off by", "error_ms")))
    return " · ".join([", ".join(parts), *([times] if times else [])]) if parts else ""


def _medians(report: SessionReport, named: Sequence[tuple[str, str]]) -> str:
    known = ((name, report.median_ms(field)) for name, field in named)
    return " · ".join(f"{name} {value:.0f} ms" for name, value in known if value is not None)


def _of(news: Sequence[News], kind: str) -> list[News]:
    return [item for item in news if item.kind == kind]


def _timed(item: News) -> dict[str, Any]:
    return {"at_s": round(item.at_s, 3), **item.values}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
