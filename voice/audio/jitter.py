"""From packets as a network delivers them to sound in its order: what is whole, what is lost, what was left out.

Whoever listens here is no loudspeaker: nothing is held back to smooth the arrival. A packet that is in its turn goes
through at once; only behind a hole do packets wait, for as long as the missing one may still come. How long that is
follows from how late packets lately were: on an even network a loss is known as soon as the next packet is there, on
an uneven one a little later. What was waited is never kept as delay: after the hole all that waited goes through.

No clock in here: times of arrival are arguments, in ms of any zero; sound is counted in samples of the RTP clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from voice.audio.opus_packet import CLOCK_HZ, is_silence, samples_of

_PER_MS = CLOCK_HZ // 1000


@dataclass(frozen=True, slots=True)
class Heard:
    """A packet that came: decode it."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """So many samples did not come. `following` is the packet behind them, which may carry a coarse copy of their end
    (in-band FEC); it is heard itself right after."""

    samples: int
    following: bytes | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """The sender left out so many samples, because nothing was to be heard."""

    samples: int


Piece = Heard | Lost | Quiet


@dataclass(frozen=True, slots=True)
class JitterRules:
    """How long a missing packet is waited for beyond the time at which it should have come: `least_ms` more than the
    latest of the last five seconds was late, `most_ms` at the most; before `enough` packets came, at least
    `unknown_ms`. More than `most_held` packets behind a hole end the wait.

    A gap is concealed up to `conceal_ms`, what is longer is quiet, and of what is longer than `quiet_ms` the rest is
    forgotten. While the sender is silent on purpose, quiet is made every `dtx_step_ms`, so that the listener's time
    goes on. A number that jumps by more than `restart` begins a new stream.
    """

    least_ms: float = 5.0
    most_ms: float = 120.0
    unknown_ms: float = 40.0
    enough: int = 25
    most_held: int = 25
    conceal_ms: float = 120.0
    quiet_ms: float = 2_000.0
    dtx_step_ms: float = 60.0
    restart: int = 400


@dataclass(slots=True)
class JitterCounters:
    """What happened to the packets of one stream."""

    heard: int = 0
    lost: int = 0
    late: int = 0
    """Came when they were not waited for any more."""
    repeated: int = 0
    restarts: int = 0
    concealed_ms: float = 0.0


class JitterBuffer:
    """One incoming stream of Opus packets. `deadline` says when to call `due` if no packet comes before."""

    def __init__(self, rules: JitterRules | None = None) -> None:
        self.rules = rules or JitterRules()
        self.counters = JitterCounters()
        self._held: dict[int, tuple[int, bytes]] = {}
        self._transits_ms: deque[float] = deque(maxlen=250)
        self._next_sequence: int | None = None
        self._last_timestamp = 0  # unwrapped
        self._next_timestamp = 0  # unwrapped: where the sound goes on
        self._give_up_at_ms: float | None = None
        self._silent_since_ms: float | None = None

    def push(self, sequence: int, timestamp: int, payload: bytes, now_ms: float) -> list[Piece]:
        """A packet came: `sequence` of 16 bits, `timestamp` of 32 bits, as in its RTP header."""
        expected = self._next_sequence
        if expected is None:
            return self._begin(sequence, timestamp, payload, now_ms)
        ahead = (sequence - expected + 0x8000 & 0xFFFF) - 0x8000
        if abs(ahead) > self.rules.restart:
            self.counters.restarts += 1
            self._held.clear()
            self._transits_ms.clear()
            return self._begin(sequence, timestamp, payload, now_ms)
        stamp = self._unwrapped(timestamp)
        self._transits_ms.append(now_ms - stamp / _PER_MS)
        if ahead < 0:
            self.counters.late += 1
            return []
        if sequence in self._held:
            self.counters.repeated += 1
            return []
        self._last_timestamp = stamp
        self._silent_since_ms = now_ms if is_silence(payload) else None
        if ahead == 0 and not self._held:
            return self._hear(stamp, payload)
        self._held[sequence] = (stamp, payload)
        pieces = self._in_turn()
        if len(self._held) > self.rules.most_held:
            pieces += self._give_up()
        return pieces + self.due(now_ms)

    def due(self, now_ms: float) -> list[Piece]:
        """Time passed: what is not waited for any more, and quiet while the sender is silent."""
        pieces: list[Piece] = []
        while self._held:
            if self._give_up_at_ms is None:
                self._give_up_at_ms = self._expected_ms() + self.allowance_ms()
            if now_ms < self._give_up_at_ms:
                break
            pieces += self._give_up()
        step_ms, since_ms = self.rules.dtx_step_ms, self._silent_since_ms
        while since_ms is not None and not self._held and now_ms >= since_ms + 2 * step_ms:
            since_ms = self._silent_since_ms = since_ms + step_ms
            self._next_timestamp += int(step_ms * _PER_MS)
            pieces.append(Quiet(int(step_ms * _PER_MS)))
        return pieces

    def deadline(self) -> float | None:
        """When something is due although nothing came, in ms; None while only packets matter."""
        if self._held:
            return self._give_up_at_ms
        if self._silent_since_ms is not None:
            return self._silent_since_ms + 2 * self.rules.dtx_step_ms
        return None

    def allowance_ms(self) -> float:
        """How much later than it should a packet may come and still be waited for."""
        rules, transits = self.rules, self._transits_ms
        late_ms = max(transits) - min(transits) if transits else 0.0
        if len(transits) < rules.enough:
            late_ms = max(late_ms, rules.unknown_ms)
        return min(late_ms + rules.least_ms, rules.most_ms)

    def _begin(self, sequence: int, timestamp: int, payload: bytes, now_ms: float) -> list[Piece]:
        self._next_sequence = sequence
        self._last_timestamp = self._next_timestamp = timestamp
        self._transits_ms.append(now_ms - timestamp / _PER_MS)
        self._give_up_at_ms = None
        self._silent_since_ms = now_ms if is_silence(payload) else None
        return self._hear(timestamp, payload)

    def _unwrapped(self, timestamp: int) -> int:
        return self._last_timestamp + ((timestamp - self._last_timestamp + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000)

    def _expected_ms(self) -> float:
        """When the packet that is missing should have come."""
        return min(self._transits_ms) + self._next_timestamp / _PER_MS

    def _hear(self, stamp: int, payload: bytes) -> list[Piece]:
        """The packet whose turn it is; what its sender left out before it is quiet."""
        assert self._next_sequence is not None
        self._next_sequence = self._next_sequence + 1 & 0xFFFF
        self._give_up_at_ms = None
        gap, self._next_timestamp = stamp - self._next_timestamp, stamp + samples_of(payload)
        self.counters.heard += 1
        if not payload:  # padding, by which a sender tries how much the network can carry
            return []
        if gap <= 0:
            return [Heard(payload)]
        return [Quiet(min(gap, int(self.rules.quiet_ms * _PER_MS))), Heard(payload)]

    def _in_turn(self) -> list[Piece]:
        pieces: list[Piece] = []
        assert self._next_sequence is not None
        while (packet := self._held.pop(self._next_sequence, None)) is not None:
            pieces += self._hear(*packet)
        return pieces

    def _give_up(self) -> list[Piece]:
        """Nobody waits for the missing ones any more: go on behind them."""
        expected = self._next_sequence
        assert expected is not None
        sequence = min(self._held, key=lambda held: held - expected & 0xFFFF)
        stamp, payload = self._held[sequence]
        self.counters.lost += sequence - expected & 0xFFFF
        pieces: list[Piece] = []
        gap, most = stamp - self._next_timestamp, int(self.rules.conceal_ms * _PER_MS)
        if gap > 0:
            pieces.append(Lost(min(gap, most), payload if gap <= most else None))
            self.counters.concealed_ms += min(gap, most) / _PER_MS
        if gap > most:
            pieces.append(Quiet(min(gap - most, int(self.rules.quiet_ms * _PER_MS))))
        self._next_sequence, self._next_timestamp = sequence, stamp
        return pieces + self._in_turn()
