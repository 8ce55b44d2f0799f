"""The composition root: the one room that knows every hand and joins them.

A conversation is a transport, an engine, tools and a session's configuration; which of each, the settings say.
Each name is loaded when it is first asked for: a service that starts needs nothing of a single call, and the reverse.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voice.app.calls import CallReport, replay, run_call
    from voice.app.engines import LOCAL_MODEL, OPENAI_MODEL, OPENAI_URL, Engines
    from voice.app.service import Service, build_service
    from voice.app.tooling import open_tools

__all__ = [
    "LOCAL_MODEL",
    "OPENAI_MODEL",
    "OPENAI_URL",
    "CallReport",
    "Engines",
    "Service",
    "build_service",
    "open_tools",
    "replay",
    "run_call",
]

_HOMES = {
    "CallReport": "calls",
    "replay": "calls",
    "run_call": "calls",
    "LOCAL_MODEL": "engines",
    "OPENAI_MODEL": "engines",
    "OPENAI_URL": "engines",
    "Engines": "engines",
    "Service": "service",
    "build_service": "service",
    "open_tools": "tooling",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
