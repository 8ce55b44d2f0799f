"""The person's utterances of a trace: noticed by the engine, by our ear, or made with the talk button and the keys."""

from __future__ import annotations

from voice.protocol.input_clock import InputClock
from voice.timeline.fields import Fields, number_or
from voice.timeline.story import Speech


class Person:
    """Adds to `speeches` as they are told. `input` counts the sound that the engine was given."""

    def __init__(self, speeches: list[Speech]) -> None:
        self.input = InputClock()
        self._speeches = speeches
        self._talking: Speech | None = None
        self._onset_s: float | None = None
        self._unmeant_commits = 0
        self._last_word_s: dict[float, float] = {}

    # By the engine's ear

    def started(self, said: Fields, now_s: float) -> None:
        """The engine noticed speech."""
        began_s = max(0.0, self.input.began(now_s, said.get("audio_start_ms")))
        self._begin(Speech(began_s, item_id=str(said.get("item_id", ""))), now_s)

    def stopped(self, said: Fields, now_s: float) -> None:
        """The engine noticed its end."""
        ended_s = self.input.ended(now_s, said.get("audio_end_ms"))
        self._last_word_s[round(now_s, 3)] = ended_s
        self.ended(ended_s)

    def last_word_s(self, noticed_s: float) -> float:
        """When the speech ended whose end was noticed then."""
        return self._last_word_s.get(round(noticed_s, 3), noticed_s)

    # By hand

    def pressed(self, event: Fields, now_s: float) -> None:
        """The talk button went down or up."""
        if event.get("held"):
            self._begin(Speech(now_s, how="talk-button", by_hand=True), now_s)
        else:
            self.ended(now_s)

    def heard(self, event: Fields, now_s: float) -> None:
        """News from our ear."""
        if event.get("stage") == "onset":
            self._onset_s = max(0.0, now_s - number_or(event.get("speech_ms"), 0.0) / 1000)

    def began(self, note: Fields, now_s: float) -> None:
        """A turn that is committed by hand. That of the talk button has begun when it was pressed."""
        if note.get("why") != "push_to_talk":
            self._begin(Speech(now_s if self._onset_s is None else self._onset_s, by_hand=True), now_s)

    def ended(self, ended_s: float) -> None:
        """The utterance under way was over then."""
        if self._talking is not None:
            self._talking.end_s = max(self._talking.start_s, ended_s)
            self._talking = None

    def committed(self, item_id: str) -> None:
        """The engine made an item, of the turn that has no name yet."""
        if self._unmeant_commits:
            self._unmeant_commits -= 1
            return
        nameless = [speech for speech in self._speeches if speech.by_hand and not speech.item_id]
        if nameless:
            nameless[-1].item_id = item_id

    def retracted(self, item_id: str) -> None:
        """The turn goes on, and the item that was made of its beginning (or will be, without a name) is none."""
        self._unmeant_commits += not item_id
        for speech in self._speeches:
            if item_id and speech.item_id == item_id:
                speech.item_id = ""

    def wrote(self, text: str, how: str, now_s: float) -> None:
        """Something without sound."""
        self._speeches.append(Speech(now_s, now_s, text, how=how))

    def _begin(self, speech: Speech, now_s: float) -> None:
        self.ended(now_s)
        self._talking = speech
        self._speeches.append(speech)
