"""What the brain is told of the conversation for one response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from voice.engines.local.conversation import Conversation, Entry
from voice.engines.local.usage import Tokens, text_tokens
from voice.engines.local.words import text_of
from voice.protocol.items import InputItem, Item, ItemReference, UserMessage

Known = Callable[[Sequence[str]], Awaitable[None]]


class Context:
    """The items that were there when the response was asked for; read when their words are known.

    `given` is the response's own input instead (references and whole items); `known` waits for transcripts.
    """

    def __init__(self, conversation: Conversation, known: Known, given: Sequence[InputItem] | None = None) -> None:
        """Raises ProtocolError `item_not_found` for a reference to nothing."""
        self._conversation = conversation
        self._known = known
        self._ids = conversation.ids if given is None else _referenced(conversation, given)
        self._given = given

    async def items(self) -> list[Item]:
        """The items as heard. Raises the recogniser's error when the newest thing the person said has no words."""
        await self._known(self._ids)
        self._refuse_unrecognised()
        if self._given is None:
            return self._conversation.heard(self._ids)
        items: list[Item] = []
        for one in self._given:
            items += self._conversation.heard([one.id]) if isinstance(one, ItemReference) else [one]
        return items

    @property
    def confidence(self) -> float | None:
        """The recogniser's, in what the person said last."""
        entry = self._newest()
        return None if entry is None else entry.confidence

    def tokens(self, instructions: str) -> Tokens:
        """What the items and the instructions cost."""
        written = [one for one in self._given or [] if not isinstance(one, ItemReference)]
        return (
            Tokens(text_tokens(instructions))
            + self._conversation.tokens(self._ids)
            + Tokens(sum(text_tokens(text_of(one)) for one in written))
        )

    def _refuse_unrecognised(self) -> None:
        entry = self._newest()
        if entry is not None and entry.unrecognised is not None:
            raise entry.unrecognised

    def _newest(self) -> Entry | None:
        """The newest thing the person said or wrote."""
        for item_id in reversed(self._ids):
            if item_id in self._conversation:
                entry = self._conversation.get(item_id)
                if isinstance(entry.item, UserMessage):
                    return entry
        return None


def _referenced(conversation: Conversation, given: Sequence[InputItem]) -> list[str]:
    return [conversation.get(one.id, "response.input").id for one in given if isinstance(one, ItemReference)]
