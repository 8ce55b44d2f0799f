"""One response being made: the conversation to the brain, its words to the speaker, everything to the machine.

Words are spoken sentence by sentence, each sentence's transcript ahead of its sound. Sound goes out as fast as it is
made, in pieces between which the loop gets its turn; so a cancellation stops the work within one piece.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from voice.engines.local.context import Context
from voice.engines.local.outlet import Outlet
from voice.engines.local.plan import Plan
from voice.engines.local.response import Reason, ResponseMachine, Status
from voice.engines.local.sound import FIRST_PIECE_MS, PIECE_MS, Encoder
from voice.engines.local.streams import reading
from voice.engines.speech.sentences import SpokenSentences, sentences
from voice.engines.stages import (
    Brain,
    BrainEvent,
    BrainRequest,
    BrainUsage,
    Speaker,
    TextDelta,
    ToolCallDelta,
    ToolCallDone,
    ToolCallStarted,
)
from voice.errors import EngineFailed, VoiceError
from voice.protocol.settings import ResponseError

logger = logging.getLogger(__name__)

_SLICE_MS = 200  # of a speaker's piece, converted at a time


@dataclass(frozen=True, slots=True)
class Stages:
    """What makes a reply. `stall_s` is how long one of them may be silent."""

    brain: Brain
    speaker: Speaker
    stall_s: float


class Reply:
    """Runs one response. `over` is called once, when its last event is out."""

    def __init__(
        self,
        plan: Plan,
        machine: ResponseMachine,
        context: Context,
        stages: Stages,
        outlet: Outlet,
        over: Callable[[Reply], None],
        *,
        event_id: str | None = None,
        first_sound: Callable[[], None] = lambda: None,
    ) -> None:
        self.plan = plan
        self.machine = machine
        self.task: asyncio.Task[None] | None = None
        self._context = context
        self._stages = stages
        self._outlet = outlet
        self._over = over
        self._event_id = event_id
        self._first_sound = first_sound
        self._sentences = SpokenSentences()
        self._counted: BrainUsage | None = None

    @property
    def id(self) -> str:
        return self.machine.id

    def begin(self) -> None:
        self._outlet.say_all(self.machine.begin())

    async def run(self) -> None:
        """Make it to its end. Never raises but for cancellation."""
        try:
            if self.plan.say is not None:
                await self._speak(self.plan.say)
            else:
                await self._think()
        except VoiceError as error:
            self._fail(error)
        except Exception as error:
            logger.exception("reply broke")
            self._fail(EngineFailed("The engine broke while it made a response.", detail=type(error).__name__))
        else:
            self._complete()

    def stop(self, reason: Reason) -> None:
        """Cancel it: its last events go out now, and the work stops at its next step."""
        self._finish("cancelled", reason=reason)
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()

    # From the brain

    async def _think(self) -> None:
        request = await self._request()
        thoughts = reading(self._stages.brain.reply(request), "brain", self._stages.stall_s)
        async with aclosing(thoughts):
            async for thought in thoughts:
                await self._handle(thought)
                if self.machine.is_full or self.machine.is_over:
                    return
        await self._speak_rest()

    async def _request(self) -> BrainRequest:
        plan = self.plan
        items = await self._context.items()
        self.machine.given = self._context.tokens(plan.instructions)
        return BrainRequest(
            items=items,
            instructions=plan.instructions,
            tools=plan.tools,
            tool_choice=plan.tool_choice,
            max_output_tokens=plan.max_output_tokens,
            metadata=plan.metadata or {},
            language=plan.language,
            confidence=self._context.confidence,
        )

    async def _handle(self, thought: BrainEvent) -> None:
        match thought:
            case TextDelta(text) if self.plan.modality == "text":
                self._outlet.say_all(self.machine.write(text))
            case TextDelta(text):
                for sentence in self._sentences.feed(text):
                    await self._speak_sentence(sentence)
            case ToolCallStarted(call_id, name):
                await self._speak_rest()
                self._outlet.say_all(self.machine.call(call_id, name))
            case ToolCallDelta(call_id, arguments):
                self._outlet.say_all(self.machine.call_arguments(call_id, arguments))
            case ToolCallDone(call_id):
                self._outlet.say_all(self.machine.call_done(call_id))
            case BrainUsage():
                self._counted = thought

    # To the speaker

    async def _speak(self, text: str) -> None:
        """Text that is complete."""
        if self.plan.modality == "text":
            self._outlet.say_all(self.machine.write(text))
            return
        for sentence in sentences(text):
            await self._speak_sentence(sentence)

    async def _speak_rest(self) -> None:
        """What the brain began to say and did not end with a full stop."""
        for sentence in self._sentences.flush():
            await self._speak_sentence(sentence)

    async def _speak_sentence(self, sentence: str) -> None:
        if self.machine.is_over or self.machine.is_full:
            return
        self._outlet.say_all(self.machine.say(sentence))
        if any(character.isalnum() for character in sentence):
            await self._synthesise(sentence.strip())
        self.machine.said()

    async def _synthesise(self, text: str) -> None:
        speaker, plan = self._stages.speaker, self.plan
        first_ms = PIECE_MS if self.machine.sound_ms else FIRST_PIECE_MS
        encoder = Encoder(speaker.rate_hz, plan.format, first_ms)
        slice_bytes = speaker.rate_hz * _SLICE_MS // 1000 * 2
        sound = reading(speaker.speak(text, voice=plan.voice, speed=plan.speed), "speaker", self._stages.stall_s)
        async with aclosing(sound):
            async for pcm in sound:
                for at in range(0, len(pcm), slice_bytes):
                    for piece in encoder.feed(pcm[at : at + slice_bytes]):
                        await self._send(piece)
                if self.machine.is_full:
                    return
        for piece in encoder.flush():
            await self._send(piece)

    async def _send(self, piece: bytes) -> None:
        if not self.machine.sound_ms:
            self._first_sound()
        self._outlet.say_all(self.machine.sound(piece))
        await asyncio.sleep(0)

    # The end

    def _complete(self) -> None:
        most = self.plan.max_output_tokens
        counted = self._counted.output_tokens if self._counted is not None else 0
        if most is not None and (self.machine.is_full or counted >= most):
            self._finish("incomplete", reason="max_output_tokens")
        else:
            self._finish("completed")

    def _fail(self, error: VoiceError) -> None:
        if not self.machine.is_over:
            self._outlet.fail(error, self._event_id)
            self._finish("failed", error=ResponseError(type="server_error", code=error.code, message=error.message))

    def _finish(self, status: Status, *, reason: Reason | None = None, error: ResponseError | None = None) -> None:
        if self.machine.is_over:
            return
        self._outlet.say_all(self.machine.finish(status, reason=reason, error=error, counted=self._counted))
        self._over(self)
