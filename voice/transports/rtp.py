"""RTP and RTCP on the wire (RFC 3550): headers, and the reports by which two ends tell each other how it goes.

Bytes in, bytes out; time is an argument, in seconds of any zero except where NTP time is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

_HEADER = Struct("!BBHLL")
_SENDER_INFO = Struct("!LLLLL")
_BLOCK = Struct("!LLLLLL")
_VERSION = 0x80
_SR, _RR, _SDES, _BYE = 200, 201, 202, 203
_UNIX_TO_NTP_S = 2_208_988_800


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet; header extensions and padding are already off."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """What the far end says of one stream that it receives. Times in units of 1/65536 s, `fraction_lost` in 1/256."""

    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_sequence: int
    jitter: int
    last_report: int
    delay_since: int


@dataclass(frozen=True, slots=True)
class Report:
    """A sender's or a receiver's report. `ntp_middle` is the middle of the sender's clock, None in a receiver's."""

    ssrc: int
    ntp_middle: int | None
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """These streams have ended."""

    ssrcs: tuple[int, ...]


def is_media(data: bytes) -> bool:
    """RTP or RTCP, among the other protocols on one port (RFC 7983)."""
    return len(data) > 1 and 128 <= data[0] <= 191


def is_rtcp(data: bytes) -> bool:
    """Told apart by the packet type (RFC 5761 section 4)."""
    return 192 <= data[1] <= 223


def parse_rtp(data: bytes) -> RtpPacket | None:
    """None for what is not a whole packet."""
    size = len(data)
    if size < 12:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first & 0xC0 != _VERSION:
        return None
    begin, end = 12 + 4 * (first & 0x0F), size
    if first & 0x10:
        if size < begin + 4:
            return None
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
    if first & 0x20:
        end -= data[-1]
    if begin > end:
        return None
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[begin:end])


def encode_rtp(
    payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, *, marker: bool = False
) -> bytes:
    return _HEADER.pack(_VERSION, payload_type | marker << 7, sequence, timestamp, ssrc) + payload


def parse_rtcp(data: bytes) -> list[Report | Bye]:
    """The reports and farewells of a compound packet; other kinds, and what is cut off, are passed over."""
    found: list[Report | Bye] = []
    place = 0
    while place + 8 <= len(data):
        count, kind = data[place] & 0x1F, data[place + 1]
        size = 4 + 4 * int.from_bytes(data[place + 2 : place + 4], "big")
        body = data[place + 4 : place + size]
        place += size
        if kind == _BYE and len(body) >= 4 * count:
            found.append(Bye(tuple(int.from_bytes(body[4 * n : 4 * n + 4], "big") for n in range(count))))
        elif kind in (_SR, _RR) and (report := _parse_report(kind, body, count)) is not None:
            found.append(report)
    return found


def _parse_report(kind: int, body: bytes, count: int) -> Report | None:
    begin = 24 if kind == _SR else 4
    if len(body) < begin + _BLOCK.size * count:
        return None
    middle = None
    if kind == _SR:
        seconds, fraction, *_ = _SENDER_INFO.unpack_from(body, 4)
        middle = (seconds << 16 | fraction >> 16) & 0xFFFF_FFFF
    return Report(int.from_bytes(body[:4], "big"), middle, tuple(_parse_block(body, begin, n) for n in range(count)))


def _parse_block(body: bytes, begin: int, number: int) -> Block:
    ssrc, lost, highest, jitter, last, delay = _BLOCK.unpack_from(body, begin + _BLOCK.size * number)
    total = lost & 0xFF_FFFF
    return Block(ssrc, lost >> 24, total - (total >> 23 << 24), highest, jitter, last, delay)


def ntp_time(unix_s: float) -> tuple[int, int]:
    """Seconds since 1900 and their fraction in 1/2**32."""
    whole = int(unix_s)
    return whole + _UNIX_TO_NTP_S & 0xFFFF_FFFF, int((unix_s - whole) * 2**32) & 0xFFFF_FFFF


def encode_report(ssrc: int, name: str, blocks: bytes, sender: tuple[int, int, int, int, int] | None) -> bytes:
    """A compound packet: a report with these blocks, and the stream's name (CNAME). `sender` is the NTP time in two
    words, the RTP time, packets and octets sent; None from somebody who has sent nothing."""
    body = ssrc.to_bytes(4, "big") + (b"" if sender is None else _SENDER_INFO.pack(*sender)) + blocks
    report = _rtcp(_RR if sender is None else _SR, len(blocks) // _BLOCK.size, body)
    text = name.encode()
    item = b"\x01" + len(text).to_bytes(1, "big") + text + b"\0"
    return report + _rtcp(_SDES, 1, ssrc.to_bytes(4, "big") + item + bytes(-len(item) % 4))


def encode_bye(ssrc: int) -> bytes:
    """An empty report and the farewell: the first of a compound packet is always a report."""
    name = ssrc.to_bytes(4, "big")
    return _rtcp(_RR, 0, name) + _rtcp(_BYE, 1, name)


def _rtcp(kind: int, count: int, body: bytes) -> bytes:
    return bytes((_VERSION | count, kind)) + (len(body) // 4).to_bytes(2, "big") + body


class Reception:
    """The account of one incoming stream that its sender is told (RFC 3550 appendices A.3 and A.8)."""

    def __init__(self, ssrc: int, clock_hz: int) -> None:
        self.ssrc = ssrc
        self._clock_hz = clock_hz
        self._first: int | None = None
        self._highest = 0  # unwrapped
        self._received = 0
        self._before = (0, 0)  # expected and received at the report before
        self._jitter = 0.0
        self._last_transit: float | None = None
        self._last_report = 0
        self._reported_at_s = 0.0

    @property
    def jitter_ms(self) -> float:
        """How uneven packets come, smoothed."""
        return self._jitter * 1000 / self._clock_hz

    def receive(self, sequence: int, timestamp: int, now_s: float) -> None:
        """A packet came."""
        self._received += 1
        if self._first is None:
            self._first = self._highest = sequence
        else:
            ahead = (sequence - self._highest + 0x8000 & 0xFFFF) - 0x8000
            if ahead <= 0:
                return
            self._highest += ahead
        transit = now_s * self._clock_hz - timestamp
        if self._last_transit is not None:
            step = (transit - self._last_transit + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
            self._jitter += (abs(step) - self._jitter) / 16
        self._last_transit = transit

    def report_heard(self, ntp_middle: int, now_s: float) -> None:
        """The sender's own report came."""
        self._last_report, self._reported_at_s = ntp_middle, now_s

    def block(self, now_s: float) -> bytes:
        """Our report of it since the last one."""
        expected = self._highest - (self._first or 0) + 1
        was_expected, was_received = self._before
        self._before = (expected, self._received)
        due, came = expected - was_expected, self._received - was_received
        fraction = min(255, (due - came) * 256 // due) if due > max(came, 0) else 0
        lost = max(-0x80_0000, min(0x7F_FFFF, expected - self._received)) & 0xFF_FFFF
        delay = int((now_s - self._reported_at_s) * 65_536) if self._last_report else 0
        jitter = int(self._jitter) & 0xFFFF_FFFF
        highest = self._highest & 0xFFFF_FFFF
        return _BLOCK.pack(self.ssrc, fraction << 24 | lost, highest, jitter, self._last_report, delay & 0xFFFF_FFFF)
