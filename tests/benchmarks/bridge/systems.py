"""The systems under test: how each is started, and when it is ready."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class System:
    """Something that serves `path` for Twilio Media Streams and bridges each call to `$UPSTREAM_URL`.

    In `command`, `{port}` and `{upstream}` are filled in. It is ready when its port accepts."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    path: str = "/twilio"


def built_in() -> dict[str, System]:
    serve = ("-m", "voice", "serve", "--host", "127.0.0.1", "--port", "{port}", "--engine", "{upstream}")
    relay = ("-m", "tests.benchmarks.bridge.relay")
    return {
        "voice": System("voice", (sys.executable, *serve)),
        "limit": System("limit", (sys.executable, *relay, "convert", "{port}", "{upstream}")),
        "limit-pass": System("limit-pass", (sys.executable, *relay, "pass", "{port}", "{upstream}")),
    }


def from_text(text: str) -> System:
    """`NAME=COMMAND WITH {port}`, for a system that is not known here."""
    name, _, command = text.partition("=")
    return System(name.strip(), tuple(shlex.split(command)))


class NotReadyError(RuntimeError):
    """A system ended or did not accept in time; the text ends with what it printed last."""


@dataclass(frozen=True, slots=True)
class Running:
    pid: int
    port: int
    ready_s: float


@contextmanager
def started(system: System, upstream: str) -> Iterator[Running]:
    """Start it, wait until it accepts, and end it with everything it started."""
    port = free_port()
    command = [part.format(port=port, upstream=upstream) for part in system.command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **system.environment}
    environment |= {"UPSTREAM_URL": upstream, "OPENAI_API_KEY": "benchmark", "PORT": str(port)}
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            wait_for_port(port, process)
            yield Running(process.pid, port, time.monotonic() - began)
        except NotReadyError as problem:
            output.seek(0)
            last_words = output.read()[-800:].decode(errors="replace").strip()
            raise NotReadyError(f"{system.name}: {problem} {last_words}") from None
        finally:
            stop(process)


def wait_for_port(port: int, process: subprocess.Popen[bytes], within_s: float = READY_WITHIN_S) -> None:
    """Poll every few ms until something accepts. Raises NotReadyError."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NotReadyError(f"ended with exit code {process.returncode} before it was ready.")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.003)
        else:
            return
    raise NotReadyError(f"did not accept within {within_s:g} s.")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the process group of its own to end, then insist."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            break
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            continue
        break
    process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
