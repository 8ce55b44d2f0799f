"""Whom an answer is for, when several speak for one client."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from voice.protocol.client_events import ClientEvent, ConversationItemRetrieve
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ConversationItemRetrieved, ErrorEvent, ServerEvent

REMEMBERED = 256
Who = TypeVar("Who")


@dataclass(frozen=True, slots=True)
class Wanted(Generic[Who]):
    """An item that somebody asked to have back."""

    item_id: str
    event_id: str
    by: Who


class Askers(Generic[Who]):
    """Remembers who said what, as long as an answer may come that is for them alone: an error goes to whoever made
    the mistake, an item (which may be long) back to whoever wanted it."""

    def __init__(self) -> None:
        self._said: OrderedDict[str, Who] = OrderedDict()
        self._wanted: deque[Wanted[Who]] = deque(maxlen=REMEMBERED)

    def said(self, who: Who, event: ClientEvent, *, errors_too: bool = True) -> None:
        """They say this. Without `errors_too` what is wrong with it concerns everybody."""
        if event.event_id and errors_too:
            self._said[event.event_id] = who
            if len(self._said) > REMEMBERED:
                self._said.popitem(last=False)
        if isinstance(event, ConversationItemRetrieve):
            self._wanted.append(Wanted(event.item_id, event.event_id or "", who))

    def of(self, event: ServerEvent | Unknown) -> Who | None:
        """Whom alone this is for; None: all."""
        if isinstance(event, ErrorEvent):
            event_id = event.error.event_id or ""
            self._no_longer_wanted(lambda wanted: bool(event_id) and wanted.event_id == event_id)
            return self._said.pop(event_id, None)
        if isinstance(event, ConversationItemRetrieved):
            wanted = self._no_longer_wanted(lambda wanted: wanted.item_id == event.item.id)
            return wanted.by if wanted is not None else None
        return None

    def _no_longer_wanted(self, is_it: Callable[[Wanted[Who]], bool]) -> Wanted[Who] | None:
        found = next(filter(is_it, self._wanted), None)
        if found is not None:
            self._wanted.remove(found)
        return found
