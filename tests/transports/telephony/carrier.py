"""A carrier that really plays: a queue, a clock and a wire that delivers in order but not evenly. Virtual time.

Its sound is made so that every place of it can be told by ear, whatever its level: the signs of its samples.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

from tests.transports.people import Ears, Wire
from tests.transports.telephony.test_twilio import START, text
from voice.audio.frames import PCMU_8K, AudioFrame
from voice.transports.telephony.stream import TelephonyTransport
from voice.transports.telephony.twilio import TwilioCodec

PER_MS = 8
WINDOW = 64


def reply_of(ms: float, seed: int = 7) -> bytes:
    """Loud µ-law noise: any 64 signs of it stand at one place only."""
    dice = random.Random(seed)
    return bytes(dice.randrange(16) | dice.choice((0x00, 0x80)) for _ in range(int(ms * PER_MS)))


def signs(sound: bytes) -> bytes:
    return bytes(code & 0x80 for code in sound)


@dataclass
class Stretch:
    """Samples that were heard one behind the other, since a clear or a gap; and when the first of them was."""

    at_s: float
    anew: bool
    sound: bytearray = field(default_factory=bytearray)

    @property
    def end_s(self) -> float:
        return self.at_s + len(self.sound) / PER_MS / 1000


class Carrier(Wire):
    """Twilio's end of a stream. `stretches` is what the caller heard."""

    def __init__(self, dice: random.Random, *, base_ms: float, jitter_ms: float, returns_marks: bool = True) -> None:
        super().__init__()
        self.stretches: list[Stretch] = []
        self.clears = 0
        self._anew = False
        self._dice, self._base_ms, self._jitter_ms = dice, base_ms, jitter_ms
        self._returns_marks = returns_marks
        self._queue: deque[bytearray | str] = deque()
        self._played_s = 0.0
        self._sent_s = -1.0
        self._due_s = self._arrived_s = self._returned_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # The wire

    def send_text(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() > self._sent_s:  # what is sent in one turn of the loop leaves in one write
            self._sent_s, self._due_s = loop.time(), loop.time() + self._delay_s()
        self._arrived_s = max(self._arrived_s + 1e-9, self._due_s)  # the loop's heap keeps no order of equals
        loop.call_at(self._arrived_s, self._receive, json.loads(data))

    def _return(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        self._returned_s = max(self._returned_s + 1e-9, loop.time() + self._delay_s())
        loop.call_at(
            self._returned_s, self.says, text({"event": "mark", "sequenceNumber": "9", "mark": {"name": name}})
        )

    def _delay_s(self) -> float:
        return (self._base_ms + self._dice.uniform(0, self._jitter_ms)) / 1000

    # The queue

    def _receive(self, message: dict[str, Any]) -> None:
        self.play()
        match message["event"]:
            case "media":
                self._queue.append(bytearray(base64.b64decode(message["media"]["payload"])))
            case "mark":
                self._queue.append(message["mark"]["name"])
            case "clear":
                self.clears += 1
                self._anew = True
                marks = [entry for entry in self._queue if isinstance(entry, str)]
                self._queue.clear()
                for name in marks if self._returns_marks else ():
                    self._return(name)
        self.play()

    def play(self) -> None:
        """All that is due by now, in whole samples."""
        now_s = asyncio.get_running_loop().time()
        while self._queue:
            first = self._queue[0]
            if isinstance(first, str):
                self._queue.popleft()
                self._return(first)
                continue
            samples = min(len(first), round((now_s - self._played_s) * 1000 * PER_MS))
            if samples <= 0:
                break
            if self._anew or not self.stretches or self._played_s > self.stretches[-1].end_s + 1e-9:
                self.stretches.append(Stretch(self._played_s, self._anew))
                self._anew = False
            self.stretches[-1].sound += first[:samples]
            del first[:samples]
            self._played_s += samples / PER_MS / 1000
            if not first:
                self._queue.popleft()
        if not self._queue:
            self._played_s = max(self._played_s, now_s)
        self._wake_at_the_end_of_the_first()

    def _wake_at_the_end_of_the_first(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue and not isinstance(self._queue[0], str):
            end_s = self._played_s + len(self._queue[0]) / PER_MS / 1000
            self._timer = asyncio.get_running_loop().call_at(end_s + 1e-6, self.play)


@dataclass
class Account:
    """What became of a reply's samples; `reached_ms` is the place after the last that was heard."""

    lost_ms: float
    doubled_ms: float
    longest_double_ms: float
    longest_gap_ms: float
    reached_ms: float


def account(reply: bytes, heard: list[Stretch]) -> Account:
    """Find every heard sample's place in the reply."""
    counts, end, longest = [0] * len(reply), 0, 0
    for place, size in _runs(reply, heard):
        longest = max(longest, end - place)
        end = place + size
        for sample in range(place, end):
            counts[sample] += 1
    gaps_ms = [(later.at_s - before.end_s) * 1000 for before, later in pairwise(heard)]
    lost = sum(not count for count in counts)
    doubled = sum(count - 1 for count in counts if count)
    return Account(lost / PER_MS, doubled / PER_MS, longest / PER_MS, max(gaps_ms, default=0.0), end / PER_MS)


def heard_counts(reply: bytes, heard: list[Stretch]) -> list[int]:
    """How often each sample was heard."""
    counts = [0] * len(reply)
    for place, size in _runs(reply, heard):
        for sample in range(place, place + size):
            counts[sample] += 1
    return counts


def _runs(reply: bytes, heard: list[Stretch]) -> Iterator[tuple[int, int]]:
    """Where in the reply what was heard between two clears begins, and how long it is."""
    pattern = signs(reply)
    places = _places(pattern)
    sendings: list[bytearray] = []
    for stretch in heard:
        if stretch.anew or not sendings:
            sendings.append(bytearray())
        sendings[-1] += stretch.sound
    end = 0
    for sound in map(signs, map(bytes, sendings)):
        place = end if pattern[end : end + len(sound)] == sound else places[sound[:WINDOW]]
        assert pattern[place : place + len(sound)] == sound
        yield place, len(sound)
        end = place + len(sound)


@lru_cache(8)
def _places(pattern: bytes) -> dict[bytes, int]:
    return {pattern[place : place + WINDOW]: place for place in range(len(pattern) - WINDOW + 1)}


async def connect(carrier: Carrier, ears: Ears) -> TelephonyTransport:
    transport = TelephonyTransport(TwilioCodec(), carrier)
    opening = asyncio.create_task(transport.open(ears))
    await asyncio.sleep(0)
    carrier.says(text(START))
    await opening
    return transport


class Speaker:
    """A session's voice: plays a reply, marks it as a session does, and keeps its account of positions."""

    def __init__(
        self, transport: TelephonyTransport, reply: bytes, *, epoch: int = 0, mark_every_ms: float = 400
    ) -> None:
        self.transport, self.reply, self.epoch = transport, reply, epoch
        self.mark_every_ms = mark_every_ms
        self._at = self._marked = 0

    def say(self, ms: float, frame_ms: float = 20) -> bool:
        """Play so much more of it. False when it is over."""
        until = min(len(self.reply), self._at + int(ms * PER_MS))
        while self._at < until:
            piece = self.reply[self._at : min(until, self._at + int(frame_ms * PER_MS))]
            self.transport.play("resp", "item", 0, 0, AudioFrame(PCMU_8K, piece))
            self._at += len(piece)
            if self._at - self._marked >= self.mark_every_ms * PER_MS:
                self._mark()
        if self._at == len(self.reply) and self._marked < self._at:
            self._mark()
        return self._at < len(self.reply)

    def _mark(self) -> None:
        self._marked = self._at
        self.transport.mark(self.epoch, self._at / PER_MS)
