"""What the first conversation would otherwise load and build while somebody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Event

AT_ONCE = ("session.created", "conversation.created", "session.update", "session.updated")
"""What every conversation begins with."""
PAUSE_S = 0.005


@contextmanager
def warming_up() -> Iterator[None]:
    """Done on a thread, from the moment the port accepts; given up at the end."""
    over = Event()
    asyncio.get_running_loop().run_in_executor(None, warm_up, over)
    try:
        yield
    finally:
        over.set()


def warm_up(over: Event) -> None:
    """Nothing that is answered before it is through needs it: whoever is quicker builds what it needs by itself, and
    the pauses leave the interpreter to it."""
    from voice.protocol.client_events import CLIENT_EVENTS
    from voice.protocol.server_events import SERVER_EVENTS

    import_module("voice.transports.websocket")
    events = {**SERVER_EVENTS, **CLIENT_EVENTS}
    for model in [events[name] for name in (*AT_ONCE, *events)]:
        if not model.__pydantic_complete__:
            model.model_rebuild()
            if over.wait(PAUSE_S):
                return
