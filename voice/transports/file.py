"""A person who is a sound file: speaks a WAV in real time, and whose ears are a virtual loudspeaker.

source.wav ──20 ms frames──▶ session          the clock is the loop's, times `speed`
reply.wav  ◀──what was heard── loudspeaker    time zero of all files is the first frame of the source
"""

from __future__ import annotations

import asyncio
import io
import wave
from dataclasses import dataclass
from pathlib import Path

from voice.audio.convert import convert_whole
from voice.audio.frames import PCM_24K, AudioFormat, AudioFrame
from voice.audio.wav import read_wav, write_wav
from voice.errors import AudioFileError, Misuse
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent
from voice.transports.base import TransportListener, TransportTraits
from voice.transports.fitting import Fitting
from voice.transports.loudspeaker import VirtualLoudspeaker


@dataclass(frozen=True, slots=True)
class FileRules:
    """How a file behaves as a person.

    After its last sample it stays silent: at least `tail_silence_ms`, and until nothing is sounding and nothing has
    come to be played for `quiet_s` (seconds of the real clock, since it waits for an answer); then it hangs up.
    `speed` 4 means four times as fast as life.
    """

    speed: float = 1.0
    frame_ms: float = 20
    tail_silence_ms: float = 1000
    quiet_s: float = 5.0

    def __post_init__(self) -> None:
        if not (self.speed > 0 and self.frame_ms > 0 and self.tail_silence_ms >= 0 and self.quiet_s >= 0):
            raise Misuse("A file's rules are positive numbers.")


class FileTransport:
    """A WAV of any rate, width and number of channels in; what was heard out.

    `reply_to` gets the assistant alone, `stereo_to` the person left and the assistant right, both written by `close`
    and time-aligned with the source. Sound that was stopped before it was heard is in neither.
    """

    def __init__(
        self,
        source: Path | bytes,
        *,
        rules: FileRules | None = None,
        reply_to: Path | None = None,
        stereo_to: Path | None = None,
        format: AudioFormat = PCM_24K,
    ) -> None:
        if format.encoding != "pcm16":
            raise Misuse("Files are spoken and written as PCM16.")
        self.traits = TransportTraits("file", format, format, "reports")
        self.rules = rules or FileRules()
        self.loudspeaker = VirtualLoudspeaker(format)
        self._source = source
        self._reply_to = reply_to
        self._stereo_to = stereo_to
        self._format = format
        self._fitting = Fitting(format)
        self._sound = b""
        self._listener: TransportListener | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._over = False
        self._started_s = 0.0
        self._last_sign_s = 0.0
        self._reported = (0, 0.0)

    @property
    def source_ms(self) -> float:
        """How long the person speaks; known once open."""
        return self._format.duration_ms(len(self._sound))

    @property
    def now_ms(self) -> float:
        """Milliseconds of the conversation, in the file's own time."""
        return (self._loop.time() - self._started_s) * 1000 * self.rules.speed

    @property
    def held_ms(self) -> float:
        """Nothing is on its way to these ears."""
        return 0.0

    # What the session tells it

    async def open(self, listener: TransportListener) -> None:
        """Read the source and begin to speak. Raises AudioFileError."""
        if self._listener is not None:
            raise Misuse("A transport is opened once.")
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._sound = await asyncio.to_thread(_read, self._source, self._format)
        self._started_s = self._last_sign_s = self._loop.time()
        self._speaking = self._loop.create_task(self._speak(listener), name="speak file")

    def play(self, response_id: str, item_id: str, output_index: int, content_index: int, frame: AudioFrame) -> None:
        if self._over:
            return
        self._last_sign_s = self._loop.time()
        self.loudspeaker.play(self._fitting.fit(frame), self.now_ms)

    def mark(self, epoch: int, position_ms: float) -> None:
        """Positions are reported as they are reached."""

    def stop_playback(self, epoch: int) -> None:
        self._fitting.reset()
        self.loudspeaker.stop(epoch, self.now_ms)

    def duck(self, gain_db: float) -> bool:
        self.loudspeaker.duck(gain_db, self.now_ms)
        return True

    def restore(self) -> None:
        self.loudspeaker.restore(self.now_ms)

    def send_event(self, event: ServerEvent | Unknown) -> None:
        """A file does not read events."""

    def end(self, reason: str) -> None:
        """Hang up: what sounds now is the last that is heard."""
        if self._over or self._listener is None:
            return
        self._listen(self._listener)
        self._over = True
        if self._speaking is not None:
            self._speaking.cancel()
        self._listener.hung_up(reason)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Hang up and write the recordings. Raises AudioFileError when they cannot be written."""
        self.end(reason or "closed")
        if self._speaking is not None:
            await asyncio.wait([self._speaking])
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(), name="write recordings")
        await asyncio.shield(self._writing)
        if self._speaking is not None and not self._speaking.cancelled():
            self._speaking.result()

    # The person

    async def _speak(self, listener: TransportListener) -> None:
        """A frame at each of its due times, however late the one before was: the clock does not drift."""
        frame_s = self.rules.frame_ms / 1000 / self.rules.speed
        spoken = 0
        try:
            while not self._over:
                spoken += 1
                await asyncio.sleep(self._started_s + spoken * frame_s - self._loop.time())
                listener.receive_frame(self._frame(spoken - 1))
                self._listen(listener)
                if self._is_finished(spoken * self.rules.frame_ms):
                    self.end("file ended")
        except Exception:
            self.end("internal error")  # what it was is raised by `close`
            raise

    def _frame(self, number: int) -> AudioFrame:
        size = self._format.size_bytes(self.rules.frame_ms)
        return AudioFrame(self._format, self._sound[number * size : (number + 1) * size].ljust(size, b"\0"))

    def _listen(self, listener: TransportListener) -> None:
        """Let the loudspeaker sound until now, and report."""
        loudspeaker = self.loudspeaker
        loudspeaker.advance(self.now_ms)
        heard = (loudspeaker.epoch, loudspeaker.position_ms)
        if heard[1] > 0 and heard != self._reported:
            self._reported = heard
            self._last_sign_s = self._loop.time()
            listener.played(*heard, 0.0)

    def _is_finished(self, spoken_ms: float) -> bool:
        if spoken_ms < self.source_ms + self.rules.tail_silence_ms:
            self._last_sign_s = self._loop.time()
            return False
        return not self.loudspeaker.sounding and self._loop.time() - self._last_sign_s >= self.rules.quiet_s

    # The recordings

    async def _write(self) -> None:
        if self._reply_to is not None or self._stereo_to is not None:
            await asyncio.to_thread(self._write_now)

    def _write_now(self) -> None:
        heard, rate_hz = self.loudspeaker.recording(), self._format.rate_hz
        if self._reply_to is not None:
            _write_file(self._reply_to, write_wav(heard, rate_hz))
        if self._stereo_to is not None:
            _write_file(self._stereo_to, stereo_wav(self._sound, heard, rate_hz))


def stereo_wav(left: bytes, right: bytes, rate_hz: int) -> bytes:
    """A WAV file's bytes from two PCM16 tracks; the shorter one ends in silence."""
    size = max(len(left), len(right))
    frames = bytearray(2 * size)
    for offset, track in ((0, left), (2, right)):
        track = track.ljust(size, b"\0")
        frames[offset::4] = track[::2]
        frames[offset + 1 :: 4] = track[1::2]
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(frames)
    return out.getvalue()


def _read(source: Path | bytes, format: AudioFormat) -> bytes:
    if isinstance(source, Path):
        try:
            source = source.read_bytes()
        except OSError as error:
            raise AudioFileError(
                f"{error.filename} cannot be read: {(error.strerror or 'unknown').lower()}.", fix="Check the path."
            ) from error
    sound = read_wav(source)
    return convert_whole(sound.pcm, AudioFormat("pcm16", sound.rate_hz), format)


def _write_file(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise AudioFileError(
            f"{path} cannot be written: {(error.strerror or 'unknown').lower()}.", fix="Choose another place."
        ) from error
