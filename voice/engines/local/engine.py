"""The embedded engine: one conversation's Realtime server, in this process.

Recogniser and speaker are the caller's and are shared by many conversations; the rest lives and dies with this one.
Nothing here computes for long: windows of the voice detector (about 0.1 ms each) and the conversion of sound run on
the loop in parts of at most 200 ms of sound, recognition and synthesis behind their seams outside of it.

Two events of the protocol are never said. `rate_limits.updated`: nothing is rationed here, and an invented number
would be acted on. `output_audio_buffer.*`: this server does not play; what was heard is the client's to say.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import cache

from voice.audio.frames import PCM_16K, AudioFrame
from voice.engines.base import EngineListener
from voice.engines.endings import IsWhole
from voice.engines.local.desk import Desk
from voice.engines.local.idle import Idle
from voice.engines.local.inbox import PART_MS, Append, Inbox
from voice.engines.local.outlet import Outlet
from voice.engines.local.settings import Settings
from voice.engines.local.sound import WIRE_FORMATS
from voice.engines.local.tasks import Tasks
from voice.engines.stages import Brain, Recogniser, Speaker, SpeechProbability
from voice.errors import EngineFailed, Misuse, ProtocolError, VoiceError
from voice.protocol.client_events import ClientEvent, InputAudioBufferAppend
from voice.protocol.ids import Ids
from voice.protocol.server_events import SERVER_EVENTS
from voice.protocol.settings import Session
from voice.protocol.traits import EngineTraits

logger = logging.getLogger(__name__)

STALL_S = 30.0
TURN_S = 0.005
"""How long events are handled before others of this process have their turn."""
INPUT_LIMIT_MS = 120_000


@cache
def prepare() -> None:
    """Load and build, once in a process, what would otherwise be built in the middle of the first turn: the models of
    what is said (some 40 ms), the tables of G.711 and the filters, and with them numpy (some 100 ms). The first `open`
    does it; whoever starts a service may do it before."""
    from voice.audio import g711
    from voice.audio.resample import Resampler

    for model in SERVER_EVENTS.values():
        model.model_rebuild()
    for rate_hz in {format.rate_hz for format in WIRE_FORMATS.values()}:
        Resampler(rate_hz, PCM_16K.rate_hz)
    g711.encode(b"", "pcmu")
    g711.encode(b"", "pcma")


class LocalEngine:
    """Implements `voice.engines.base.Engine`.

    `now` is in seconds and only ever grows. `is_whole` tells of words whether they are a wish with nothing missing,
    after which `semantic_vad` waits for a short silence only."""

    traits = EngineTraits(name="local")

    def __init__(
        self,
        *,
        recogniser: Recogniser,
        speaker: Speaker,
        brain: Brain,
        vad_factory: Callable[[], SpeechProbability],
        session_defaults: Session | None = None,
        ids: Ids,
        model: str = "voice-local",
        now: Callable[[], float] = time.monotonic,
        stall_s: float = STALL_S,
        input_limit_ms: int = INPUT_LIMIT_MS,
        is_whole: IsWhole | None = None,
    ) -> None:
        self._recogniser = recogniser
        self._speaker = speaker
        self._brain = brain
        self._vad_factory = vad_factory
        self._settings = Settings(model, ids.session, session_defaults)
        self._ids = ids
        self._now = now
        self._stall_s = stall_s
        self._input_limit_ms = input_limit_ms
        self._is_whole = is_whole
        self._inbox = Inbox(most_sound_ms=2.5 * input_limit_ms)
        self._tasks = Tasks()
        self._outlet: Outlet | None = None
        self._desk: Desk | None = None
        self._closed = False
        self._awake = False
        self._idle_timer: asyncio.TimerHandle | None = None

    @property
    def dropped_ms(self) -> float:
        """Sound that came and was dropped because too much of it waited."""
        return self._inbox.dropped_ms + (self._desk.listening.ear.buffer.dropped_ms if self._desk else 0.0)

    async def open(self, listener: EngineListener) -> None:
        """Begin the conversation; `session.created` is the first thing said, once this has returned."""
        if self._outlet is not None:
            raise Misuse("An engine is opened once.")
        prepare()
        self._outlet = Outlet(listener, self._ids)
        self._desk = Desk(
            recogniser=self._recogniser,
            speaker=self._speaker,
            brain=self._brain,
            vad=self._vad_factory(),
            settings=self._settings,
            outlet=self._outlet,
            tasks=self._tasks,
            ids=self._ids,
            now=self._now,
            stall_s=self._stall_s,
            input_limit_ms=self._input_limit_ms,
            idle_changed=self._set_idle_timer,
            is_whole=self._is_whole,
        )
        asyncio.get_running_loop().call_soon(self._greet)
        # What the client sends meanwhile is answered after the greeting: both wait for the loop, in order.

    def send(self, event: ClientEvent) -> None:
        """A client event, handled in order and never within this call. After `close` nothing happens."""
        if isinstance(event, InputAudioBufferAppend):
            self._put(Append(AudioFrame(self._settings.input_format, base64=event.audio.encode()), event.event_id))
        else:
            self._put(event)

    def send_audio(self, frame: AudioFrame) -> None:
        """The person's sound; the frame says its own format."""
        self._put(Append(frame))

    async def close(self) -> None:
        """End the conversation and wait for its work to stop. Idempotent. The stages stay open."""
        await self._end(1000, "closed")

    def words_so_far(self) -> str:
        """What the person is saying, as the recogniser has it now."""
        return "" if self._desk is None or self._closed else self._desk.listening.words_so_far()

    # The loop's turns

    def _greet(self) -> None:
        if self._desk is not None and not self._closed:
            self._desk.greet()

    def _put(self, thing: Append | ClientEvent) -> None:
        if self._outlet is None:
            raise Misuse("The engine is not open.")
        if self._closed:
            return
        self._inbox.put(thing)
        if self._inbox.is_overrun:
            self._inbox.clear()
            logger.warning("too many events wait")
            self._tasks.start(self._end(1008, "too many events"), "end")
        elif not self._awake:
            self._awake = True
            asyncio.get_running_loop().call_soon(self._work)

    def _work(self) -> None:
        """Handle what waits, but at most one part's worth of sound, or of time, before the loop has its turn again."""
        self._awake = False
        loop = asyncio.get_running_loop()
        until = loop.time() + TURN_S
        listened_ms = 0.0
        while self._inbox and not self._closed:
            listened_ms += self._handle_next()
            if self._inbox and (listened_ms >= PART_MS or loop.time() > until):
                self._awake = True
                loop.call_soon(self._work)
                return

    def _handle_next(self) -> float:
        """Handle one thing; how much sound in ms was it?"""
        assert self._desk is not None
        assert self._outlet is not None
        event_id = None
        try:
            thing = self._inbox.take()
            event_id = thing.event_id
            if isinstance(thing, Append):
                self._desk.hear(thing.frame)
                return thing.frame.duration_ms
            self._desk.handle(thing)
        except ProtocolError as error:
            self._outlet.refuse(error, event_id)
        except VoiceError as error:
            self._outlet.fail(error, event_id)
        except Exception as error:
            logger.exception("event broke the engine")
            self._outlet.fail(EngineFailed("The engine broke.", detail=type(error).__name__), event_id)
        return 0.0

    def _set_idle_timer(self, idle: Idle | None) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        if idle is not None and not self._closed:
            self._idle_timer = asyncio.get_running_loop().call_later(max(0.0, idle.at - self._now()), self._be_idle)

    def _be_idle(self) -> None:
        if self._desk is not None and not self._closed:
            self._desk.check_idle()

    async def _end(self, code: int, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        self._set_idle_timer(None)
        self._inbox.clear()
        if self._desk is not None:
            self._desk.close()
        try:
            await self._tasks.close()
        finally:
            if self._outlet is not None:
                self._outlet.shut(code, reason)
