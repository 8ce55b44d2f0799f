"""Draws what the documents show of the code: the states of a session, from the tables that it really uses.

`python -m docs.diagrams` writes them; with `--check` it fails when a document shows something else.
"""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path

from voice.session.calls import MOVES, Stage
from voice.session.states import JOINT, TRANSITIONS, Floor, Link, Reply, Turn, Voice

PAGE = Path(__file__).with_name("explanation") / "session.md"
MACHINES: tuple[type[Enum], ...] = (Link, Floor, Turn, Reply, Voice)
BEGIN, END = "<!-- states -->", "<!-- /states -->"


def diagrams() -> str:
    """One mermaid diagram for each machine, then the joint rules, then the machine of one tool call."""
    parts = []
    for machine in MACHINES:
        lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(machine)).name}"]
        for trigger, rows in TRANSITIONS.items():
            for before, after in rows.items():
                if isinstance(before, machine) and before is not after:
                    lines.append(f"    {before.name} --> {after.name}: {trigger.value}")
        parts.append(f"**{machine.__name__}**\n\n" + "\n".join([*lines, "```"]))
    rules = ["| while | follows |", "|---|---|"]
    for states, follows in JOINT:
        held = sorted(f"{type(state).__name__} {state.value}" for state in states)
        rules.append(f"| {', '.join(held)} | {follows.value} |")
    return "\n\n".join([*parts, "\n".join(rules), _tool_call()])


def _tool_call() -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Stage.SEEN.name}", f"    [*] --> {Stage.WITH_CLIENT.name}"]
    lines += [f"    {stage.name} --> {after.name}" for stage in MOVES for after in Stage if after in MOVES[stage]]
    return "**One tool call**\n\n" + "\n".join([*lines, "```"])


def page_with(text: str) -> str:
    """The page with today's diagrams between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{diagrams()}\n{END}{after}"


def main() -> int:
    text = PAGE.read_text(encoding="utf-8")
    fresh = page_with(text)
    if "--check" in sys.argv:
        return int(fresh != text)
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
