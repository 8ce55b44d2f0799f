"""A real TURN server (coturn) for the length of a test, on the loopback interface and a port of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

HOST = "127.0.0.1"
USER, PASSWORD = "voice", "a-secret"
PROGRAM = shutil.which("turnserver")
_READY_S = 10.0
_BINDING_REQUEST = bytes.fromhex("000100002112a442") + b"are you here"


class TurnServer:
    """One that runs. `settings` are what the transport is told of it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port
        self._idle = self._sockets()

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "ice_servers": (f"turn:{HOST}:{self.port}?transport=udp",),
            "ice_username": USER,
            "ice_credential": PASSWORD,
            "relay_only": True,
        }

    @property
    def relays(self) -> int:
        """How many relays are lent: each is a socket."""
        return self._sockets() - self._idle

    def _sockets(self) -> int:
        return len(psutil.Process(self.process.pid).net_connections(kind="udp"))


@contextmanager
def turn_server(folder: Path) -> Iterator[TurnServer]:
    """Until the end of the block. Its files are in `folder`; no configuration of the machine's is read."""
    port = _free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(PROGRAM), "-n", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers",
                "--lt-cred-mech", f"--user={USER}:{PASSWORD}", "--realm=tests",
                f"--listening-ip={HOST}", f"--relay-ip={HOST}", f"--listening-port={port}",
                f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'db'}", "--log-file=stdout", "--simple-log",
            ],
            stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
        try:
            _wait_for(port)
            yield TurnServer(process, port)
        finally:
            process.kill()
            process.wait()


def _free_port() -> int:
    """Free for UDP and TCP, as far as can be known."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as streams,
        ):
            datagrams.bind((HOST, 0))
            port = int(datagrams.getsockname()[1])
            try:
                streams.bind((HOST, port))
            except OSError:
                continue
            return port


def _wait_for(port: int) -> None:
    """Until it answers a binding request (RFC 8489)."""
    until_s = time.monotonic() + _READY_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        asking.connect((HOST, port))
        while time.monotonic() < until_s:
            try:
                asking.send(_BINDING_REQUEST)
                asking.recv(1_500)
                return
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.02)
    raise RuntimeError("The TURN server does not answer.")
