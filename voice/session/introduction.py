"""How a client is introduced to the engine: one greeting, however many connections there are.

`session.created` is the first thing that a client hears, with the settings that came of its wishes. So where we ask
something of the first connection, the greeting waits for the answer, and `conversation.created` waits behind it.
"""

from __future__ import annotations

from voice.protocol.server_events import ConversationCreated, SessionCreated


class Introduction:
    """What the client was told of the session that it is in. `made`: it was greeted."""

    def __init__(self) -> None:
        self.made = False
        self._greeting: SessionCreated | None = None
        self._conversation: ConversationCreated | None = None
        self._conversation_told = False

    def hold(self, greeting: SessionCreated) -> None:
        """The engine greets us: the client is told when the engine has answered what we asked."""
        self._greeting = greeting

    @property
    def held(self) -> SessionCreated | None:
        """The greeting that waits."""
        return self._greeting

    def tells_conversation(self, event: ConversationCreated) -> bool:
        """The engine tells of a conversation: whether the client is told now. It is once, and behind the greeting."""
        if self._greeting is not None:
            self._conversation = event
            return False
        first, self._conversation_told = not self._conversation_told, True
        return first

    def make(self) -> ConversationCreated | None:
        """The client is being greeted: what it is told behind that."""
        self.made = True
        waiting, self._greeting, self._conversation = self._conversation, None, None
        self._conversation_told |= waiting is not None
        return waiting

    def forget(self) -> None:
        """The connection is gone, and what waited for it."""
        self._greeting = self._conversation = None
