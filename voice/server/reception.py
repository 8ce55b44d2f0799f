"""What every door needs to know about those who come: who they are, whom they ask for, and whether there is room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voice.config import LimitSettings
from voice.runtime.hub import Hub, Place
from voice.server.auth import Authority, Caller
from voice.server.calls import Calls
from voice.server.secrets import ClientSecrets
from voice.server.visits import Assistants


@dataclass(frozen=True, slots=True)
class Reception:
    """The parts that websockets and HTTP routes share. `may_begin` raises for an owner whose quota is used up."""

    authority: Authority
    secrets: ClientSecrets
    assistants: Assistants
    calls: Calls
    hub: Hub
    may_begin: Callable[[str], None]
    limits: LimitSettings

    def place(self, caller: Caller) -> Place:
        """Room for one more conversation of this caller. Raises RequestRefused (429) or Busy."""
        self.may_begin(caller.owner)
        return self.hub.take(caller.owner)
