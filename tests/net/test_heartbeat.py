"""Pulse by pulse, on a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from voice.net.heartbeat import Heartbeat


class Clock:
    """The part of a loop that keeps time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        timer = Timer(self.now + delay_s, call)
        self.timers.append(timer)
        return timer

    def advance(self, to: float) -> None:
        while due := [timer for timer in self.timers if timer.at <= to]:
            timer = min(due, key=lambda timer: timer.at)
            self.timers.remove(timer)
            self.now = timer.at
            if not timer.cancelled:
                timer.call()
        self.now = to


class Timer:
    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at = at
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


def beating(clock: Clock, seen: list[tuple[float, str]], monkeypatch: Any) -> Heartbeat:
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    return Heartbeat(
        20, 5, ping=lambda: seen.append((clock.now, "ping")), lost=lambda: seen.append((clock.now, "lost"))
    )


def test_a_live_peer_is_asked_again_and_again(monkeypatch: Any) -> None:
    clock, seen = Clock(), list[tuple[float, str]]()
    heartbeat = beating(clock, seen, monkeypatch)
    for second in range(65):
        heartbeat.heard = True
        clock.advance(float(second))
    assert seen == [(20, "ping"), (40, "ping"), (60, "ping")]


def test_silence_after_a_ping_is_the_end(monkeypatch: Any) -> None:
    clock, seen = Clock(), list[tuple[float, str]]()
    heartbeat = beating(clock, seen, monkeypatch)
    heartbeat.heard = True
    clock.advance(100)
    assert seen == [(20, "ping"), (25, "lost")]


def test_once_stopped_it_is_quiet(monkeypatch: Any) -> None:
    clock, seen = Clock(), list[tuple[float, str]]()
    heartbeat = beating(clock, seen, monkeypatch)
    clock.advance(21)
    heartbeat.stop()
    clock.advance(100)
    assert seen == [(20, "ping")]
