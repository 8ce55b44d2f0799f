"""How loud one person usually speaks."""

from __future__ import annotations


class Usual:
    """How loud a person usually is, learned from speech that nobody doubted: soon from louder moments, slowly from
    softer ones, which may be the others in the room. None until there was any."""

    UP, DOWN = 0.2, 0.01

    def __init__(self) -> None:
        self.level_db: float | None = None

    def learn(self, level_db: float) -> None:
        """One more moment of it."""
        if self.level_db is None:
            self.level_db = level_db
        else:
            self.level_db += (self.UP if level_db > self.level_db else self.DOWN) * (level_db - self.level_db)
