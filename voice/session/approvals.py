"""Who must be asked before a tool runs, and the questions that are open.

A question is asked once, waits a bounded time, and is decided once. What comes for it afterwards finds out why nothing
happens; what comes for a question that was never asked finds out too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from voice.session.deadlines import Deadline

Verdict = Literal["allow", "ask", "deny"]
TooLate = Literal["unknown", "answered", "expired", "withdrawn"]


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """`verdicts`: what the policy says of each tool, by its name; a tool that is not there is allowed.

    A question that nobody has answered after `timeout_ms` counts as "no". When the person interrupts the reply that
    asked it, it stays open (`keep`) or counts as "no" (`drop`). At most `open_limit` questions are open at a time: a
    model that asks for more is refused. `prompt` is said when a question is asked, for whoever is not looking.
    """

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    timeout_ms: float = 60_000.0
    on_interruption: Literal["keep", "drop"] = "keep"
    open_limit: int = 8
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """May this call run? `until` is when it counts as "no"."""

    request_id: str
    call_id: str
    response_id: str
    until: float


class Approvals:
    """The open questions in the order in which they were asked, and how the others ended (bounded)."""

    REMEMBERED = 256

    def __init__(self, rules: ApprovalRules) -> None:
        self.rules = rules
        self.open: dict[str, Question] = {}
        self._ended: dict[str, TooLate] = {}

    def verdict(self, tool: str) -> Verdict:
        """What the policy says of a tool."""
        return self.rules.verdicts.get(tool, "allow")

    @property
    def full(self) -> bool:
        return len(self.open) >= self.rules.open_limit

    def ask(self, request_id: str, call_id: str, response_id: str, now: float) -> None:
        """A question goes out."""
        until = now + self.rules.timeout_ms / 1000
        self.open[request_id] = Question(request_id, call_id, response_id, until)

    def end(self, request_id: str, how: TooLate) -> Question | None:
        """The question is decided, or nobody waits for it any more. None when it was not open."""
        question = self.open.pop(request_id, None)
        if question is not None:
            self._ended[request_id] = how
            while len(self._ended) > self.REMEMBERED:
                del self._ended[next(iter(self._ended))]
        return question

    def why_not(self, request_id: str) -> TooLate:
        """Why an answer to a question that is not open comes to nothing."""
        return self._ended.get(request_id, "unknown")

    def due(self, now: float) -> list[Question]:
        """The questions that have waited too long."""
        return [question for question in self.open.values() if now >= question.until]

    def of(self, response_id: str) -> list[Question]:
        """The open questions that a response asked."""
        return [question for question in self.open.values() if question.response_id == response_id]

    def deadline(self) -> Deadline | None:
        """All wait equally long, so the oldest question is the next to expire."""
        return Deadline(next(iter(self.open.values())).until, "approval expires") if self.open else None
