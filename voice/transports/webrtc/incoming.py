"""The person's sound: packets in the order of their sound, holes filled, as PCM."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from voice.audio.frames import PCM_24K, AudioFrame
from voice.audio.jitter import Heard, JitterBuffer, Lost, Piece
from voice.audio.opus_packet import CLOCK_HZ

_RATIO = CLOCK_HZ // PCM_24K.rate_hz


class Decoder(Protocol):
    """What turns packets into PCM, and holes into something that does not sound like one."""

    def decode(self, packet: bytes) -> bytes: ...

    def conceal(self, samples: int, following: bytes | None = None) -> bytes: ...

    def close(self) -> None: ...


class Incoming:
    """Packets in, frames of 24 kHz out. Its own timer runs only while something is missing, or left out on purpose."""

    def __init__(self, decoder: Decoder, receive_frame: Callable[[AudioFrame], None]) -> None:
        self.jitter = JitterBuffer()
        self._decoder = decoder
        self._receive_frame = receive_frame
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        self._rings_at_ms = 0.0  # uvloop's handle of a moment that has come cannot tell it
        self._ended = False

    def receive(self, sequence: int, timestamp: int, payload: bytes) -> None:
        if not self._ended:
            self._hand_on(self.jitter.push(sequence, timestamp, payload, self._loop.time() * 1000))

    def end(self) -> None:
        """What comes from now on is not heard."""
        if not self._ended:
            self._ended = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._decoder.close()

    def _hand_on(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            pcm = self._sound_of(piece)
            if pcm:
                self._receive_frame(AudioFrame(PCM_24K, pcm))
                if self._ended:
                    return
        self._arm()

    def _sound_of(self, piece: Piece) -> bytes:
        if isinstance(piece, Heard):
            return self._decoder.decode(piece.payload)
        if isinstance(piece, Lost):
            return self._decoder.conceal(piece.samples, piece.following)
        return bytes(2 * (piece.samples // _RATIO))

    def _arm(self) -> None:
        deadline_ms = self.jitter.deadline()
        if deadline_ms is None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        if self._timer is not None:
            if abs(self._rings_at_ms - deadline_ms) < 1:
                return
            self._timer.cancel()
        self._rings_at_ms = deadline_ms
        self._timer = self._loop.call_at(deadline_ms / 1000, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._hand_on(self.jitter.due(self._loop.time() * 1000 + 0.5))
