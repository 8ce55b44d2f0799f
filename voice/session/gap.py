"""The person's sound that the engine may have to hear again.

While nobody speaks the last second is kept (a pre-roll). From the start of a turn until the engine has answered it
everything is kept, so that a turn that dies with a connection is said again on the next one. What was said again
counts as heard only when that connection has lasted for a while: nobody acknowledges sound in which no turn was found.
Where turns are committed by hand nobody tells when one begins: there everything since the last commit is kept.

Positions are milliseconds of the person's sound since the conversation began.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from voice.audio.frames import AudioFrame

PROVEN_MS = 3_000.0
"""A connection that took so much more of the sound has heard what was said again to it before."""


@dataclass(slots=True)
class Commit:
    """A turn that ended at a position. `item_id` once the engine named it, `response_id` once it is being answered."""

    at_ms: float
    item_id: str = ""
    response_id: str = ""


class GapBuffer:
    """The last of the person's sound, bounded; the oldest goes first and is counted when no engine ever got it."""

    def __init__(self, limit_ms: float, quiet_ms: float) -> None:
        self.ended_ms = 0.0
        self.held_ms = 0.0
        self.dropped_ms = 0.0
        self.by_hand = False
        self.turn_open = False
        self.commits: list[Commit] = []
        self._limit_ms = limit_ms
        self.quiet_ms = quiet_ms
        self._frames: deque[tuple[AudioFrame, float, float]] = deque()
        self._unsent = 0
        self._kept_until_ms = 0.0

    @property
    def unsettled(self) -> bool:
        """Whether something was said that the engine has not answered."""
        return self.turn_open or bool(self.commits)

    def append(self, frame: AudioFrame, *, sent: bool) -> None:
        """Keep a frame. `sent`: an engine gets it too."""
        ms = frame.duration_ms
        self.ended_ms += ms
        self.held_ms += ms
        self._frames.append((frame, ms, self.ended_ms))
        if not sent:
            self._unsent += 1
        everything = self.turn_open or self._unsent or self.commits or self.by_hand
        limit_ms = self._limit_ms if everything or self.ended_ms < self._kept_until_ms else self.quiet_ms
        if self.held_ms > limit_ms:
            self._shrink(limit_ms)

    @property
    def _kept(self) -> bool:
        return self.ended_ms < self._kept_until_ms

    def keep_for(self, ms: float) -> None:
        """Something may have been said that the engine has not heard: for so long all that is held is kept."""
        self._kept_until_ms = max(self._kept_until_ms, self.ended_ms + ms)

    def _shrink(self, limit_ms: float) -> None:
        frames = self._frames
        while self.held_ms > limit_ms and len(frames) > 1:
            ms = frames.popleft()[1]
            self.held_ms -= ms
            if self._unsent > len(frames):
                self._unsent -= 1
                self.dropped_ms += ms

    # Turns

    def begin_turn(self) -> None:
        """The person speaks: keep it all, and what is held from before."""
        self.turn_open = True

    def commit(self, at_ms: float) -> None:
        """A commit is on its way to the engine."""
        self.commits.append(Commit(at_ms))
        self.turn_open = False

    def uncommit(self) -> None:
        """The last commit was too soon: its turn goes on."""
        if self.commits:
            self.commits.pop()
        self.turn_open = True

    def committed(self, item_id: str) -> None:
        """The engine made a turn of what it heard: of our oldest commit, or by itself."""
        for commit in self.commits:
            if not commit.item_id:
                commit.item_id = item_id
                return
        self.commits.append(Commit(self.ended_ms, item_id))
        self.turn_open = False

    def commit_refused(self) -> None:
        """The engine found nothing to commit."""
        for commit in self.commits:
            if not commit.item_id:
                self.commits.remove(commit)
                return

    def answering(self, response_id: str) -> None:
        """A response was begun: it answers every turn so far."""
        for commit in self.commits:
            if commit.item_id:
                commit.response_id = response_id

    def interrupted(self) -> None:
        """Nothing new is said after all: turns whose answer was interrupted need not be heard again either."""
        self.settle([commit for commit in self.commits if commit.response_id])

    def answered(self, response_id: str) -> None:
        """The response was made: its turns need not be heard again."""
        self.settle([commit for commit in self.commits if commit.response_id == response_id])

    def settle(self, turns: list[Commit] | None = None) -> None:
        """These turns (or all) need not be heard again."""
        turns = list(self.commits) if turns is None else turns
        if not turns:
            return
        self.commits = [commit for commit in self.commits if commit not in turns]
        self._drop_before(turns[-1].at_ms)
        if not self.unsettled and not self._kept and not self.by_hand:
            self._shrink(self.quiet_ms)

    # The engine's own buffer

    def forget_turn(self, until_ms: float | None = None) -> None:
        """What was said since the last commit (until a position) is not meant."""
        start_ms = self.commits[-1].at_ms if self.commits else 0.0
        until_ms = self.ended_ms if until_ms is None else until_ms
        kept = [entry for entry in self._frames if entry[2] <= start_ms or entry[2] > until_ms]
        self._unsent = min(self._unsent, len(kept))
        self._frames = deque(kept)
        self.held_ms = sum(entry[1] for entry in kept)
        self.turn_open = False

    def again(self) -> list[tuple[float, AudioFrame]]:
        """Every frame with the position of its end, for an engine that heard nothing of it. They stay."""
        self._unsent = 0
        self.keep_for(PROVEN_MS)
        return [(end_ms, frame) for frame, _, end_ms in self._frames]

    def take_commits(self) -> list[Commit]:
        """The turns that are open again because the engine that had them is gone."""
        commits, self.commits = self.commits, []
        self.turn_open |= bool(commits)
        return commits

    def take(self) -> list[AudioFrame]:
        """All frames, in order; the buffer is empty afterwards."""
        frames = [frame for frame, _, _ in self._frames]
        self._frames.clear()
        self.held_ms = 0.0
        self._unsent = 0
        return frames

    def _drop_before(self, at_ms: float) -> None:
        frames = self._frames
        while frames and frames[0][2] <= at_ms:
            self.held_ms -= frames.popleft()[1]
        self._unsent = min(self._unsent, len(frames))
