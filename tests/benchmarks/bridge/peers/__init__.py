"""Other people's bridges doing the same work, each in an environment of its own, installed on request."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.bridge.systems import System
from tests.benchmarks.venvs import python_with

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Peer:
    """Versions are pinned, so that a table can be measured again."""

    script: str
    requirements: tuple[str, ...]


PEERS = {
    "pipecat": Peer("pipecat_bridge.py", ("pipecat-ai[openai,websocket]==1.14.0", "uvicorn", "fastapi")),
    "livekit": Peer("livekit_bridge.py", ("livekit-agents[openai]==1.8.9", "websockets==16.*")),
    "agents": Peer("agents_bridge.py", ("openai-agents==0.24.0", "websockets==16.*")),
}


def peers(names: str) -> list[System]:
    """The systems named (comma between, or `all`), installed where they are not yet."""
    wanted = list(PEERS) if names == "all" else [name for name in names.split(",") if name]
    if unknown := [name for name in wanted if name not in PEERS]:
        sys.exit(f"No such peer: {', '.join(unknown)}. Known: {', '.join(PEERS)}.")
    found = []
    for name in wanted:
        peer = PEERS[name]
        python = python_with(name, peer.requirements)
        found.append(System(name, (str(python), str(HERE / peer.script))))
    return found
