"""What the first conversation would otherwise load and build while somebody waits for it."""

from __future__ import annotations

import time
from importlib import import_module

AT_ONCE = ("session.created", "conversation.created", "session.update", "session.updated")
"""What every conversation begins with."""
PAUSE_S = 0.005


def warm_up() -> None:
    """Done on a thread as soon as the port accepts. Nothing that is answered before then needs it: whoever is quicker
    builds what it needs by itself, and the pauses leave the interpreter to it."""
    from voice.protocol.client_events import CLIENT_EVENTS
    from voice.protocol.server_events import SERVER_EVENTS

    import_module("voice.transports.websocket")
    events = {**SERVER_EVENTS, **CLIENT_EVENTS}
    for name in (*AT_ONCE, *events):
        events[name].model_rebuild()
        time.sleep(PAUSE_S)
