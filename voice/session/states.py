"""Where a conversation can be, and every way from there to somewhere else.

Five small machines run side by side:

    Link   DOWN → OPENING → READY → DOWN            the engine's connection
    Floor  SILENT ⇄ SPEAKING                        the person
    Turn   SURE ⇄ GUESSED                           whether the turn that was committed is surely over
    Reply  NONE → ASKED → STREAMING → NONE          the response being made; STALE once it was interrupted
    Voice  QUIET → SOUNDING ⇄ DUCKED → QUIET        the assistant's loudspeaker

`TRANSITIONS` is all there is: a trigger that has no row for the present state is Misuse and changes nothing.
`JOINT` holds the rules that concern two machines at once; the first rule whose states all hold names what must follow.
The picture in `docs/explanation/session.md` is drawn from these two tables.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from voice.errors import Misuse


class Link(Enum):
    """The engine's connection. READY: the engine has greeted."""

    DOWN = "down"
    OPENING = "opening"
    READY = "ready"


class Floor(Enum):
    """The person, as the engine hears them or the talk button says."""

    SILENT = "silent"
    SPEAKING = "speaking"


class Turn(Enum):
    """GUESSED: the turn is committed and a reply asked for, and the person may still go on."""

    SURE = "sure"
    GUESSED = "guessed"


class Reply(Enum):
    """The response of the default conversation. STALE: it was stopped, and the engine has not said that it is over."""

    NONE = "none"
    ASKED = "asked"
    STREAMING = "streaming"
    STALE = "stale"


class Voice(Enum):
    """The assistant's sound at the far end. DUCKED: turned down, because somebody may be interrupting."""

    QUIET = "quiet"
    SOUNDING = "sounding"
    DUCKED = "ducked"


State = Link | Floor | Turn | Reply | Voice


class Trigger(Enum):
    """What moves a machine."""

    LINK_WANTED = "link wanted"
    LINK_GREETED = "link greeted"
    LINK_LOST = "link lost"
    SPEECH_STARTED = "speech started"
    SPEECH_STOPPED = "speech stopped"
    TURN_GUESSED = "turn guessed"
    TURN_SETTLED = "turn settled"
    REPLY_ASKED = "reply asked"
    REPLY_CREATED = "reply created"
    REPLY_REFUSED = "reply refused"
    REPLY_INTERRUPTED = "reply interrupted"
    REPLY_DONE = "reply done"
    SOUND_QUEUED = "sound queued"
    SOUND_DUCKED = "sound ducked"
    SOUND_RESTORED = "sound restored"
    SOUND_ENDED = "sound ended"


class Consequence(Enum):
    """What a joint state calls for."""

    INTERRUPT = "interrupt"
    SPEAK_UP = "speak up"


@dataclass(frozen=True, slots=True)
class States:
    """The joint state: one state of each machine."""

    link: Link = Link.DOWN
    floor: Floor = Floor.SILENT
    turn: Turn = Turn.SURE
    reply: Reply = Reply.NONE
    voice: Voice = Voice.QUIET


TRANSITIONS: dict[Trigger, dict[State, State]] = {
    Trigger.LINK_WANTED: {Link.DOWN: Link.OPENING},
    Trigger.LINK_GREETED: {Link.OPENING: Link.READY},
    Trigger.LINK_LOST: {Link.OPENING: Link.DOWN, Link.READY: Link.DOWN},
    Trigger.SPEECH_STARTED: {Floor.SILENT: Floor.SPEAKING, Floor.SPEAKING: Floor.SPEAKING},
    Trigger.SPEECH_STOPPED: {Floor.SPEAKING: Floor.SILENT, Floor.SILENT: Floor.SILENT},
    Trigger.TURN_GUESSED: {Turn.SURE: Turn.GUESSED},
    Trigger.TURN_SETTLED: {Turn.GUESSED: Turn.SURE},
    Trigger.REPLY_ASKED: {Reply.NONE: Reply.ASKED},
    Trigger.REPLY_CREATED: {
        Reply.NONE: Reply.STREAMING,
        Reply.ASKED: Reply.STREAMING,
        Reply.STALE: Reply.STALE,
    },
    Trigger.REPLY_REFUSED: {Reply.ASKED: Reply.NONE, Reply.STALE: Reply.NONE},
    Trigger.REPLY_INTERRUPTED: {Reply.ASKED: Reply.STALE, Reply.STREAMING: Reply.STALE},
    Trigger.REPLY_DONE: {Reply.STREAMING: Reply.NONE, Reply.STALE: Reply.NONE, Reply.ASKED: Reply.NONE},
    Trigger.SOUND_QUEUED: {
        Voice.QUIET: Voice.SOUNDING,
        Voice.SOUNDING: Voice.SOUNDING,
        Voice.DUCKED: Voice.DUCKED,
    },
    Trigger.SOUND_DUCKED: {Voice.SOUNDING: Voice.DUCKED, Voice.DUCKED: Voice.DUCKED},
    Trigger.SOUND_RESTORED: {Voice.DUCKED: Voice.SOUNDING},
    Trigger.SOUND_ENDED: {Voice.SOUNDING: Voice.QUIET, Voice.DUCKED: Voice.QUIET},
}

JOINT: tuple[tuple[frozenset[State], Consequence], ...] = (
    (frozenset({Floor.SPEAKING, Voice.SOUNDING}), Consequence.INTERRUPT),
    (frozenset({Floor.SPEAKING, Voice.DUCKED}), Consequence.INTERRUPT),
    (frozenset({Floor.SPEAKING, Reply.STREAMING}), Consequence.INTERRUPT),
    (frozenset({Floor.SPEAKING, Reply.ASKED}), Consequence.INTERRUPT),
    (frozenset({Link.READY, Floor.SILENT, Reply.NONE, Voice.QUIET}), Consequence.SPEAK_UP),
)

_MACHINE: dict[type[Enum], str] = {Link: "link", Floor: "floor", Turn: "turn", Reply: "reply", Voice: "voice"}
_MOVED_BY: dict[Trigger, str] = {trigger: _MACHINE[type(next(iter(rows)))] for trigger, rows in TRANSITIONS.items()}


def step(states: States, trigger: Trigger) -> States:
    """The joint state after `trigger`. Raises Misuse, changing nothing, when the table has no row for it."""
    machine = _MOVED_BY[trigger]
    present: State = getattr(states, machine)
    after = TRANSITIONS[trigger].get(present)
    if after is None:
        raise Misuse(f"'{trigger.value}' cannot happen while {machine} is {present.value}")
    if after is present:
        return states
    moved: dict[str, Any] = {machine: after}
    return replace(states, **moved)


def may(states: States, trigger: Trigger) -> bool:
    """Whether the table has a row for `trigger` now."""
    return getattr(states, _MOVED_BY[trigger]) in TRANSITIONS[trigger]


def consequence(states: States) -> Consequence | None:
    """What the joint state calls for, if anything."""
    held = {states.link, states.floor, states.turn, states.reply, states.voice}
    for needed, follows in JOINT:
        if needed <= held:
            return follows
    return None
