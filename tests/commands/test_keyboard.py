"""A terminal's keys as a talk button."""

from __future__ import annotations

import asyncio
import os
import pty
import sys

import pytest

from voice.cli import main
from voice.commands.keyboard import Keyboard


class Microphone:
    """Remembers what the keys did."""

    def __init__(self) -> None:
        self.moves: list[str] = []
        self.moved = asyncio.Event()

    def hold(self, held: bool) -> None:
        self.moves.append("down" if held else "up")
        self.moved.set()

    def cancel_talk(self) -> None:
        self.moves.append("taken back")
        self.moved.set()

    def answer(self, request_id: str, approve: bool) -> None:
        self.moves.append(f"{request_id} {'allowed' if approve else 'refused'}")

    async def close(self) -> None:
        self.moves.append("closed")


def test_space_and_enter_toggle_and_q_hangs_up_once() -> None:
    async def press() -> list[str]:
        microphone = Microphone()
        keyboard = Keyboard(microphone, talk_key=True)
        for key in b" x\rqq":
            keyboard.pressed(key)
        await keyboard.finish()
        return microphone.moves

    assert asyncio.run(press()) == ["down", "up", "closed"]


@pytest.mark.parametrize(("keys", "moves"), [(b"yy", ["q1 allowed"]), (b"nY", ["q1 refused"]), (b"x", [])])
def test_a_question_is_answered_once(keys: bytes, moves: list[str]) -> None:
    microphone = Microphone()
    keyboard = Keyboard(microphone, talk_key=True)
    keyboard.typed(b"yn")
    keyboard.asked("q1")
    keyboard.typed(keys)
    assert microphone.moves == moves


def test_without_a_talk_key_only_hanging_up_is_left() -> None:
    async def press() -> list[str]:
        microphone = Microphone()
        keyboard = Keyboard(microphone, talk_key=False)
        for key in b" q":
            keyboard.pressed(key)
        await keyboard.finish()
        return microphone.moves

    assert asyncio.run(press()) == ["closed"]


@pytest.mark.parametrize(
    ("keys", "moves"),
    [
        ([b" ", b"\x1b"], ["down", "taken back"]),
        ([b" ", b"\x1b", b" ", b" "], ["down", "taken back", "down", "up"]),
        ([b"\x1b"], []),
        ([b" ", b" ", b"\x1b"], ["down", "up"]),
        ([b" ", b"\x1b[A", b"\x1bOq", b" "], ["down", "up"]),
    ],
    ids=["in mid-speech", "and again", "before anything", "too late", "arrows are no Esc"],
)
def test_escape_takes_back_what_is_being_said(keys: list[bytes], moves: list[str]) -> None:
    microphone = Microphone()
    keyboard = Keyboard(microphone, talk_key=True)
    for read in keys:
        keyboard.typed(read)
    assert microphone.moves == moves


def test_keys_come_at_once_from_a_terminal_that_is_put_back_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    import termios

    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        before = termios.tcgetattr(theirs)

        async def press() -> list[str]:
            microphone = Microphone()
            keyboard = Keyboard(microphone, talk_key=True)
            with keyboard.listening():
                os.write(ours, b" ")
                async with asyncio.timeout(5):
                    await microphone.moved.wait()
            return microphone.moves

        assert asyncio.run(press()) == ["down"]
        assert termios.tcgetattr(theirs) == before
    os.close(ours)


def test_a_talk_key_needs_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: PTH123, SIM115
    assert main(["talk"]) == 2
    assert "voice talk --open-mic" in capsys.readouterr().err
    sys.stdin.close()
