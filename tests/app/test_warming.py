"""What a start loads before the port accepts, and what it leaves for the moment after."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Event
from unittest.mock import patch

from voice.app.warming import AT_ONCE, warm_up
from voice.protocol.client_events import CLIENT_EVENTS
from voice.protocol.server_events import SERVER_EVENTS

ROOT = Path(__file__).parents[2]
NOT_FOR_THE_FIRST_ACCEPT = (
    "numpy",
    "httpx",
    "rich",
    "prometheus_client",
    "aiortc",
    "voice.engines.local",
    "voice.engines.speech",
    "voice.server.openapi",
    "voice.server.page.plain",
    "voice.transports.webrtc",
    "voice.transports.telephony",
)
START = """
import gc, os, sys
import voice.commands.serve as serve
from voice.cli import main
def say(text):
    print(gc.isenabled(), gc.get_freeze_count() > 10_000, *sys.modules)
    sys.stdout.flush()
    os._exit(0)
serve.say = say
main(["serve", "--port", "0", "--engine", "ws://127.0.0.1:9/v1/realtime"])
"""


def test_a_start_loads_nothing_that_only_a_conversation_of_some_kind_needs(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "XDG_CONFIG_HOME": str(tmp_path)}
    started = subprocess.run(
        [sys.executable, "-c", START], env=environment, capture_output=True, text=True, check=True, timeout=30
    )
    collects, frozen, *loaded = started.stdout.split()
    assert not [name for name in loaded if name.startswith(NOT_FOR_THE_FIRST_ACCEPT)]
    assert (collects, frozen) == ("True", "True"), "garbage is looked for again, and not among what was loaded"


def test_warm_is_what_every_event_needs_and_first_what_every_conversation_begins_with() -> None:
    with patch("voice.app.warming.PAUSE_S", 0):
        warm_up(Event())
    assert set(AT_ONCE) <= {*SERVER_EVENTS, *CLIENT_EVENTS}
    for model in (*SERVER_EVENTS.values(), *CLIENT_EVENTS.values()):
        assert model.__pydantic_complete__


def test_a_service_that_ends_soon_does_not_wait_for_it() -> None:
    stopped = """
from threading import Event
from voice.app.warming import warm_up
from voice.protocol.server_events import SERVER_EVENTS
over = Event()
over.set()
warm_up(over)
print(sum(model.__pydantic_complete__ for model in SERVER_EVENTS.values()), len(SERVER_EVENTS))
"""
    built = subprocess.run(
        [sys.executable, "-c", stopped], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    some, all_of_them = map(int, built.stdout.split())
    assert some < 5 < all_of_them
