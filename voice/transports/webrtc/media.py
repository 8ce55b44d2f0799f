"""One stream of sound each way, as SRTP: packets opened, closed, counted, and reported on by RTCP."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from typing import Any

from voice.audio.opus_packet import CLOCK_HZ
from voice.transports import rtp
from voice.transports.webrtc import parts

_STRANGE_RTT_S = 5.0

Receive = Callable[[int, int, bytes], None]
"""Sequence number, RTP time, payload."""


class Media:
    """The sound's packets between a DTLS transport, which has the keys, and whoever codes and decodes.

    `round_trip_s` is None until the far end has answered a report; `lost_share` is what it last said was lost of ours.
    """

    def __init__(self, ssrc: int, payload_type: int, send: Callable[[bytes], bool], receive: Receive) -> None:
        self.round_trip_s: float | None = None
        self.lost_share = 0.0
        self.far_jitter_ms = 0.0
        self.ended = False
        self.reception: rtp.Reception | None = None
        self.unreadable = 0
        self._ssrc = ssrc
        self._payload_type = payload_type
        self._send_datagram = send
        self._receive = receive
        self._opener: Any = None
        self._closer: Any = None
        self._name = secrets.token_hex(8)
        self._sequence = random.getrandbits(15)
        self._sent_packets = 0
        self._sent_octets = 0
        self._last_timestamp = 0
        self._last_sent_s = 0.0
        self._reports: dict[int, float] = {}

    def begin(self, dtls: Any) -> None:
        """The handshake is over: these are the keys."""
        self._opener, self._closer = parts.srtp_of(dtls)

    def send(self, payload: bytes, timestamp: int, now_s: float, marker: bool) -> None:
        """A packet of sound leaves now."""
        if self._closer is None:
            return
        sequence, self._sequence = self._sequence, self._sequence + 1 & 0xFFFF
        packet = rtp.encode_rtp(self._payload_type, sequence, timestamp, self._ssrc, payload, marker=marker)
        if self._send_datagram(self._closer.protect(packet)):
            self._sent_packets += 1
            self._sent_octets += len(payload)
            self._last_timestamp, self._last_sent_s = timestamp, now_s

    def receive_datagram(self, data: bytes, now_s: float) -> None:
        """SRTP or SRTCP from the network; what cannot be opened is counted and dropped."""
        if self._opener is None:
            return
        try:
            opened = self._opener.unprotect_rtcp(data) if rtp.is_rtcp(data) else self._opener.unprotect(data)
        except Exception:  # pylibsrtp's own: forged, repeated or damaged
            self.unreadable += 1
            return
        if rtp.is_rtcp(opened):
            self._receive_reports(opened, now_s)
        else:
            self._receive_packet(opened, now_s)

    def report(self, now_s: float) -> None:
        """Tell the far end how its sound comes and where ours is. Once a second or so."""
        if self._closer is None:
            return
        sender = None
        if self._sent_packets:
            seconds, fraction = rtp.ntp_time(time.time())
            stamp = self._last_timestamp + int((now_s - self._last_sent_s) * CLOCK_HZ) & 0xFFFF_FFFF
            sender = (seconds, fraction, stamp, self._sent_packets & 0xFFFF_FFFF, self._sent_octets & 0xFFFF_FFFF)
            self._reports[(seconds << 16 | fraction >> 16) & 0xFFFF_FFFF] = now_s
            while len(self._reports) > 16:
                del self._reports[next(iter(self._reports))]
        blocks = self.reception.block(now_s) if self.reception is not None else b""
        self._send_control(rtp.encode_report(self._ssrc, self._name, blocks, sender))

    def end(self) -> None:
        """Say that our stream is over."""
        if self._closer is not None:
            self._send_control(rtp.encode_bye(self._ssrc))
            self._opener = self._closer = None

    def _send_control(self, packet: bytes) -> None:
        self._send_datagram(self._closer.protect_rtcp(packet))

    def _receive_packet(self, data: bytes, now_s: float) -> None:
        packet = rtp.parse_rtp(data)
        if packet is None or packet.payload_type != self._payload_type:
            return
        if self.reception is None or self.reception.ssrc != packet.ssrc:
            self.reception = rtp.Reception(packet.ssrc, CLOCK_HZ)
        self.reception.receive(packet.sequence, packet.timestamp, now_s)
        self._receive(packet.sequence, packet.timestamp, packet.payload)

    def _receive_reports(self, data: bytes, now_s: float) -> None:
        for report in rtp.parse_rtcp(data):
            if isinstance(report, rtp.Bye):
                self.ended |= self.reception is not None and self.reception.ssrc in report.ssrcs
                continue
            if report.ntp_middle is not None and self.reception is not None and report.ssrc == self.reception.ssrc:
                self.reception.report_heard(report.ntp_middle, now_s)
            for block in report.blocks:
                if block.ssrc == self._ssrc:
                    self._receive_block(block, now_s)

    def _receive_block(self, block: rtp.Block, now_s: float) -> None:
        self.lost_share = block.fraction_lost / 256
        self.far_jitter_ms = block.jitter * 1000 / CLOCK_HZ
        sent_s = self._reports.get(block.last_report)
        if sent_s is None:
            return
        round_trip_s = now_s - sent_s - block.delay_since / 65_536
        if 0 <= round_trip_s < _STRANGE_RTT_S:
            before_s = self.round_trip_s
            self.round_trip_s = round_trip_s if before_s is None else 0.75 * before_s + 0.25 * round_trip_s
