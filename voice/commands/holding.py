"""What `call` and `talk` share: one conversation, watched, written down and summed up."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands import options, summary, timeline
from voice.commands.conversation import Conversation
from voice.commands.running import run_politely
from voice.commands.screen import open_screen
from voice.commands.terminal import remark, say

if TYPE_CHECKING:
    from voice.commands.keyboard import Keyboard
    from voice.config import Settings
    from voice.session.effects import Effect
    from voice.session.events import Event

CLOSE_NORMAL = 1000
NOBODY = "Nothing was answered. Is there speech in it? voice doctor says whether every part of the engine is there."


@dataclass(frozen=True, slots=True)
class Recordings:
    """What is kept of a conversation, and where; `others` are files that the transport writes."""

    trace: Path | None
    timeline: Path | None
    others: dict[str, Path | None]

    def check(self) -> None:
        """Raises ConfigError or ExtraMissing for what could not be written at the end."""
        options.check_picture(self.timeline)
        options.check_writable(self.trace, self.timeline, *self.others.values())

    def files(self) -> dict[str, Path | None]:
        return {**self.others, "trace": self.trace, "timeline": self.timeline}


def hold(
    settings: Settings,
    transport: Any,
    *,
    url: str | None,
    recordings: Recordings,
    keyboard: Keyboard | None = None,
    json_only: bool = False,
    hint: str = "Ctrl-C hangs up",
) -> int:
    """Hold the conversation, then draw and sum up. Answers the exit code: 1 when nothing was answered."""
    from voice.app import CallReport, run_call

    conversation = Conversation()
    with tempfile.TemporaryDirectory(prefix="voice-") as folder:
        trace = recordings.trace or (Path(folder) / "trace.jsonl" if recordings.timeline else None)
        with open_screen(conversation, quiet=json_only, hint=hint) as screen:

            def watch(now: float, event: Event, effects: Sequence[Effect]) -> None:
                for item in conversation.watch(now, event, effects):
                    if item.kind == "asks" and keyboard is not None:
                        keyboard.asked(item.values["request_id"])
                    if item.kind != "ended" or item.values.get("code") == CLOSE_NORMAL:  # else an error says it
                        screen.show(item)

            async def talk() -> CallReport:
                if keyboard is None:
                    return await run_call(settings, transport, url=url, trace=trace, watch=watch)
                with keyboard.listening():
                    ended = await run_call(settings, transport, url=url, trace=trace, watch=watch)
                await keyboard.finish()
                return ended

            report = run_politely(talk(), transport).figures
        if recordings.timeline is not None and trace is not None:
            timeline.write(trace, recordings.timeline)
    facts = summary.figures(conversation, recordings.files(), report)
    if json_only:
        say(json.dumps(facts, ensure_ascii=False))
    else:
        say()
        totals, *files = summary.lines(facts)
        for line in (totals, *summary.report_lines(report), *files):
            say(line)
    answered = any(line["who"] == "assistant" for line in facts["transcript"])
    if not answered:
        remark(NOBODY)
    return 0 if answered else 1
