"""All that a conversation remembers, and the few verbs by which a rule acts on it.

The parts each keep one book; this holds them together with the joint state, the time, and the effects of the event
that is being handled. The rules beside it (`*_side.py` and their like) read the books and write them. Nothing here
decides.
"""

from __future__ import annotations

from typing import Any

from voice.protocol.client_events import ClientEvent
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent
from voice.session.calls import Calls
from voice.session.echoes import Echoes
from voice.session.effects import Effect, Note, SendToClient, SendToEngine
from voice.session.face import ClientFace
from voice.session.gap import GapBuffer
from voice.session.history import History
from voice.session.link import Retry
from voice.session.orders import Orders, Told
from voice.session.playback import Ledger
from voice.session.replies import Replies
from voice.session.rules import SessionConfig, TurnRules
from voice.session.states import Consequence, States, Trigger, consequence, step
from voice.session.turns import IdlePrompt, Talk, TurnTimes
from voice.session.updates import Updates
from voice.session.usage import Usage
from voice.session.wordless import Wordless

CLIENT_ID = "vc"
"""Begins the ids that we give to a client's events which have none."""


class Books:
    """What is known of one conversation.

    `now` is the time of the event being handled and `began_at` that of the first tick, in seconds; `effects` are those
    of that event so far; `sounding_response` is the response whose sound came last. `client_plays`: the far end is a
    realtime client that plays the sound itself and keeps its own account of it.
    """

    def __init__(self, config: SessionConfig) -> None:
        self.config = config
        self.states = States()
        self.now = float("-inf")
        self.ended = False
        self.effects: list[Effect] = []
        self.face = _face_of(config)
        self.settings = config.settings if self.face is None else self.face.take_wishes(config.settings)
        self.updates = Updates()
        self.client_plays = config.client_face and config.playout == "client"
        self.ledger = Ledger(marks=config.playout == "marks", mark_every_ms=config.mark_every_ms)
        self.replies = Replies()
        self.calls = Calls()
        self.echoes = Echoes()
        self.history = History(config.history_items)
        self.orders = Orders()
        self.wordless = Wordless()
        self.usage = Usage(config.prices)
        self.retry = Retry(config.link)
        self.gap = GapBuffer(config.link.gap_ms, config.link.quiet_ms)
        self.times = TurnTimes()
        self.began_at: float | None = None
        self.sounding_response = ""
        self.take_turns(config.turns)
        self._id_end = config.session_id[-12:]
        self._ids = 0

    def take_turns(self, rules: TurnRules) -> None:
        """Turns go by these rules from now on."""
        self.turns = rules
        self.by_hand = rules.by_hand
        self.talk = Talk(rules)
        self.idle = IdlePrompt(rules)
        self.preroll = GapBuffer(rules.kept_ms, rules.kept_ms)
        self.gap.quiet_ms = 0.0 if rules.by_hand else self.config.link.quiet_ms

    @property
    def ours(self) -> bool:
        """Whether creating and cancelling replies is our decision."""
        keeps = self.face is None or self.config.floor is not None
        return keeps and self.turns.floor == "ours" and self.config.traits.interruption == "ours"

    # How rules act

    def emit(self, effect: Effect) -> None:
        """This is to be done, behind what is to be done already."""
        self.effects.append(effect)

    def tell(self, event: ClientEvent, *, again: Told | None = None) -> None:
        """Tell the engine to do this; if it refuses for a passing reason it is told again."""
        self.orders.tell(event, again=again)
        self.effects.append(SendToEngine(event))

    def show(self, said: ServerEvent | Unknown) -> None:
        """What a client sees of this."""
        if self.face is not None and not self.ended:
            for shown in self.face.show(said):
                self.effects.append(SendToClient(shown))

    def note(self, kind: str, **values: Any) -> None:
        """Something worth counting or showing; kinds and values are in `docs/reference/notes.md`."""
        self.effects.append(Note(kind, values))

    def step(self, trigger: Trigger) -> None:
        """The joint state moves by its table. Raises Misuse, changing nothing, where the table has no such way."""
        self.states = step(self.states, trigger)
        if consequence(self.states) is Consequence.SPEAK_UP:
            self.idle.quiet(self.now)
        else:
            self.idle.busy()

    # Ids

    def new_id(self, prefix: str) -> str:
        """An id that this conversation has not used: deterministic, so that a replay makes the same."""
        self._ids += 1
        return f"{prefix}_{self._id_end}_{self._ids}"

    def is_ours(self, event_id: str) -> bool:
        """Whether an id is one of ours."""
        return f"_{self._id_end}_" in event_id


def _face_of(config: SessionConfig) -> ClientFace | None:
    if not config.client_face:
        return None
    paused = {name for name, verdict in config.approvals.verdicts.items() if verdict != "allow"}
    return ClientFace(config.tools, any_model=config.traits.any_model, paused=paused)
