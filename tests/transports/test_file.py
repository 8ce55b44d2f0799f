"""A sound file holds a conversation, in virtual time: every number is exact."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.transports.clock import run
from tests.transports.people import Ears
from voice.audio.frames import PCM_16K, PCM_24K, PCMU_8K, AudioFrame
from voice.audio.wav import write_wav
from voice.errors import AudioFileError, Misuse
from voice.transports.base import Transport
from voice.transports.file import FileRules, FileTransport


def square(ms: float, level: int = 1000) -> bytes:
    return level.to_bytes(2, "little", signed=True) * (PCM_24K.size_bytes(ms) // 2)


def frame(ms: float, level: int = 1000) -> AudioFrame:
    return AudioFrame(PCM_24K, square(ms, level))


def wav(pcm: bytes, rate_hz: int = 24_000, channels: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm)
    return out.getvalue()


def read(path: Path) -> bytes:
    with wave.open(str(path), "rb") as file:
        return file.readframes(file.getnframes())


Scene = Callable[[FileTransport, Ears], Awaitable[None]]


def hold(scene: Scene, source: bytes | Path, **options: object) -> tuple[FileTransport, Ears]:
    """Open, play the scene, wait for the end of the conversation, close."""

    async def conversation() -> tuple[FileTransport, Ears]:
        transport, ears = FileTransport(source, **options), Ears()  # type: ignore[arg-type]
        await transport.open(ears)
        await scene(transport, ears)
        await ears.over.wait()
        await transport.close()
        return transport, ears

    return run(conversation())


async def nothing(transport: FileTransport, ears: Ears) -> None:
    """Nobody answers."""


def test_it_speaks_in_real_time_and_then_stays_silent_until_nothing_comes() -> None:
    times_s: list[float] = []

    class Watch(Ears):
        def receive_frame(self, frame: AudioFrame) -> None:
            super().receive_frame(frame)
            times_s.append(asyncio.get_running_loop().time())

    async def conversation() -> Watch:
        transport, ears = FileTransport(wav(square(90)), rules=FileRules(tail_silence_ms=100, quiet_s=1)), Watch()
        as_seam: Transport = transport
        assert as_seam.traits.playout == "reports"
        await transport.open(ears)
        await ears.over.wait()
        await transport.close()
        return ears

    ears = run(conversation())
    assert ears.goodbyes == ["file ended"]
    assert times_s == pytest.approx([0.02 * (n + 1) for n in range(len(times_s))])
    assert {frame.duration_ms for frame in ears.frames} == {20}
    assert ears.sound.startswith(square(90) + square(10, 0))
    assert len(times_s) * 20 == pytest.approx(100 + 100 + 1000, abs=40)


def test_faster_than_life() -> None:
    async def conversation() -> float:
        transport, ears = FileTransport(wav(square(8000)), rules=FileRules(speed=8, quiet_s=0)), Ears()
        await transport.open(ears)
        await ears.over.wait()
        await transport.close()
        return asyncio.get_running_loop().time()

    assert run(conversation()) == pytest.approx(9 / 8, abs=0.05)


def test_a_late_loop_delivers_what_is_due_and_does_not_drift() -> None:
    stalls = iter([0.5, 0.013])

    class Slow(Ears):
        def receive_frame(self, frame: AudioFrame) -> None:
            super().receive_frame(frame)
            if len(self.frames) in (3, 40):
                loop = asyncio.get_running_loop()
                loop._jumping.now_s += next(stalls)  # type: ignore[attr-defined]

    async def conversation() -> int:
        transport, ears = FileTransport(wav(square(2000))), Slow()
        await transport.open(ears)
        await asyncio.sleep(2.001)
        await transport.close()
        return len(ears.frames)

    assert run(conversation()) == 100


def test_an_answer_is_heard_at_its_own_pace_and_keeps_the_conversation_open(tmp_path: Path) -> None:
    async def scene(transport: FileTransport, ears: Ears) -> None:
        await asyncio.sleep(0.5)
        for _ in range(10):
            transport.play("resp_1", "item_1", 0, 0, frame(100))
        await asyncio.sleep(0.5)
        assert ears.plays[-1][1] == pytest.approx(500, abs=21)

    reply, stereo = tmp_path / "reply.wav", tmp_path / "both.wav"
    _, ears = hold(scene, wav(square(200, 5)), rules=FileRules(quiet_s=0.5), reply_to=reply, stereo_to=stereo)
    positions = [position for epoch, position, _ in ears.plays if epoch == 0]
    assert positions == sorted(positions)
    assert positions[-1] == 1000
    assert read(reply) == square(500, 0) + square(1000)
    both = read(stereo)
    left = b"".join(both[n : n + 2] for n in range(0, len(both), 4))
    right = b"".join(both[n + 2 : n + 4] for n in range(0, len(both), 4))
    assert left == square(200, 5) + square(1300, 0)
    assert right == read(reply)


def test_what_was_stopped_is_not_in_the_file(tmp_path: Path) -> None:
    async def scene(transport: FileTransport, ears: Ears) -> None:
        transport.play("resp_1", "item_1", 0, 0, frame(1000, 1))
        await asyncio.sleep(0.3)
        transport.stop_playback(1)
        await asyncio.sleep(0.1)
        transport.play("resp_2", "item_2", 0, 0, frame(100, 2))

    reply = tmp_path / "reply.wav"
    _, ears = hold(scene, wav(square(20)), rules=FileRules(quiet_s=0.1), reply_to=reply)
    assert read(reply) == square(300, 1) + square(100, 0) + square(100, 2)
    assert ears.plays[-1] == (1, 100, 0)


def test_a_duck_is_in_the_file_and_changes_no_position(tmp_path: Path) -> None:
    async def scene(transport: FileTransport, ears: Ears) -> None:
        transport.play("resp_1", "item_1", 0, 0, frame(1000, 10_000))
        await asyncio.sleep(0.3)
        transport.duck(-20)
        await asyncio.sleep(0.3)
        transport.restore()

    reply = tmp_path / "reply.wav"
    transport, ears = hold(scene, wav(square(20)), rules=FileRules(quiet_s=0.1), reply_to=reply)
    heard = read(reply)
    assert len(heard) == len(square(1000))
    assert heard[: PCM_24K.size_bytes(299)] == square(299, 10_000)
    assert heard[PCM_24K.size_bytes(311) : PCM_24K.size_bytes(599)] == square(288, 1_000)
    assert heard[PCM_24K.size_bytes(651) :] == square(349, 10_000)
    assert transport.held_ms == 0
    assert ears.plays[-1] == (0, 1000, 0)


def test_the_end_comes_when_told_and_cuts_what_sounds(tmp_path: Path) -> None:
    async def scene(transport: FileTransport, ears: Ears) -> None:
        transport.play("resp_1", "item_1", 0, 0, frame(1000))
        await asyncio.sleep(0.255)
        transport.end("enough")
        transport.play("resp_1", "item_1", 0, 0, frame(1000))

    reply = tmp_path / "reply.wav"
    _, ears = hold(scene, wav(square(5000)), reply_to=reply)
    assert ears.goodbyes == ["enough"]
    assert ears.plays[-1][1] == pytest.approx(255, abs=0.1)
    assert len(read(reply)) == PCM_24K.size_bytes(ears.plays[-1][1])


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (16_000, 2), (44_100, 2), (48_000, 1)])
def test_any_rate_and_number_of_channels_is_converted(rate_hz: int, channels: int) -> None:
    source = wav(b"\xe8\x03" * (rate_hz * channels // 2), rate_hz, channels)
    transport, ears = hold(nothing, source, rules=FileRules(speed=50, tail_silence_ms=0, quiet_s=0))
    assert transport.source_ms == pytest.approx(500, abs=1)
    middle = ears.sound[PCM_24K.size_bytes(250) :][:2]
    assert int.from_bytes(middle, "little") == pytest.approx(1000, abs=2)


def test_an_answer_in_another_format_is_converted(tmp_path: Path) -> None:
    async def scene(transport: FileTransport, ears: Ears) -> None:
        transport.play("resp_1", "item_1", 0, 0, AudioFrame(PCMU_8K, b"\xff" * 800))

    transport, ears = hold(scene, wav(square(20)), rules=FileRules(quiet_s=0.1), reply_to=tmp_path / "reply.wav")
    assert transport.traits.output_format == PCM_24K
    assert ears.plays[-1][1] == pytest.approx(100, abs=5)


@pytest.mark.parametrize("source", [b"", b"RIFF", b"not a sound file at all, but long enough to be looked at"])
def test_what_is_no_sound_is_an_audio_file_error(source: bytes) -> None:
    with pytest.raises(AudioFileError):
        run(FileTransport(source).open(Ears()))


def test_files_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.wav"
    with pytest.raises(AudioFileError, match=r"missing\.wav cannot be read"):
        run(FileTransport(missing).open(Ears()))

    async def conversation() -> None:
        transport = FileTransport(wav(square(20)), reply_to=tmp_path / "no" / "reply.wav")
        await transport.open(Ears())
        await transport.close()

    with pytest.raises(AudioFileError, match=r"reply\.wav cannot be written"):
        run(conversation())


def test_a_session_that_fails_ends_the_conversation_and_close_says_why() -> None:
    class Broken(Ears):
        def receive_frame(self, frame: AudioFrame) -> None:
            raise Misuse("a bug")

    async def conversation() -> Broken:
        transport, ears = FileTransport(wav(square(20))), Broken()
        await transport.open(ears)
        await asyncio.sleep(0.1)
        with pytest.raises(Misuse, match="a bug"):
            await transport.close()
        return ears

    assert run(conversation()).goodbyes == ["internal error"]


def test_closing_twice_writes_once_and_before_opening_does_nothing(tmp_path: Path) -> None:
    reply = tmp_path / "reply.wav"

    async def conversation() -> None:
        transport = FileTransport(wav(square(20)), reply_to=reply)
        await transport.open(Ears())
        await asyncio.gather(transport.close(), transport.close())
        reply.unlink()
        await transport.close()
        await FileTransport(b"").close()

    run(conversation())
    assert not reply.exists()


def test_impossible_rules_are_misuse() -> None:
    with pytest.raises(Misuse):
        FileRules(speed=0)
    with pytest.raises(Misuse):
        FileTransport(b"", format=PCMU_8K)
    assert FileTransport(b"", format=PCM_16K).traits.input_format == PCM_16K
    assert write_wav(b"\0\0", 24_000) == wav(b"\0\0")
