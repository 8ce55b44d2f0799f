"""Tool calls: one small machine per call, answered exactly once.

    SEEN → RUNNING → ANSWERED          ours to run
    SEEN → ANSWERED                    the client's to run (it answers with an item of its own)

A response's calls belong together: when the last of them is answered, the model is asked to go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from voice.errors import Misuse


class Stage(Enum):
    RUNNING = "running"
    WITH_CLIENT = "with client"
    ANSWERED = "answered"


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
        if call.call_id in self.open or call.call_id in self._answered:
            return False
        if call.stage is Stage.ANSWERED:
            raise Misuse("a call cannot begin as answered")
        self.open[call.call_id] = call
        return True

    def knows(self, call_id: str) -> bool:
        """Whether the call was seen: it runs, or it was answered."""
        return call_id in self.open or call_id in self._answered

    def answer(self, call_id: str) -> ToolCall | None:
        """The answer to a call is on its way. None when nothing waits for it: it is late, or came twice."""
        call = self.open.pop(call_id, None)
        if call is None:
            return None
        call.stage = Stage.ANSWERED
        self._answered[call_id] = None
        while len(self._answered) > self.REMEMBERED:
            del self._answered[next(iter(self._answered))]
        return call

    def waiting_for(self, response_id: str) -> bool:
        """Whether a call of this response is still unanswered."""
        return any(call.response_id == response_id for call in self.open.values())

    @property
    def running(self) -> list[ToolCall]:
        """Ours, not yet answered."""
        return [call for call in self.open.values() if call.stage is Stage.RUNNING]

    def hush(self, response_id: str) -> None:
        """The person interrupted the response that made these calls: let them finish in silence."""
        for call in self.open.values():
            if call.response_id == response_id:
                call.hushed = True
