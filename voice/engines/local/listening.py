"""From the person's sound to items with their words.

The recogniser starts with the voice, not with the end of the turn, so that its last words are quick to come. An item
exists as soon as its turn is over; its words follow (`transcripts`), or where the session wants them while they are
spoken (`transcription.delay`), run ahead of it.
"""

from __future__ import annotations

import logging
from typing import Protocol

from voice.audio.frames import PCM_16K, AudioFrame
from voice.engines.endings import IsWhole
from voice.engines.local.conversation import Conversation, Entry
from voice.engines.local.ear import Ear, SpeechGoesOn, SpeechStarted, SpeechStopped
from voice.engines.local.outlet import Outlet
from voice.engines.local.partials import Partials
from voice.engines.local.settings import Settings
from voice.engines.local.sound import Decoder
from voice.engines.local.tasks import Tasks
from voice.engines.local.transcripts import Transcripts
from voice.engines.local.turns import policy_for
from voice.engines.stages import Recogniser, Recognition, SpeechProbability
from voice.errors import ProtocolError
from voice.protocol.ids import Ids
from voice.protocol.items import InputAudio, UserMessage
from voice.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDone,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
)

logger = logging.getLogger(__name__)

_HEARS_PAUSE_MS = 250
_PAUSE_MS = 96.0
_LONGEST_PAUSE_BYTES = PCM_16K.bytes_per_second


class Floor(Protocol):
    """Who is told about turns."""

    def speech_started(self) -> None: ...

    def speech_stopped(self) -> None:
        """The turn is an item of the conversation now."""


class Listening:
    """The input side of one conversation."""

    def __init__(
        self,
        *,
        vad: SpeechProbability,
        recogniser: Recogniser,
        settings: Settings,
        conversation: Conversation,
        outlet: Outlet,
        tasks: Tasks,
        ids: Ids,
        floor: Floor,
        limit_ms: int,
        stall_s: float,
        is_whole: IsWhole | None,
    ) -> None:
        self.ear = Ear(vad, limit_ms=limit_ms)
        self.transcripts = Transcripts(recogniser, settings, conversation, outlet, tasks, stall_s)
        self._recogniser = recogniser
        self._settings = settings
        self._conversation = conversation
        self._outlet = outlet
        self._ids = ids
        self._floor = floor
        self._is_whole = is_whole
        self._limit_ms = limit_ms
        self._decoder = Decoder()
        self._recognition: Recognition | None = None
        self._pause = bytearray()
        self._partials: Partials | None = None
        self._item_id: str | None = None
        self._detection: object = None
        self.configure()

    def configure(self) -> None:
        """The session's settings changed. A turn under way is given up only when the rules of turns changed."""
        detection = self._settings.detection
        rules = (policy_for(detection, self._is_whole), detection is not None)
        if rules != self._detection:
            self._detection = rules
            self._abandon()
            self.ear.detect(rules[0], ends_turns=rules[1])

    def hear(self, frame: AudioFrame) -> None:
        """The person's sound. Raises ProtocolError when it is none."""
        for heard in self.ear.hear(self._decoder.feed(frame.data, frame.format), self._words):
            match heard:
                case SpeechStarted():
                    self._start(heard)
                case SpeechGoesOn():
                    self._go_on(heard)
                case SpeechStopped():
                    self._stop(heard)

    def words_so_far(self) -> str:
        """The words of the utterance under way, as the recogniser has them now."""
        return self._words()

    def commit(self) -> None:
        """Make an item of the sound so far. Raises ProtocolError when there is none."""
        if not self.ear.buffer:
            raise ProtocolError(
                "There is no sound in the input buffer to commit.", code="input_audio_buffer_commit_empty"
            )
        item_id, recognition, partials = self._take_turn()
        self._commit(item_id or self._ids.item(), self.ear.commit(), recognition, partials)

    def clear(self) -> None:
        """Forget the sound so far."""
        self._abandon()
        self.ear.clear()
        self._outlet.say(InputAudioBufferCleared())

    def commit_silence(self, item_id: str) -> None:
        """Nobody said anything: an item that says so."""
        self.ear.clear()
        self._abandon()
        self._put(Entry(_voice_message(item_id, transcript="")))

    def decoded(self, data: bytes) -> bytes:
        """Sound that came whole, in the session's format. Raises ProtocolError, also when it is longer than what a turn
        may be: it is decoded here and now."""
        format = self._settings.input_format
        if format.duration_ms(len(data)) > self._limit_ms:
            raise ProtocolError(f"The audio of an item may be {self._limit_ms // 1000} s long.")
        decoder = Decoder()
        return decoder.feed(data, format) + decoder.flush()

    def close(self) -> None:
        self._abandon()

    # Turns

    def _start(self, heard: SpeechStarted) -> None:
        asked = self._settings.transcription
        self._partials = Partials(asked.delay) if asked is not None and asked.delay is not None else None
        if self._partials is not None:
            self._item_id = self._ids.item()
        if self._settings.detection is not None:
            self._item_id = self._item_id or self._ids.item()
            self._outlet.say(InputAudioBufferSpeechStarted(audio_start_ms=heard.audio_start_ms, item_id=self._item_id))
            self._floor.speech_started()
        self._recognition = self._begin(heard.sound)

    def _stop(self, heard: SpeechStopped) -> None:
        given_id, recognition, partials = self._take_turn()
        item_id = given_id or self._ids.item()
        self._outlet.say(InputAudioBufferSpeechStopped(audio_end_ms=heard.audio_end_ms, item_id=item_id))
        self._commit(item_id, heard.sound, recognition, partials)
        self._floor.speech_stopped()

    def _commit(
        self, item_id: str, sound: bytes, recognition: Recognition | None, partials: Partials | None = None
    ) -> None:
        entry = Entry(_voice_message(item_id), sound={0: sound}, sound_ms=PCM_16K.duration_ms(len(sound)))
        self._put(entry)
        self.transcripts.find(item_id, 0, sound, recognition, partials)

    def _put(self, entry: Entry) -> None:
        previous_id = self._conversation.add(entry)
        self._outlet.say(InputAudioBufferCommitted(previous_item_id=previous_id, item_id=entry.id))
        self._outlet.say(ConversationItemAdded(previous_item_id=previous_id, item=entry.item))
        self._outlet.say(ConversationItemDone(previous_item_id=previous_id, item=entry.item))

    def _take_turn(self) -> tuple[str | None, Recognition | None, Partials | None]:
        self._pause.clear()
        item_id, self._item_id = self._item_id, None
        recognition, self._recognition = self._recognition, None
        partials, self._partials = self._partials, None
        return item_id, recognition, partials

    def _abandon(self) -> None:
        _, recognition, _ = self._take_turn()
        if recognition is not None:
            recognition.abandon()

    def _go_on(self, heard: SpeechGoesOn) -> None:
        """In a pause the recogniser catches up with what it has; it hears of the pause when the voice is back."""
        self._pause += heard.sound
        if heard.silent_ms < _HEARS_PAUSE_MS or len(self._pause) >= _LONGEST_PAUSE_BYTES:
            sound = bytes(self._pause)
            self._pause.clear()
            self._feed(sound)
        if self._partials is not None and self._item_id is not None:
            passed_ms, pause = PCM_16K.duration_ms(len(heard.sound)), heard.silent_ms >= _PAUSE_MS
            self.transcripts.tell(self._item_id, 0, self._partials.news(self._words(), passed_ms, pause=pause))

    def _feed(self, sound: bytes) -> None:
        if self._recognition is None:
            return
        try:
            self._recognition.feed(sound)
        except Exception as error:
            self._lose_recognition(error)

    def _words(self) -> str:
        if self._recognition is None:
            return ""
        try:
            return self._recognition.partial()
        except Exception as error:
            self._lose_recognition(error)
            return ""

    def _lose_recognition(self, error: Exception) -> None:
        """The recogniser broke in mid-turn. The sound is still here: it is tried again when the turn is over."""
        logger.warning("recogniser broke", extra={"error": type(error).__name__})
        self._recognition = None

    # Words

    def _begin(self, sound: bytes) -> Recognition | None:
        """A recognition that has heard this. None: it could not be started, which is tried again at the end."""
        try:
            recognition = self._recogniser.start(language=self._settings.language)
            recognition.feed(sound)
        except Exception as error:
            logger.warning("recogniser did not start", extra={"error": type(error).__name__})
            return None
        return recognition


def _voice_message(item_id: str, transcript: str | None = None) -> UserMessage:
    return UserMessage(id=item_id, status="completed", content=[InputAudio(transcript=transcript)])
