"""The embedded brain: templates, tools and a few set phrases. No model, no network.

Stateless: whatever it needs to know is in the request, so truncation, deletion and replay of a conversation work by
themselves. `decide` is pure; `IntentsBrain` only loads, waits and streams.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from voice.engines.brain import declared, doubt, expansion
from voice.engines.brain.actions import Call, Cannot, Speak, action_of
from voice.engines.brain.answers import help_text, tell
from voice.engines.brain.conversation import Conversation, read_conversation
from voice.engines.brain.grammar import Grammar, Match, grammar
from voice.engines.brain.lexicon import language_of
from voice.engines.brain.phrases import Phrases, phrases
from voice.engines.brain.repair import Repair
from voice.engines.brain.utterance import Utterance, read_utterance, without_frame
from voice.engines.stages import BrainEvent, BrainRequest, TextDelta, ToolCallDelta, ToolCallDone, ToolCallStarted
from voice.protocol.settings import FunctionTool

ARGUMENTS_PIECE_CHARS = 32

# "Say exactly this …: TEXT" — how a server or an operator has a text spoken as it is.
SAY_EXACTLY = re.compile(
    r"^\s*(?:please\s+)?(?:say|speak|repeat|read)\b(?:[^:\n\"“]{0,80}):\s*(?P<text>.+)$", re.I | re.S
)
SAY_QUOTED = re.compile(
    r"^\s*(?:please\s+)?(?:just\s+)?(?:say|speak|greet[^\"“]{0,40})\b[^\"“]{0,60}[\"“](?P<text>[^\"”]+)[\"”]", re.I
)
MY_NAME = re.compile(r"\b(?i:your name is|you are|you're)(?: called| named)? (?P<name>[A-Z][\w-]+)")


@dataclass(frozen=True, slots=True)
class Say:
    """Say this."""

    text: str


@dataclass(frozen=True, slots=True)
class CallTool:
    """Call this tool of the request."""

    name: str
    arguments: Mapping[str, Any]


Decision = Say | CallTool


@dataclass(frozen=True, slots=True)
class Mind:
    """What is loaded once per language: grammar, repair, phrases."""

    grammar: Grammar
    repair: Repair
    phrases: Phrases

    def understand(self, utterance: Utterance) -> Match | None:
        """The intent of an utterance, misheard words set right if it must be."""
        match = self.grammar.match(utterance)
        if match is None:
            return self.repair.match(utterance)
        if match.intent.startswith("Cannot") and match.slots:
            # Its wildcard holds anything, also something misheard that can be done.
            respelled = self.repair.respelled_match(utterance)
            if respelled and not respelled.slots:
                return respelled
        return match


@cache
def mind(language: str) -> Mind:
    """Blocks for some 200 ms the first time. Raises ConfigError or ExtraMissing."""
    family = language_of(language)
    loaded = grammar(family)
    return Mind(loaded, Repair(loaded), phrases(family))


class IntentsBrain:
    """Brain over sentence templates. `make_id` gives call ids."""

    name = "intents"

    def __init__(self, *, language: str = "en", make_id: Callable[[], str] | None = None) -> None:
        self._language = language
        self._make_id = make_id or (lambda: f"call_{secrets.token_hex(8)}")

    async def open(self) -> None:
        """Load now instead of at the first reply. Raises ConfigError or ExtraMissing."""
        await asyncio.to_thread(mind, self._language)

    async def reply(self, request: BrainRequest) -> AsyncIterator[BrainEvent]:
        # A few ms of work for what is hard to understand, and 200 ms the first time: too long for the loop.
        decision = await asyncio.to_thread(self._decide, request)
        if isinstance(decision, Say):
            yield TextDelta(decision.text)
            return
        call_id = self._make_id()
        arguments = json.dumps(dict(decision.arguments), ensure_ascii=False)
        yield ToolCallStarted(call_id, decision.name)
        for start in range(0, len(arguments), ARGUMENTS_PIECE_CHARS):
            yield ToolCallDelta(call_id, arguments[start : start + ARGUMENTS_PIECE_CHARS])
        yield ToolCallDone(call_id)

    async def close(self) -> None:
        pass

    def _decide(self, request: BrainRequest) -> Decision:
        return decide(request, mind(self._language))


def recogniser_phrases(language: str = "en") -> list[str]:
    """What people usually say to the embedded brain: phrases for a recogniser to expect.

    For `Recogniser.start(phrases=…)`. Reads some small files. Raises ConfigError or ExtraMissing.
    """
    return expansion.recogniser_phrases(language_of(language))


def decide(request: BrainRequest, mind: Mind) -> Decision:
    """What to do about the end of the conversation."""
    return _Decider(request, mind).decide()


class _Decider:
    def __init__(self, request: BrainRequest, mind: Mind) -> None:
        self._request = request
        self._mind, self._grammar, self._phrases = mind, mind.grammar, mind.phrases
        self._talk: Conversation = read_conversation(request.items)
        self._tools = {tool.name: tool for tool in request.tools if isinstance(tool, FunctionTool)}
        if request.tool_choice == "none":
            self._tools = {}
        elif request.tool_choice not in {"auto", "required"}:
            self._tools = {name: tool for name, tool in self._tools.items() if name == request.tool_choice}
        self._must = bool(self._tools) and request.tool_choice != "auto"

    def decide(self) -> Decision:
        if exact := _to_say_exactly(self._request.instructions, self._talk.system):
            return Say(exact)
        if self._talk.calls:
            return Say(" ".join(tell(call, self._phrases) for call in self._talk.calls))
        if self._talk.said is None:
            return self._unasked()
        utterance = read_utterance(self._talk.said, self._grammar.lexicon)
        if not utterance and not self._must:
            return self._say("not_heard")
        return self._confirmed(utterance) or self._unless_in_doubt(
            self._answer_to_question(utterance) or self._wish(utterance)
        )

    # What was perhaps misheard

    def _confirmed(self, utterance: Utterance) -> Decision | None:
        """The person answers "Did you say …?"; None when they say something else instead."""
        wish = doubt.wish_asked_about(self._talk.heard, self._phrases)
        if wish is None or doubt.not_heard(self._request.confidence):
            return None
        match = self._grammar.match(utterance)
        if match is not None and match.intent == "Fine":
            return self._wish(read_utterance(wish, self._grammar.lexicon))
        return self._say("say_again") if match is not None and match.intent == "No" else None

    def _unless_in_doubt(self, decision: Decision) -> Decision:
        confidence = self._request.confidence
        if isinstance(decision, Say) or not doubt.in_doubt(confidence, decision.name):
            return decision
        if doubt.not_heard(confidence):
            return self._say("not_heard")
        return Say(doubt.question(decision.name, decision.arguments, self._talk.said or "", self._phrases))

    def _say(self, key: str, **values: object) -> Say:
        return Say(self._phrases.say(key, self._talk.turns - 1, **values))

    def _unasked(self) -> Decision:
        """A response is wanted and nobody has said anything since the last one."""
        if self._must:
            return self._declared(read_utterance("", self._grammar.lexicon)) or self._say("fine")
        if self._talk.turns or self._talk.heard:
            return self._say("fine")
        return self._hello()

    def _hello(self) -> Say:
        me = _my_name(self._request.instructions)
        return self._say("hello_named", me=me) if me else self._say("hello")

    def _wish(self, utterance: Utterance) -> Decision:
        """Templates first, then the client's own tools, then what was probably meant, then honesty."""
        match = self._grammar.match(utterance)
        if match and not self._must and (certain := self._certain(match)):
            return certain
        if match and self._must and (called := self._call(match)):
            return called
        if chosen := self._declared(utterance):
            return chosen
        match = self._mind.understand(utterance)
        if match:
            return self._of_match(match)
        return self._say("not_heard" if doubt.not_heard(self._request.confidence) else "not_understood")

    def _certain(self, match: Match) -> Decision | None:
        """What a matched template says at once; None where a client's tool may know better."""
        action = action_of(match)
        if isinstance(action, Call):
            return self._call(match)
        return self._line(action) if isinstance(action, Speak) else None

    def _of_match(self, match: Match) -> Decision:
        action = action_of(match)
        if isinstance(action, Cannot):
            return Say(str(self._phrases.table("cannot")[action.intent]))
        if isinstance(action, Speak):
            return self._line(action)
        ability = self._phrases.table("tool_abilities").get(action.tool, action.tool)
        return self._call(match) or self._say("not_here", ability=ability)

    def _call(self, match: Match) -> CallTool | None:
        """The built-in tool of an intent, if the conversation has it and it takes these arguments."""
        action = action_of(match)
        tool = self._tools.get(action.tool) if isinstance(action, Call) else None
        if tool is None or not isinstance(action, Call):
            return None
        schema = tool.parameters if isinstance(tool.parameters, dict) else {}
        takes, needs = set(schema.get("properties") or {}), set(schema.get("required") or ())
        return CallTool(tool.name, action.arguments) if needs <= set(action.arguments) <= takes else None

    def _line(self, action: Speak) -> Say:
        me = _my_name(self._request.instructions)
        if action.key == "repeat":
            return Say(self._talk.heard) if self._talk.heard else self._say("nothing_to_repeat")
        if action.key == "help":
            return Say(help_text({*self._tools}, self._phrases))
        if action.key == "hello":
            return self._hello()
        if action.key == "who" and me:
            return self._say("who_named", me=me)
        return self._say(action.key)

    # The client's own tools

    def _declared(self, utterance: Utterance) -> Decision | None:
        shortest = [*without_frame(utterance, self._grammar.lexicon)][-1] if utterance else utterance
        choice = declared.choose(shortest, self._tools.values(), self._grammar.lexicon, must=self._must)
        if choice is None:
            return None
        if choice.missing and not self._must:
            return self._say("ask_parameter", parameter=_spoken(choice.missing[0]))
        return CallTool(choice.tool.name, choice.arguments)

    def _answer_to_question(self, utterance: Utterance) -> Decision | None:
        """The person answers what was asked back: "For how long?", "Which city?"."""
        if not self._talk.heard or self._grammar_knows(utterance):
            return None
        for key, template in self._phrases.table("replies").items():
            if self._phrases.asked(key, self._talk.heard):
                whole = read_utterance(template.format(reply=self._talk.said), self._grammar.lexicon)
                match = self._grammar.match(whole)
                return self._of_match(match) if match else None
        return self._declared_answer(utterance)

    def _grammar_knows(self, utterance: Utterance) -> bool:
        """Is it a wish of its own rather than an answer? ("never mind", "what time is it")"""
        match = self._grammar.match(utterance)
        return match is not None and match.intent not in {"Fine", "No"}

    def _declared_answer(self, utterance: Utterance) -> Decision | None:
        for tool in self._tools.values():
            properties = _properties(tool)
            for name, schema in properties.items():
                if self._talk.heard != self._phrases.say("ask_parameter", parameter=_spoken(name)):
                    continue
                value = declared.fill_reply(utterance, name, schema, self._grammar.lexicon)
                if value is None:
                    return None
                earlier = read_utterance(self._talk.before, self._grammar.lexicon)
                choice = declared.fill(earlier, tool, self._grammar.lexicon, {name: value})
                if choice.missing:
                    return self._say("ask_parameter", parameter=_spoken(choice.missing[0]))
                return CallTool(tool.name, choice.arguments)
        return None


def _properties(tool: FunctionTool) -> dict[str, Any]:
    schema = tool.parameters if isinstance(tool.parameters, dict) else {}
    properties: dict[str, Any] = schema.get("properties") or {}
    return properties


def _spoken(name: str) -> str:
    return " ".join(declared.words_of_name(name))


def _to_say_exactly(*texts: str) -> str | None:
    for text in texts:
        if found := SAY_QUOTED.match(text) or SAY_EXACTLY.match(text):
            return found["text"].strip().strip("\"“”'")
    return None


def _my_name(instructions: str) -> str | None:
    found = MY_NAME.search(instructions)
    return found["name"] if found else None
