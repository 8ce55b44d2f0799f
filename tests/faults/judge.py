"""What became of a disturbed conversation, held against the same conversation undisturbed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.talk import OVER, questions_in
from tests.faults.world import World
from voice.protocol.items import AssistantMessage
from voice.protocol.server_events import ResponseDone, ResponseOutputItemDone
from voice.session import events as ev
from voice.session.history import text_of
from voice.testkit.faults import Refuse, Slow
from voice.testkit.mind import Belief

OUR_FAULT = (
    "call_answered_twice",
    "invalid_tool_call_id",
    "unsupported_content_type",
    "invalid_value:audio_end_ms",
    "invalid_value:item.id",
    "invalid_value:previous_item_id",
)
"""Complaints of a server that a client of good manners never gives cause for."""


@dataclass
class Verdict:
    """Everything that is counted of one conversation. `told`: it ended, and the person's end was told why.

    An answer may come twice when a connection dies behind its last word and before the engine said that it was the
    last: nobody can know it then. `twice_though_told` are those of which it was said.
    """

    lost_turns: list[str] = field(default_factory=list)
    answered_twice: list[str] = field(default_factory=list)
    twice_though_told: list[str] = field(default_factory=list)
    duplicate_effects: list[str] = field(default_factory=list)
    deaf: bool = False
    told: bool = False
    context: str = ""
    complaints: list[str] = field(default_factory=list)
    recovery_ms: float = 0.0
    fault_ms: float = 0.0

    @property
    def problems(self) -> list[str]:
        """In words, everything that must not be."""
        found = [f"lost {name}" for name in self.lost_turns]
        found += [f"done twice {name}" for name in self.duplicate_effects]
        found += [f"answered twice {name}" for name in self.twice_though_told]
        found += ["deaf"] if self.deaf else []
        found += [f"context: {self.context}"] if self.context else []
        return found + [f"complaint {code}" for code in self.complaints]


def judge(world: World, undisturbed: World) -> Verdict:
    """The verdict on a conversation."""
    verdict = Verdict(told=world.hung_up is not None and bool(world.hung_up.reason))
    heard = [word for _, word in world.person.words]
    interrupted = interrupted_subjects(world)
    for subject in asked(world):
        answered = subject in heard and (subject in interrupted or complete(heard, subject))
        if not answered and not verdict.told:
            verdict.lost_turns.append(subject)
        if times_complete(heard, subject) > 1:
            verdict.answered_twice.append(subject)
            if len(said_to_be_complete(world, subject)) > 1:
                verdict.twice_though_told.append(subject)
    verdict.duplicate_effects = [str(what) for what, times in world.effects_by_meaning.items() if times > 1]
    verdict.duplicate_effects += [call for call, times in world.effects_by_call.items() if times > 1]
    last = asked(world)[-1:] if world.person.turns else []
    verdict.deaf = not verdict.told and (not last or last[0] in verdict.lost_turns)
    if not verdict.told:
        verdict.context = compare(world.sessions[-1].belief() if world.sessions else (), undisturbed, interrupted)
    verdict.complaints = [code for server in world.sessions for code in server.complaints if code in OUR_FAULT]
    verdict.recovery_ms = max(0.0, world.longest_silence_s - undisturbed.longest_silence_s) * 1000
    verdict.fault_ms = min(verdict.recovery_ms, length_ms(world))
    return verdict


def length_ms(world: World) -> float:
    """How long the troubles last by themselves, whatever anybody does: refusals in a row, and a slow line's delay."""
    fired = world.injector.fired
    lost_at = refused_ms = slow_ms = 0.0
    for one in fired:
        match one.fault.what:
            case Refuse():
                refused_ms = max(refused_ms, (one.at - lost_at) * 1000)
            case Slow(latency_ms, apart_ms, _):
                slow_ms = max(slow_ms, latency_ms + 20 * apart_ms)
            case _:
                lost_at = one.at
    return refused_ms + slow_ms


def said_to_be_complete(world: World, subject: str) -> set[str]:
    """Items about a subject of which the engine has said that they are complete."""
    found = set()
    for line in world.log:
        if not isinstance(line.event, ev.EngineSaid):
            continue
        said = line.event.event
        items = [said.item] if isinstance(said, ResponseOutputItemDone) else []
        items += list(said.response.output or ()) if isinstance(said, ResponseDone) else []
        for item in items:
            words = text_of(item).split() if isinstance(item, AssistantMessage) and item.status == "completed" else []
            if subject in words and OVER in words[words.index(subject) :]:
                found.add(item.id or "")
    return found - {item_id for item_id in found if not world.heard_of(item_id)}


def asked(world: World) -> list[str]:
    """The subjects of all lines that the person said to the end, in order."""
    turns = [turn for turn in world.person.turns if turn.ended_at is not None]
    return [subject for turn in turns for subject, _ in questions_in(turn.line.text)]


def interrupted_subjects(world: World) -> set[str]:
    """Subjects whose answers the person means to interrupt."""
    found = set()
    for line, following in zip(world.lines, world.lines[1:], strict=False):
        if following.interrupt_after is not None:
            found |= {subject for subject, _ in questions_in(line.text)}
    return found


def complete(heard: Sequence[str], subject: str) -> bool:
    return times_complete(heard, subject) > 0


def times_complete(heard: Sequence[str], subject: str) -> int:
    """How often an answer was heard from its subject to its `over`, with no other subject between."""
    times, inside = 0, False
    for word in heard:
        if word.startswith("k") and word[1:].isdigit():
            inside = word == subject
        elif word == OVER and inside:
            times, inside = times + 1, False
    return times


# The context


def compare(belief: Belief, undisturbed: World, interrupted: set[str]) -> str:
    """What differs between two beliefs, in a few words; nothing when they say the same.

    Ids and form do not matter, nor into how many items the person's words fell. An answer that a lost connection
    broke off may stand there as far as it was heard, before the one that was heard to its end.
    """
    other = undisturbed.sessions[-1].belief()
    mine, wanted = user_words(belief), user_words(other)
    if mine != wanted:
        return f"the person's words: {difference(mine, wanted)}"
    for subject, _ in questions_in(" ".join(wanted)):
        problem = _compare_answer(subject, belief, other, may_be_cut=subject in interrupted)
        problem = problem or _compare_calls(subject, belief, other)
        if problem:
            return problem
    return ""


def difference(mine: Sequence[str], wanted: Sequence[str]) -> str:
    at = next(
        (n for n, pair in enumerate(zip(mine, wanted, strict=False)) if pair[0] != pair[1]), min(len(mine), len(wanted))
    )
    return f"{' '.join(mine[at : at + 5]) or '(end)'} instead of {' '.join(wanted[at : at + 5]) or '(end)'}"


def user_words(belief: Belief) -> list[str]:
    return [word for item in belief if item.kind == "user" for word in item.text.split()]


def answers_to(subject: str, belief: Belief) -> list[str]:
    """Everything the assistant is believed to have said about a subject, item by item."""
    found = []
    for item in belief:
        if item.kind == "assistant" and subject in (words := item.text.split()):
            at = words.index(subject)
            end = next((n for n in range(at, len(words)) if words[n] == OVER), len(words) - 1)
            found.append(" ".join(words[at : end + 1]))
    return found


def _compare_answer(subject: str, belief: Belief, other: Belief, *, may_be_cut: bool) -> str:
    mine, wanted = answers_to(subject, belief), answers_to(subject, other)
    if not wanted:
        return ""
    if not mine:
        return f"no answer about {subject}"
    longest = max(mine, key=len)
    if not may_be_cut:
        return "" if longest == wanted[-1] else f"{longest!r} instead of {wanted[-1]!r}"
    shorter, longer = sorted((longest, wanted[-1]), key=len)
    return "" if longer.startswith(shorter) else f"{longest!r} instead of {wanted[-1]!r}"


def _compare_calls(subject: str, belief: Belief, other: Belief) -> str:
    """A call that was answered with a refusal, because the person had gone on, is no call."""

    def calls(of: Belief) -> list[tuple[str, str, str]]:
        about = [item for item in of if item.kind in ("call", "output")]
        refused = {item.call_id for item in about if item.kind == "output" and not item.text.startswith("booked")}
        return [item.meaning for item in about if f'"{subject}"' in item.text and item.call_id not in refused]

    mine, wanted = calls(belief), calls(other)
    return "" if mine == wanted else f"calls about {subject}: {mine} instead of {wanted}"
