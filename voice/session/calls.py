"""Tool calls: one small machine per call, answered exactly once.

    SEEN → RUNNING → ANSWERED                          ours to run, and the policy lets it
    SEEN → AWAITING_APPROVAL → RUNNING → ANSWERED      ours to run, once a person has allowed it
    SEEN → AWAITING_APPROVAL → REFUSED                 nobody allowed it
    SEEN → REFUSED                                     the policy forbids it, or nobody here could allow it
    WITH_CLIENT → ANSWERED                             the client's to run (it answers with an item of its own)

A response's calls belong together: when the last of them is over, the model is asked to go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from voice.errors import Misuse


class Stage(Enum):
    """Where a call is; `MOVES` has every way from one to another."""

    SEEN = "seen"
    AWAITING_APPROVAL = "awaiting approval"
    RUNNING = "running"
    WITH_CLIENT = "with client"
    ANSWERED = "answered"
    REFUSED = "refused"


MOVES: dict[Stage, frozenset[Stage]] = {
    Stage.SEEN: frozenset({Stage.RUNNING, Stage.AWAITING_APPROVAL, Stage.REFUSED, Stage.ANSWERED}),
    Stage.AWAITING_APPROVAL: frozenset({Stage.RUNNING, Stage.REFUSED}),
    Stage.RUNNING: frozenset({Stage.ANSWERED}),
    Stage.WITH_CLIENT: frozenset({Stage.ANSWERED}),
    Stage.ANSWERED: frozenset(),
    Stage.REFUSED: frozenset(),
}
"""Every way from one stage to another. A call that is ANSWERED out of SEEN was never run: its response was stopped."""

OVER = frozenset({Stage.ANSWERED, Stage.REFUSED})


@dataclass(slots=True)
class ToolCall:
    """One call of one response. `hushed` calls finish their work, but the model is not asked to speak of them."""

    call_id: str
    response_id: str
    item_id: str
    name: str
    arguments: str
    output_index: int
    stage: Stage
    started_at: float
    hushed: bool = False
    output: str = ""


class Calls:
    """All calls that are not over, and the ids of those that are (bounded)."""

    REMEMBERED = 256

    def __init__(self) -> None:
        self.open: dict[str, ToolCall] = {}
        self._answered: dict[str, None] = {}

    def start(self, call: ToolCall) -> bool:
        """A call's arguments are complete. False when it was seen before."""
        if self.knows(call.call_id):
            return False
        if call.stage in OVER:
            raise Misuse("a call cannot begin as answered")
        self.open[call.call_id] = call
        return True

    def knows(self, call_id: str) -> bool:
        """Whether the call was seen: it is open, or it is over."""
        return call_id in self.open or call_id in self._answered

    def move(self, call: ToolCall, stage: Stage) -> None:
        """The call goes on to this stage. Raises Misuse, changing nothing, when `MOVES` has no such way."""
        if stage not in MOVES[call.stage]:
            raise Misuse(f"a call that is {call.stage.value} cannot become {stage.value}")
        call.stage = stage

    def answer(self, call_id: str) -> ToolCall | None:
        """The answer to a call is on its way. None when nothing waits for it: it is late, came twice, or the call
        never ran."""
        call = self.open.get(call_id)
        if call is None or Stage.ANSWERED not in MOVES[call.stage]:
            return None
        return self._end(call, Stage.ANSWERED)

    def refuse(self, call_id: str) -> ToolCall | None:
        """The call will not run. None when that is too late."""
        call = self.open.get(call_id)
        if call is None or Stage.REFUSED not in MOVES[call.stage]:
            return None
        return self._end(call, Stage.REFUSED)

    def _end(self, call: ToolCall, stage: Stage) -> ToolCall:
        self.move(call, stage)
        del self.open[call.call_id]
        self._answered[call.call_id] = None
        while len(self._answered) > self.REMEMBERED:
            del self._answered[next(iter(self._answered))]
        return call

    def waiting_for(self, response_id: str) -> bool:
        """Whether a call of this response is still open."""
        return any(call.response_id == response_id for call in self.open.values())

    @property
    def running(self) -> list[ToolCall]:
        """Ours, at work."""
        return [call for call in self.open.values() if call.stage is Stage.RUNNING]

    @property
    def unfinished(self) -> list[ToolCall]:
        """Ours, at work or waiting until somebody allows them."""
        return [call for call in self.open.values() if call.stage in (Stage.RUNNING, Stage.AWAITING_APPROVAL)]

    def hush(self, response_id: str) -> None:
        """The person interrupted the response that made these calls: let them finish in silence."""
        for call in self.open.values():
            if call.response_id == response_id:
                call.hushed = True
