"""The words of items: what a recognition that heard a turn made of it, or one that begins when the turn is over.

What goes wrong here costs one transcript and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from voice.audio.frames import PCM_16K
from voice.engines.local.conversation import Conversation, Entry
from voice.engines.local.outlet import Outlet
from voice.engines.local.partials import Partials
from voice.engines.local.settings import Settings
from voice.engines.local.tasks import Tasks
from voice.engines.stages import Recogniser, Recognition, Transcript
from voice.errors import EngineFailed, VoiceError
from voice.protocol.server_events import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    DurationUsage,
    TranscriptionError,
)

logger = logging.getLogger(__name__)

_SLICE_BYTES = PCM_16K.bytes_per_second  # fed at once to a recogniser that begins late
_LATE_RECOGNITIONS = 2  # at a time


class Transcripts:
    """Finds and tells the words of one conversation's items. `stall_s` is how long a recogniser may be silent."""

    def __init__(
        self,
        recogniser: Recogniser,
        settings: Settings,
        conversation: Conversation,
        outlet: Outlet,
        tasks: Tasks,
        stall_s: float,
    ) -> None:
        self._recogniser = recogniser
        self._settings = settings
        self._conversation = conversation
        self._outlet = outlet
        self._tasks = tasks
        self._stall_s = stall_s
        self._transcripts: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._late = asyncio.Semaphore(_LATE_RECOGNITIONS)

    def find(
        self,
        item_id: str,
        content_index: int,
        sound: bytes,
        recognition: Recognition | None = None,
        partials: Partials | None = None,
    ) -> None:
        """Find the words of an item's sound, some of which may have been told already."""
        work = self._recognise(self._conversation.get(item_id), content_index, sound, recognition, partials)
        task = self._tasks.start(work, f"transcript {item_id}")
        place = (item_id, content_index)
        self._transcripts[place] = task
        task.add_done_callback(lambda done: self._forget(place, done))

    async def words_of(self, item_ids: Iterable[str]) -> None:
        """Wait until the words of these items are known or given up."""
        wanted = set(item_ids)
        waiting = [task for (item_id, _), task in self._transcripts.items() if item_id in wanted]
        if waiting:
            await asyncio.wait(waiting)

    def tell(self, item_id: str, content_index: int, words: str) -> None:
        """Some of an item's words."""
        if words:
            self._outlet.say(
                ConversationItemInputAudioTranscriptionDelta(item_id=item_id, content_index=content_index, delta=words)
            )

    def _forget(self, place: tuple[str, int], task: asyncio.Task[None]) -> None:
        if self._transcripts.get(place) is task:
            del self._transcripts[place]

    async def _recognise(
        self,
        entry: Entry,
        content_index: int,
        sound: bytes,
        recognition: Recognition | None,
        partials: Partials | None,
    ) -> None:
        try:
            said = await self._transcript_of(sound, recognition)
        except VoiceError as error:
            self._give_up(entry, content_index, error)
            return
        if self._conversation.holds(entry):
            self._conversation.recognise(entry.id, content_index, said.text, said.confidence)
        if self._settings.transcription is not None:
            self.tell(entry.id, content_index, said.text if partials is None else partials.rest(said.text))
            self._tell_all(entry.id, content_index, said.text, PCM_16K.duration_ms(len(sound)) / 1000)

    async def _transcript_of(self, sound: bytes, recognition: Recognition | None) -> Transcript:
        """Raises EngineFailed, or what else of ours the recogniser raises."""
        try:
            if recognition is None:
                async with self._late:
                    recognition = self._recogniser.start(language=self._settings.language)
                    for at in range(0, len(sound), _SLICE_BYTES):
                        recognition.feed(sound[at : at + _SLICE_BYTES])
                        await asyncio.sleep(0)
                    return await self._finish(recognition)
            return await self._finish(recognition)
        except TimeoutError:
            raise EngineFailed("The recogniser did not answer in time.", detail=f"{self._stall_s:g} s") from None
        except VoiceError:
            raise
        except Exception as error:
            raise EngineFailed("The recogniser broke.", detail=type(error).__name__) from error

    async def _finish(self, recognition: Recognition) -> Transcript:
        try:
            async with asyncio.timeout(self._stall_s):
                return await recognition.finish()
        except BaseException:
            recognition.abandon()
            raise

    def _tell_all(self, item_id: str, content_index: int, text: str, seconds: float) -> None:
        self._outlet.say(
            ConversationItemInputAudioTranscriptionCompleted(
                item_id=item_id,
                content_index=content_index,
                transcript=text,
                usage=DurationUsage(seconds=seconds),
            )
        )

    def _give_up(self, entry: Entry, content_index: int, error: VoiceError) -> None:
        logger.warning("no transcript", extra={"error": error.code})
        entry.unrecognised = error
        if self._settings.transcription is not None:
            detail = TranscriptionError(type="server_error", code=error.code, message=error.message)
            self._outlet.say(
                ConversationItemInputAudioTranscriptionFailed(
                    item_id=entry.id, content_index=content_index, error=detail
                )
            )
