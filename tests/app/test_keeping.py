"""Minutes and money over restarts: of the parts, and of a whole service that is killed."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.net.conftest import until
from tests.service.client import Client
from tests.service.doors import Keys, refused
from tests.service.house import House
from voice.app.keeping import KEEP_S, kept
from voice.errors import RequestRefused
from voice.runtime.quota import DAY_S, QuotaLimits, Quotas, Spent
from voice.server.state import StateFile

ROOT = Path(__file__).parents[2]
NOW = 1_800_000_000.0
LIMITS = QuotaLimits(minutes_per_owner=2, usd_per_owner=1.0, usd=1.5)


def test_the_next_process_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    async def scene() -> None:
        path, time = tmp_path / "state.db", [NOW]
        first = Quotas(LIMITS)
        async with kept(first, path, lambda: time[0]):
            first.begin("a", time[0])
            first.spend("b", 1.0, time[0])
            time[0] += 100
        second = Quotas(LIMITS)
        async with kept(second, path, lambda: time[0]):
            with pytest.raises(RequestRefused) as refusal:
                second.check("b", time[0])
            assert refusal.value.retry_after_s == DAY_S - 100
            second.begin("a", time[0])
            assert second.used_up("a", time[0] + 19) == ""
            assert second.used_up("a", time[0] + 20) == "minutes"
            second.spend("c", 0.5, time[0])
        third = Quotas(LIMITS)
        async with kept(third, path, lambda: time[0]):
            assert third.used_up("nobody yet", time[0]) == "spent"
        fourth = Quotas(LIMITS)
        async with kept(fourth, path, lambda: NOW + DAY_S):
            assert [fourth.used_up(owner, NOW + DAY_S) for owner in "abc"] == ["", "", ""]

    asyncio.run(scene())


def test_a_clock_that_was_set_back_makes_no_day_longer(tmp_path: Path) -> None:
    quotas = Quotas(LIMITS)
    quotas.restore([Spent("a", NOW + 3_600, 0.0, 1.0)], NOW)
    with pytest.raises(RequestRefused) as refusal:
        quotas.check("a", NOW)
    assert refusal.value.retry_after_s == DAY_S


def test_a_full_disk_ends_nothing_and_is_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        path, quotas = tmp_path / "state.db", Quotas(LIMITS)
        write, failed = StateFile.write, list[int]()

        def full(file: StateFile, spent: Iterable[Spent], now: float) -> None:
            if not failed:
                failed.append(1)
                raise OSError("OperationalError")
            write(file, spent, now)

        with patch("voice.app.keeping.KEEP_S", 0.01), patch.object(StateFile, "write", full):
            async with kept(quotas, path, lambda: NOW):
                quotas.spend("a", 0.5, NOW)
                await until(lambda: bool(failed))
                await asyncio.sleep(0.05)

    with caplog.at_level(logging.ERROR, "voice.app.keeping"):
        asyncio.run(scene())
    assert [record.message for record in caplog.records] == ["minutes and money cannot be kept"]
    file = StateFile(tmp_path / "state.db")
    assert Spent("a", NOW, 0.0, 0.5) in file.read()
    file.close()


class Serving:
    """`voice serve` in a process of its own, to be killed."""

    def __init__(self, engine: str, folder: Path) -> None:
        settings = {name: value for name, value in os.environ.items() if not name.startswith(("VOICE_", "OPENAI_"))}
        ours = {
            "PYTHONPATH": str(ROOT),
            "XDG_STATE_HOME": str(folder),
            "VOICE_SERVER_KEYS_FILE": str(folder / "keys.json"),
            "VOICE_LIMITS_MINUTES_PER_KEY": "0.05",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "voice", "serve", "--port", "0", "--engine", engine],
            env={**settings, **ours},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        addresses = [word for word in line.split() if word.startswith("http://")]
        assert addresses, line + self.process.stdout.read()
        self.url = "ws" + addresses[0].removeprefix("http") + "/v1/realtime"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()
        assert self.process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_service_that_is_killed_does_not_give_the_minutes_back(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    talker, other = keys.add("talker"), keys.add("other")

    async def scene() -> None:
        async with House() as engine:
            first = await asyncio.to_thread(Serving, engine.url, tmp_path)
            try:
                async with Client(first.url, key=talker) as client:
                    await client.ask("hello")
                    await asyncio.sleep(2 * KEEP_S)
            finally:
                await asyncio.to_thread(first.kill)  # in the middle of the conversation, or soon after
            second = await asyncio.to_thread(Serving, engine.url, tmp_path)
            try:
                async with Client(second.url, key=talker) as client:
                    before = asyncio.get_running_loop().time()
                    assert await client.until_closed() == (1001, "the limit of minutes or spending is reached")
                    assert asyncio.get_running_loop().time() - before < 2.5, "of 3 s some were used before the kill"
                await asyncio.sleep(2 * KEEP_S)  # the last second may be forgotten
            finally:
                await asyncio.to_thread(second.kill)
            third = await asyncio.to_thread(Serving, engine.url, tmp_path)
            try:
                status, error, headers = await refused(third.url, key=talker)
                assert (status, error["code"]) == (429, "insufficient_quota")
                assert 86_000 < int(headers["retry-after"]) <= 86_400
                async with Client(third.url, key=other):
                    pass
            finally:
                await asyncio.to_thread(third.kill)

    asyncio.run(scene())
