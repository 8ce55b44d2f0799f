"""The composition root: the one room that knows every hand and joins them.

A conversation is a transport, an engine, tools and a session's configuration; which of each, the settings say.
"""

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
