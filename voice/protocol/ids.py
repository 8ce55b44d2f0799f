"""Names for things, by counting: the same seed gives the same names, so a replay writes the same wire."""

from __future__ import annotations

from itertools import count


class Ids:
    """Hands out ids. The seed, drawn by the caller, keeps the ids of different sessions apart."""

    def __init__(self, prefix_seed: str) -> None:
        self._seed = prefix_seed
        self._items = count(1)
        self._responses = count(1)
        self._calls = count(1)
        self._events = count(1)

    @property
    def session(self) -> str:
        """The session's own id, always the same."""
        return f"sess_{self._seed}"

    @property
    def conversation(self) -> str:
        """The default conversation's id, always the same."""
        return f"conv_{self._seed}"

    def item(self) -> str:
        return f"item_{self._seed}_{next(self._items)}"

    def response(self) -> str:
        return f"resp_{self._seed}_{next(self._responses)}"

    def call(self) -> str:
        return f"call_{self._seed}_{next(self._calls)}"

    def event(self) -> str:
        return f"event_{self._seed}_{next(self._events)}"
