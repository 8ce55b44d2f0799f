"""The numbers and choices a session decides by. All durations carry their unit in the name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from voice.audio.frames import AudioFrame
from voice.protocol.settings import FunctionTool
from voice.protocol.settings import Session as Settings
from voice.protocol.traits import EngineTraits
from voice.session.approvals import ApprovalRules
from voice.session.belief import BeliefRules
from voice.session.watch import WatchRules

TurnMode = Literal["server_vad", "semantic_vad", "local", "push_to_talk", "off"]
Ending = Literal["finished", "open", "unfinished"]
"""What a turn is like so far: nothing is missing, nobody can tell, or it breaks off in mid-sentence."""


@dataclass(frozen=True, slots=True)
class TurnRules:
    """Whose turn it is, and when.

    `mode`: the engine finds turns by silence (`server_vad`) or by sense (`semantic_vad`, with `eagerness`), our own ear
    does (`local`), the talk button does (`push_to_talk`, held, or with `toggle` pressed twice), or nobody listens
    (`off`).
    `floor`: `ours` creates, cancels and truncates here; `engine` leaves creating and cancelling to the engine's own
    turn detection.

    Turns of the button and of our ear send the `pre_roll_ms` from before their beginning. A released button sends
    `release_tail_ms` more, and a press shorter than `tap_ms` is a mistake. Our ear begins a turn after `start_ms` of
    speech and ends it after a quiet (see `wait_ms`), or after `longest_ms` in any case.

    With `speculate_ms` the reply to a turn of our ear is asked for after so much quiet already, unless its words are
    `unfinished`; it is held back until the turn is over, and retracted unheard when the person goes on.

    After `idle_ms` in which nobody said anything `idle_text` is spoken, `idle_times` in a row at most.
    """

    mode: TurnMode = "server_vad"
    floor: Literal["ours", "engine"] = "ours"
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    toggle: bool = False
    pre_roll_ms: float = 300.0
    release_tail_ms: float = 200.0
    tap_ms: float = 150.0
    start_ms: float = 120.0
    silence_ms: float = 600.0
    finished_ms: float = 400.0
    unfinished_ms: float = 1_200.0
    sounds_finished_ms: float = 300.0
    speculate_ms: float | None = None
    longest_ms: float = 60_000.0
    idle_ms: float | None = None
    idle_text: str = ""
    idle_times: int = 2

    @property
    def by_hand(self) -> bool:
        """Whether turns are committed here, so that only the sound of turns goes to the engine."""
        return self.mode in ("push_to_talk", "local", "off")

    def wait_ms(self, words: Ending = "open", sound: Ending = "open") -> float:
        """How much quiet ends a turn of our ear: `silence_ms`, or less after words (`finished_ms`) or a melody
        (`sounds_finished_ms`) with nothing missing. Words that break off get `unfinished_ms`, whatever the melody says:
        most pauses in mid-sentence sound finished."""
        if words == "unfinished":
            return max(self.silence_ms, self.unfinished_ms)
        wait_ms = min(self.silence_ms, self.finished_ms) if words == "finished" else self.silence_ms
        return min(wait_ms, self.sounds_finished_ms) if sound == "finished" else wait_ms

    @property
    def kept_ms(self) -> float:
        """How much of the past is kept for the beginning of a turn that is known a little late."""
        return self.pre_roll_ms if self.mode == "push_to_talk" else self.pre_roll_ms + 900.0


def plain_words(text: str) -> str:
    """Lower case, no punctuation, single spaces."""
    return " ".join(re.findall(r"[^\W_]+(?:['-][^\W_]+)*", text.lower()))


@dataclass(frozen=True, slots=True)
class PhraseLists:
    """Words that decide alone, in lower case and without punctuation: `acknowledgements` go on listening ("mm-hm",
    "right"), `interruptions` take the floor ("stop", "wait"), `holds` ask for quiet until spoken to ("hold on").
    """

    acknowledgements: frozenset[str] = frozenset()
    interruptions: frozenset[str] = frozenset()
    holds: frozenset[str] = frozenset()

    def ask_for_the_floor(self, said: str) -> bool:
        """Whether plain words are meant to interrupt: listed ones, or several that do not merely agree."""
        first, *more = said.split() or [""]
        if said in self.interruptions or said in self.holds or first in self.interruptions:
            return True
        return bool(more) and not all(word in self.acknowledgements for word in (first, *more))


@dataclass(frozen=True, slots=True)
class FloorRules:
    """The numbers of the judgement.

    `yield_ms` of speech take the floor; a stretch that ends before is kept in doubt for `words_ms` after its end, in
    case its words say otherwise. `margin_db` is what speech must be above the line's quiet. Above `echo` it is our own
    loudspeaker; what was taken for somebody is given back when `echoes` news in a row say so. In a stretch that was
    echo only what is below `echo_gone` counts, `echoed_yield_ms` of it. Above `sure_echo` nothing takes the floor, not
    even what an ear that names moments calls an interruption.
    `soft_db` below the person's own usual voice, learned from `learn_ms` of clear speech on, is somebody else, or
    nobody: it does not count before it has lasted `soft_yield_ms`. Within `grace_ms` of the reply's first sound, and
    within `back_off_ms` of a mistaken duck, it takes `wary_yield_ms`. When only the engine hears speech, and our ear
    nothing at all, the engine is believed after `deaf_ms`.

    A reply that was asked for and does not sound yet is given up when an engine hears speech that our ear has heard
    within `recent_ms`, too, clear and at most `near_db` softer than the person's usual voice.

    Sound of which no moment was speech with a probability of `clear` (a cough) needs `unclear_yield_ms`.

    What cannot be ducked (see `SessionConfig.can_duck`) goes on at its level until it is certain (`wait`), or is taken
    for interrupted at the first sign (`stop`).

    All this is for an ear that only finds speech. One that says what each moment is (`CallerSpeech.kinds`) is followed
    by the rules of `belief` alone. What began within `grace_ms` of a reply's first sound may be its echo, of which
    nothing is known yet: for the reply's first `wary_ms` it must be believed more surely (`BeliefRules.wary`).
    When a sound sets in that such an ear cannot name yet (`CallerSpeech.rises`), the assistant is turned down by
    `hush_db` for `hush_ms`. If nothing came of it, such sounds do not count for `hush_rest_ms`.
    `names_moments` is true where the ear is known to be such a one, so that an engine that hears an echo is not
    believed against it, not even before the ear first heard anything.
    """

    yield_ms: float = 420.0
    words_ms: float = 250.0
    margin_db: float = 9.0
    learn_ms: float = 200.0
    soft_db: float = 9.0
    soft_yield_ms: float = 1_400.0
    echo: float = 0.55
    sure_echo: float = 0.8
    echoes: int = 4
    echo_gone: float = 0.45
    echoed_yield_ms: float = 350.0
    grace_ms: float = 250.0
    back_off_ms: float = 700.0
    wary_yield_ms: float = 560.0
    wary_ms: float = 1_000.0
    deaf_ms: float = 600.0
    recent_ms: float = 400.0
    near_db: float = 5.0
    clear: float = 0.8
    unclear_yield_ms: float = 900.0
    duck_db: float = -18.0
    hush_db: float = -9.0
    hush_ms: float = 300.0
    hush_rest_ms: float = 300.0
    names_moments: bool = False
    unducked: Literal["wait", "stop"] = "wait"
    phrases: PhraseLists = field(default_factory=PhraseLists)
    belief: BeliefRules = field(default_factory=BeliefRules)


@dataclass(frozen=True, slots=True)
class LinkRules:
    """How hard to try for the engine, and how much of the person's voice to keep meanwhile.

    Attempt n waits `backoff_ms * 2**n`, at most `backoff_max_ms`, between half and all of it by jitter, and the first
    one after a connection that lasted at most half. Attempts are counted until a connection has lasted `stable_ms`;
    one that stands but does not greet within `greeting_ms` is given up. The gap buffer keeps `gap_ms` of sound; what is
    older is dropped and counted.
    """

    attempts: int = 8
    backoff_ms: float = 200.0
    backoff_max_ms: float = 8_000.0
    gap_ms: float = 30_000.0
    quiet_ms: float = 1_000.0
    stable_ms: float = 5_000.0
    greeting_ms: float = 10_000.0


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars per million tokens, by kind. All zero: cost is not known, and nothing is claimed."""

    text_in: float = 0.0
    text_cached: float = 0.0
    text_out: float = 0.0
    audio_in: float = 0.0
    audio_cached: float = 0.0
    audio_out: float = 0.0
    image_in: float = 0.0
    image_cached: float = 0.0


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """All a session is told at its birth.

    `settings` is what we ask of the engine; `tools` are ours to run (the client never sees their definitions);
    `client_face` is true when the far end speaks the realtime protocol itself; `can_approve` when it has a button of
    its own to allow a tool with, which a realtime client has always; `can_duck` is false when how loud it plays is not
    ours to change (then nothing is ducked, and `FloorRules.unducked` says what is done instead), `can_hush` where
    changing it is heard as a break in the sound: there it must be worth it; `playout` says how we learn what was heard
    (see `voice.transports.base`). `greeting` is spoken first; `closing` is sound of our own for a
    call that must end because the engine is gone. With `floor` rules interruptions are judged in two stages, which
    needs an ear on our side (`CallerSpeech` events); without them the first sign of speech interrupts.
    """

    session_id: str
    settings: Settings
    traits: EngineTraits
    tools: tuple[FunctionTool, ...] = ()
    client_face: bool = False
    can_duck: bool = True
    can_hush: bool = True
    playout: Literal["reports", "marks", "clock", "client"] = "clock"
    greeting: str = ""
    closing: AudioFrame | None = None
    turns: TurnRules = field(default_factory=TurnRules)
    link: LinkRules = field(default_factory=LinkRules)
    prices: Prices = field(default_factory=Prices)
    floor: FloorRules | None = None
    watch: WatchRules = field(default_factory=WatchRules)
    approvals: ApprovalRules = field(default_factory=ApprovalRules)
    can_approve: bool = False
    history_items: int = 400
    mark_every_ms: float = 400.0
