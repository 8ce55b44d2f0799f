"""What follows from the person's turns as the engine hears them: speech, commits, and their words."""

from __future__ import annotations

from voice.protocol import server_events as se
from voice.protocol.items import InputAudio, Item, UserMessage
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.client_turns import ClientTurns
from voice.session.face import HIDE, SHOW
from voice.session.floor_side import FloorSide
from voice.session.partial_words import PartialWords
from voice.session.person_side import PersonSide
from voice.session.replies import Wish
from voice.session.speculation import Speculation
from voice.session.states import Floor, Trigger
from voice.session.turns import TurnTimes
from voice.session.watch_side import WatchSide

REMEMBERED = 64


class TurnSide:
    """The heard turns' part of the session's rules. Handlers answer whether a client sees the event as it came."""

    def __init__(
        self,
        books: Books,
        asking: Asking,
        client_turns: ClientTurns,
        watch: WatchSide,
        speculation: Speculation,
        person: PersonSide,
        floor: FloorSide,
    ) -> None:
        self._books = books
        self._asking = asking
        self._client_turns = client_turns
        self._watch = watch
        self._speculation = speculation
        self._person = person
        self._floor = floor
        self._partial_words = PartialWords()
        self._committed_items: dict[str, None] = {}
        self._announced = ""
        self._unannounced = ""

    # Speech

    def handle_speech_started(self, event: se.InputAudioBufferSpeechStarted) -> bool:
        books = self._books
        self._announced = event.item_id
        books.step(Trigger.SPEECH_STARTED)
        books.idle.person_spoke()
        books.times = TurnTimes(speech_started_at=books.now)
        books.gap.begin_turn()
        books.note("speech_started", item_id=event.item_id, audio_start_ms=event.audio_start_ms)
        books.show(event)  # before what comes of it: a client whose sound stops must know why
        self._floor.engine_heard_start()
        return HIDE

    def handle_speech_stopped(self, event: se.InputAudioBufferSpeechStopped) -> bool:
        books = self._books
        self._announced = event.item_id
        books.step(Trigger.SPEECH_STOPPED)
        books.times.speech_stopped_at = books.now
        self._floor.engine_heard_stop()
        books.note("speech_stopped", item_id=event.item_id, audio_end_ms=event.audio_end_ms)
        return SHOW

    # The turn is made, or not

    def handle_committed(self, event: se.InputAudioBufferCommitted) -> bool:
        """The engine made an item of what it heard."""
        if event.item_id in self._committed_items or self._comes_from_nowhere(event.item_id):
            self._books.note("surprise", type=event.type)
            return HIDE
        return SHOW if self._is_made(event.item_id) else HIDE

    def _comes_from_nowhere(self, item_id: str) -> bool:
        """Whether an engine that finds turns by itself has made one of which it told neither beginning nor end, right
        behind another one: such a turn is believed in when its item comes."""
        books = self._books
        engine_finds = books.face is None and not books.turns.by_hand
        heard = item_id == self._announced or books.states.floor is Floor.SPEAKING or books.gap.turn_open
        if not engine_finds or heard or not self._committed_items:
            return False
        self._unannounced = item_id
        return True

    def _is_made(self, item_id: str) -> bool:
        """The engine made this item of what it heard. False when the client is not to see that."""
        books = self._books
        self._committed_items[item_id] = None
        while len(self._committed_items) > REMEMBERED:
            del self._committed_items[next(iter(self._committed_items))]
        self._ended()
        books.echoes.all_read()
        self._watch.committed()
        if not self._speculation.committed(item_id):
            return False
        books.times.committed_at = books.now
        books.gap.committed(item_id)
        if self._client_turns.transcribes:
            books.wordless.expect(item_id)
        books.note("committed", item_id=item_id)
        creates = books.ours or (books.face is None and books.turns.by_hand)
        if creates and self._client_turns.creates and self._floor.answers(item_id) and self._person.wants_reply():
            self._asking.ask(Wish("turn"))
        return True

    def believe(self, item: Item) -> None:
        """An item comes: it may be a turn of the person whose `committed` did not come, and says as much itself."""
        books, item_id = self._books, item.id or ""
        if books.face is not None or item_id in self._committed_items or books.orders.creating(item_id):
            return
        spoken = isinstance(item, UserMessage) and any(isinstance(part, InputAudio) for part in item.content)
        if spoken and item_id in (self._announced, self._unannounced):
            books.note("surprise", type="input_audio_buffer.committed missing")
            self._is_made(item_id)

    def handle_cleared(self, event: se.InputAudioBufferCleared) -> bool:
        self._ended()
        self._watch.committed()
        return SHOW

    def _ended(self) -> None:
        """Whatever ends a turn ends the speaking, also where the engine does not say so. The button says so itself."""
        if not self._books.talk.open:
            self._books.step(Trigger.SPEECH_STOPPED)

    # Its words

    def handle_words(self, event: se.ConversationItemInputAudioTranscriptionDelta) -> bool:
        """What the person is saying, where the engine tells it that early."""
        words = self._partial_words.add(event.item_id, event.delta or "")
        if event.item_id not in self._committed_items:
            self._floor.words_so_far(words)
        return SHOW

    def handle_transcribed(self, event: se.ConversationItemInputAudioTranscriptionCompleted) -> bool:
        """All words of a turn, which may decide over the floor."""
        self._partial_words.forget(event.item_id)
        self._books.history.set_text(event.item_id, event.transcript)
        self._floor.words(event.item_id, event.transcript)
        self._books.wordless.came(event.item_id)
        return SHOW

    def handle_not_transcribed(self, event: se.ConversationItemInputAudioTranscriptionFailed) -> bool:
        self._books.wordless.came(event.item_id)
        return SHOW

    def forget_connection(self) -> None:
        """What the lost engine had announced will not come."""
        self._announced = self._unannounced = ""
