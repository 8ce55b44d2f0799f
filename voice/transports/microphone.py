"""The microphone and loudspeaker of this machine, through PortAudio (the `sounddevice` package, extra `desktop`).

PortAudio calls back on a thread of its own every 20 ms. That thread only copies: captured sound into a short queue
that the loop empties, sound to play out of a queue that the loop fills. What was heard is told by the converter's
own clock: each block carries the time at which it reaches the loudspeaker. A block once given to PortAudio sounds,
whatever happens: a duck is heard from the next block on, and `held_ms` says how much a stop cannot take back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from voice.audio.convert import Converter
from voice.audio.frames import PCM_24K, AudioFormat, AudioFrame
from voice.audio.gain import DUCK_MS, RESTORE_MS
from voice.errors import DeviceMissing, ExtraMissing, Misuse, VoiceError
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent
from voice.transports.base import TransportListener, TransportTraits
from voice.transports.fitting import Fitting
from voice.transports.playout import PlayoutQueue

Device = int | str | None
"""PortAudio's number of a device, a part of its name, or None for the system's choice."""

_DOCTOR = "Run `voice doctor` to see which devices there are."
_INSANE_DELAY_S = 2.0


class MicrophoneTransport:
    """A person at this machine.

    Captured sound waits for a busy loop up to `max_captured_ms`; then the oldest is dropped and counted in
    `dropped_frames`. A device that does not take 24 kHz is opened at its own rate and its sound is converted.
    """

    def __init__(
        self,
        input_device: Device = None,
        output_device: Device = None,
        *,
        format: AudioFormat = PCM_24K,
        frame_ms: int = 20,
        latency: float | str = "low",
        max_captured_ms: int = 2_000,
        max_queued_ms: int = 600_000,
        can_approve: bool = False,
    ) -> None:
        if format.encoding != "pcm16":
            raise Misuse("A sound card is opened as PCM16.")
        self.traits = TransportTraits("microphone", format, format, "reports", can_approve=can_approve)
        self.dropped_frames = 0
        self._devices = {"input": input_device, "output": output_device}
        self._format = format
        self._frame_ms = frame_ms
        self._latency = latency
        self._max_queued_ms = max_queued_ms
        self._take_device_formats(format, format)
        self._captured: deque[bytes] = deque(maxlen=max(1, max_captured_ms // frame_ms))
        self._streams: list[Any] = []
        self._wake_pending = False
        self._held_ms = 0.0
        self._listener: TransportListener | None = None
        self._closing: asyncio.Task[None] | None = None
        self._over = False

    @property
    def refused_frames(self) -> int:
        """Frames to play for which the queue had no room."""
        return self._playout.refused_frames

    @property
    def held_ms(self) -> float:
        """What PortAudio and the device hold, on average: between two blocks it is half a block more or less."""
        return self._held_ms

    # What the session tells it

    async def open(self, listener: TransportListener) -> None:
        """Open both devices. Raises ExtraMissing without sounddevice, DeviceMissing without a device."""
        if self._listener is not None:
            raise Misuse("A transport is opened once.")
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._open_devices)

    def play(self, response_id: str, item_id: str, output_index: int, content_index: int, frame: AudioFrame) -> None:
        self._playout.put(self._fitting.fit(frame).data)

    def mark(self, epoch: int, position_ms: float) -> None:
        """Positions are reported as they are reached."""

    def stop_playback(self, epoch: int) -> None:
        """What PortAudio has taken already (`held_ms`) still sounds and is reported, with the epoch before."""
        self._fitting.reset()
        self._playout.clear(epoch)

    def duck(self, gain_db: float) -> bool:
        self._playout.fade_to(gain_db, DUCK_MS)
        return True

    def restore(self) -> None:
        self._playout.fade_to(0.0, RESTORE_MS)

    def send_event(self, event: ServerEvent | Unknown) -> None:
        """A loudspeaker does not read events."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._end(reason or "closed")
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(
                asyncio.to_thread(self._close_devices), name="close sound devices"
            )
        await asyncio.shield(self._closing)

    # What the person does besides speaking (the keyboard is the program's)

    def hold(self, held: bool) -> None:
        """The talk key went down or up."""
        if self._listener is not None and not self._over:
            self._listener.push_to_talk(held)

    def cancel_talk(self) -> None:
        """What was said since the talk key went down is not meant."""
        if self._listener is not None and not self._over:
            self._listener.talk_cancelled()

    def answer(self, request_id: str, approve: bool) -> None:
        """A key said whether a tool may run."""
        if self._listener is not None and not self._over:
            self._listener.approval_given(request_id, approve)

    def type(self, text: str) -> None:
        """The person wrote instead of speaking."""
        if self._listener is not None and not self._over:
            self._listener.typed(text)

    # The devices, opened and closed on a worker thread because PortAudio takes its time

    def _open_devices(self) -> None:
        import numpy  # noqa: F401 (what the first duck needs: not while PortAudio waits for its block)

        sounddevice = _load_sounddevice()
        try:
            spoken = AudioFormat("pcm16", self._usable_rate(sounddevice, "input"))
            played = AudioFormat("pcm16", self._usable_rate(sounddevice, "output"))
            self._take_device_formats(spoken, played)
            self._streams.append(self._stream(sounddevice.RawOutputStream, "output", played, self._on_output))
            self._streams.append(self._stream(sounddevice.RawInputStream, "input", spoken, self._on_input))
            for stream in self._streams:
                stream.start()
        except (VoiceError, sounddevice.PortAudioError, ValueError) as error:
            self._over = True
            self._close_devices()
            if isinstance(error, VoiceError):
                raise
            raise DeviceMissing("The sound device could not be opened.", fix=_DOCTOR, detail=str(error)) from error

    def _take_device_formats(self, spoken: AudioFormat, played: AudioFormat) -> None:
        self._output_format = played
        self._fitting = Fitting(played)
        self._playout = PlayoutQueue(played.size_bytes(self._max_queued_ms), played)
        self._from_input = Converter(spoken, self._format)

    def _stream(self, make: Any, kind: str, format: AudioFormat, callback: Any) -> Any:
        return make(
            samplerate=format.rate_hz,
            blocksize=format.rate_hz * self._frame_ms // 1000,
            device=self._devices[kind],
            channels=1,
            dtype="int16",
            latency=self._latency,
            callback=callback,
            finished_callback=self._on_finished,
        )

    def _usable_rate(self, sounddevice: Any, kind: str) -> int:
        """Our rate if the device takes it, else its own."""
        device = self._devices[kind]
        try:
            info = sounddevice.query_devices(device, kind)
        except (sounddevice.PortAudioError, ValueError) as error:
            what = "microphone" if kind == "input" else "loudspeaker"
            raise DeviceMissing(f"There is no {what} to open.", fix=_DOCTOR, detail=str(error)) from error
        check = getattr(sounddevice, f"check_{kind}_settings")
        try:
            check(device=device, channels=1, dtype="int16", samplerate=self._format.rate_hz)
        except (sounddevice.PortAudioError, ValueError):
            return int(info["default_samplerate"])
        return self._format.rate_hz

    def _close_devices(self) -> None:
        for stream in self._streams:
            stream.close()
        self._streams.clear()

    # PortAudio's thread

    def _on_input(self, indata: Any, frames: int, time: Any, status: Any) -> None:
        if self._over:
            return
        if len(self._captured) == self._captured.maxlen:
            self.dropped_frames += 1
        self._captured.append(bytes(indata))
        if not self._wake_pending:
            self._wake_pending = True
            self._on_loop(self._take_captured)

    def _on_output(self, outdata: Any, frames: int, time: Any, status: Any) -> None:
        sound, epoch, taken_bytes = self._playout.take(len(outdata))
        outdata[: len(sound)] = sound
        outdata[len(sound) :] = bytes(len(outdata) - len(sound))
        delay_s = time.outputBufferDacTime - time.currentTime
        if not 0 <= delay_s < _INSANE_DELAY_S:  # some hosts do not know
            delay_s = 0.0
        self._held_ms = delay_s * 1000 + self._output_format.duration_ms(len(outdata)) / 2
        if sound and not self._over:
            heard_at_s = self._loop.time() + delay_s + self._output_format.duration_ms(len(sound)) / 1000
            self._on_loop(self._report_at, heard_at_s, epoch, self._output_format.duration_ms(taken_bytes))

    def _on_finished(self) -> None:
        if not self._over:
            self._on_loop(self._end, "the sound device stopped")

    def _on_loop(self, callback: Any, *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)

    # The loop

    def _take_captured(self) -> None:
        self._wake_pending = False  # before looking: what is captured from here on wakes us again
        while self._captured and not self._over:
            sound = self._from_input.convert(self._captured.popleft())
            if sound and self._listener is not None:
                self._listener.receive_frame(AudioFrame(self._format, sound))

    def _report_at(self, heard_at_s: float, epoch: int, position_ms: float) -> None:
        self._loop.call_at(heard_at_s, self._report, epoch, position_ms)

    def _report(self, epoch: int, position_ms: float) -> None:
        if self._listener is not None and not self._over:
            self._listener.played(epoch, position_ms, float(self._frame_ms))

    def _end(self, reason: str) -> None:
        if not self._over:
            self._over = True
            if self._listener is not None:
                self._listener.hung_up(reason)


def _load_sounddevice() -> Any:
    try:
        import sounddevice
    except ModuleNotFoundError as error:
        raise ExtraMissing("sounddevice", "desktop") from error
    except OSError as error:
        raise DeviceMissing(
            "The PortAudio library is missing.", fix="Install it with: apt-get install libportaudio2", detail=str(error)
        ) from error
    return sounddevice
