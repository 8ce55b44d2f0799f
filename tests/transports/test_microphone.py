"""A person at this machine: first with a PortAudio of our own making, then with a virtual sound card."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import wave
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.transports import virtual_sound
from tests.transports.people import Ears
from voice.audio.frames import PCM_24K, PCMU_8K, AudioFrame
from voice.errors import DeviceMissing, ExtraMissing, Misuse
from voice.transports.base import Transport
from voice.transports.microphone import MicrophoneTransport


class PortAudioError(Exception):
    pass


class Stream:
    """A stream whose callbacks the test makes, on a thread of their own as PortAudio does."""

    def __init__(self, card: Card, **settings: Any) -> None:
        self.card, self.settings = card, settings
        self.started = self.closed = False
        if card.broken:
            raise PortAudioError("device unavailable")

    def start(self) -> None:
        self.started = True

    def close(self) -> None:
        self.closed = True
        if self.started:
            self.settings["finished_callback"]()


class Card:
    """A `sounddevice` module with one microphone and one loudspeaker."""

    PortAudioError = PortAudioError

    def __init__(self, *, devices: tuple[str, ...] = ("input", "output"), rates: tuple[int, ...] = (24_000,)) -> None:
        self.devices, self.rates = devices, rates
        self.broken = False
        self.streams: dict[str, Stream] = {}

    def query_devices(self, device: object, kind: str) -> dict[str, Any]:
        if kind not in self.devices:
            raise PortAudioError("Error querying device -1")
        return {"default_samplerate": float(self.rates[0])}

    def check_input_settings(self, **settings: Any) -> None:
        if settings["samplerate"] not in self.rates:
            raise PortAudioError("Invalid sample rate")

    check_output_settings = check_input_settings

    def RawInputStream(self, **settings: Any) -> Stream:  # noqa: N802 (sounddevice's name)
        self.streams["input"] = Stream(self, **settings)
        return self.streams["input"]

    def RawOutputStream(self, **settings: Any) -> Stream:  # noqa: N802 (sounddevice's name)
        self.streams["output"] = Stream(self, **settings)
        return self.streams["output"]

    def capture(self, sound: bytes) -> None:
        """The microphone picks this up."""
        _on_a_thread(self.streams["input"].settings["callback"], sound, len(sound) // 2, None, None)

    def sounds(self, ms: float = 20, delay_s: float = 0.0) -> bytes:
        """The loudspeaker asks for its next block, which will be heard `delay_s` later."""
        settings = self.streams["output"].settings
        block = bytearray(b"\x77" * (int(settings["samplerate"] * ms / 1000) * 2))
        clock = SimpleNamespace(outputBufferDacTime=5.0 + delay_s, currentTime=5.0)
        _on_a_thread(settings["callback"], block, len(block) // 2, clock, None)
        return bytes(block)


def _on_a_thread(callback: Callable[..., None], *arguments: Any) -> None:
    thread = threading.Thread(target=callback, args=arguments)
    thread.start()
    thread.join()


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    return card


Scene = Callable[[MicrophoneTransport, Ears], Awaitable[None]]


def talk(scene: Scene, **options: Any) -> tuple[MicrophoneTransport, Ears]:
    async def conversation() -> tuple[MicrophoneTransport, Ears]:
        transport, ears = MicrophoneTransport(**options), Ears()
        await transport.open(ears)
        await scene(transport, ears)
        await transport.close()
        return transport, ears

    return asyncio.run(conversation())


def frame(ms: float, level: int = 1000) -> AudioFrame:
    return AudioFrame(PCM_24K, level.to_bytes(2, "little") * (PCM_24K.size_bytes(ms) // 2))


def test_what_the_microphone_picks_up_reaches_the_session(card: Card) -> None:
    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        as_seam: Transport = transport
        assert as_seam.traits.playout == "reports"
        card.capture(b"\1\0" * 480)
        card.capture(b"\2\0" * 480)
        await asyncio.sleep(0.001)
        assert ears.sound == b"\1\0" * 480 + b"\2\0" * 480
        card.capture(b"\3\0" * 480)
        await asyncio.sleep(0.001)
        assert len(ears.frames) == 3

    talk(scene)
    assert card.streams["input"].settings["blocksize"] == 480


def test_a_busy_loop_loses_the_oldest_sound_and_counts_it(card: Card) -> None:
    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        for number in range(15):  # the loop does not run meanwhile
            card.capture(bytes((number, 0)) * 480)
        await asyncio.sleep(0.001)
        assert [frame.data[0] for frame in ears.frames] == list(range(5, 15))
        assert transport.dropped_frames == 5

    talk(scene, max_captured_ms=200)


def test_positions_are_told_when_the_converter_says_they_are_heard(card: Card) -> None:
    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        transport.play("resp_1", "item_1", 0, 0, frame(30))
        assert card.sounds(20) == frame(20).data
        assert card.sounds(20, delay_s=0.03) == frame(10).data + bytes(480)
        assert card.sounds(20) == bytes(960), "silence is not reported"
        await asyncio.sleep(0.03)
        assert ears.plays == [(0, 20, 20)], "the second block is still on its way"
        await asyncio.sleep(0.03)
        assert ears.plays == [(0, 20, 20), (0, 30, 20)]

    talk(scene)


@pytest.mark.parametrize("delay_s", [-1.0, 1e9, float("nan")])
def test_a_host_without_a_clock_is_taken_to_play_at_once(card: Card, delay_s: float) -> None:
    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        transport.play("resp_1", "item_1", 0, 0, frame(20))
        card.sounds(20, delay_s)
        await asyncio.sleep(0.04)
        assert ears.plays == [(0, 20, 20)]

    talk(scene)


def test_a_stop_silences_the_next_block_and_begins_an_epoch(card: Card) -> None:
    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        transport.play("resp_1", "item_1", 0, 0, frame(1000))
        card.sounds(20)
        transport.stop_playback(1)
        assert card.sounds(20) == bytes(960)
        transport.play("resp_2", "item_2", 0, 0, frame(20, 7))
        assert card.sounds(20) == frame(20, 7).data
        await asyncio.sleep(0.04)
        assert ears.plays == [(0, 20, 20), (1, 20, 20)]

    talk(scene)


def test_a_duck_is_heard_from_the_next_block_on_and_a_stop_ends_it(card: Card) -> None:
    def level(block: bytes, at_ms: float) -> int:
        return int.from_bytes(block[PCM_24K.size_bytes(at_ms) :][:2], "little", signed=True)

    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        transport.play("resp_1", "item_1", 0, 0, frame(200, 10_000))
        assert level(card.sounds(20), 19) == 10_000
        transport.duck(-20)
        block = card.sounds(20)
        assert (level(block, 0), level(block, 10), level(block, 19)) == (10_000, 1_000, 1_000)
        transport.restore()
        assert level(card.sounds(20), 0) == 1_000
        card.sounds(20)
        block = card.sounds(20)
        assert level(block, 9) < level(block, 10) == 10_000
        transport.duck(-20)
        transport.stop_playback(1)
        transport.play("resp_2", "item_2", 0, 0, frame(20, 10_000))
        assert card.sounds(20) == frame(20, 10_000).data
        await asyncio.sleep(0.04)
        assert [position for epoch, position, _ in ears.plays if epoch == 0] == [20, 40, 60, 80, 100]

    talk(scene)


def test_what_the_card_holds_is_its_delay_and_half_a_block(card: Card) -> None:
    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        card.sounds(20, delay_s=0.045)
        assert transport.held_ms == pytest.approx(55)

    talk(scene)


def test_a_card_with_a_rate_of_its_own_is_converted_both_ways(card: Card) -> None:
    card.rates = (48_000,)

    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        assert card.streams["input"].settings["samplerate"] == card.streams["output"].settings["samplerate"] == 48_000
        for _ in range(10):
            card.capture(b"\xe8\x03" * 960)
        transport.play("resp_1", "item_1", 0, 0, frame(200))
        await asyncio.sleep(0.001)
        assert ears.frames[0].format == PCM_24K
        assert len(ears.sound) == pytest.approx(9600, abs=100)
        assert int.from_bytes(ears.sound[4800:4802], "little") == pytest.approx(1000, abs=2)
        card.sounds(20)
        assert int.from_bytes(card.sounds(20)[:2], "little") == pytest.approx(1000, abs=2)

    talk(scene)


def test_the_keyboard_reaches_the_session(card: Card) -> None:
    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        transport.hold(True)
        transport.hold(False)
        transport.type("what time is it")

    _, ears = talk(scene)
    assert ears.keys == [True, False]
    assert ears.texts == ["what time is it"]


def test_escape_reaches_the_session_and_nobody_after_the_end(card: Card) -> None:
    cancelled: list[bool] = []

    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        ears.talk_cancelled = lambda: cancelled.append(True)  # type: ignore[method-assign]
        transport.hold(True)
        transport.cancel_talk()
        await transport.close()
        transport.cancel_talk()

    talk(scene)
    assert cancelled == [True]


def test_a_card_that_is_pulled_out_ends_the_conversation(card: Card) -> None:
    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        _on_a_thread(card.streams["input"].settings["finished_callback"])
        await asyncio.sleep(0.001)
        card.capture(b"\1\0" * 480)
        await asyncio.sleep(0.001)
        assert ears.frames == []

    _, ears = talk(scene)
    assert ears.goodbyes == ["the sound device stopped"]


def test_closing_releases_the_devices_and_says_good_bye_once(card: Card) -> None:
    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        await asyncio.gather(transport.close(), transport.close(reason="later"))

    _, ears = talk(scene)
    assert ears.goodbyes == ["closed"]
    assert all(stream.closed for stream in card.streams.values())


@pytest.mark.parametrize(("there", "missing"), [(("output",), "microphone"), (("input",), "loudspeaker")])
def test_a_missing_device_is_named_with_its_fix(card: Card, there: tuple[str, ...], missing: str) -> None:
    card.devices = there
    with pytest.raises(DeviceMissing, match=missing) as error:
        talk(_nothing)
    assert "voice doctor" in error.value.person


def test_a_device_that_does_not_open_leaves_nothing_open(card: Card) -> None:
    card.broken = True
    with pytest.raises(DeviceMissing, match="could not be opened") as error:
        talk(_nothing)
    assert "device unavailable" in error.value.log


def test_without_the_extra_the_one_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(ExtraMissing) as error:
        talk(_nothing)
    assert error.value.person == "sounddevice is not installed. Install it with: pip install 'voice[desktop]'"


def test_without_the_library_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(DeviceMissing) as error:
        talk(_nothing)
    assert "libportaudio2" in error.value.person


def test_a_sound_card_is_opened_as_pcm_and_once(card: Card) -> None:
    with pytest.raises(Misuse):
        MicrophoneTransport(format=PCMU_8K)

    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        with pytest.raises(Misuse):
            await transport.open(ears)

    talk(scene)


async def _nothing(transport: MicrophoneTransport, ears: Ears) -> None:
    """It does not come to this."""


# With PortAudio and a virtual card


@pytest.fixture
def virtual_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[virtual_sound.VirtualCard]:
    if lacking := virtual_sound.missing():
        assert not os.environ.get("CI"), f"CI leaves nothing out; missing: {lacking}"
        pytest.skip(f"missing: {lacking}")
    with virtual_sound.virtual_card(tmp_path) as card:
        monkeypatch.setenv("PULSE_SERVER", card.environment["PULSE_SERVER"])
        import sounddevice

        sounddevice._terminate()  # it lists its devices once; ours came later
        sounddevice._initialize()
        yield card


def loud_ms(pcm: bytes, rate_hz: int) -> float:
    """How much of it is louder than a whisper."""
    import numpy as np

    samples = np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.int32))
    blocks = samples[: len(samples) // 480 * 480].reshape(-1, 480).max(axis=1)
    return float((blocks > 500).sum()) * 480_000 / rate_hz


def square(ms: float, rate_hz: int) -> bytes:
    """A 200 Hz tone that is loud in every block."""
    half = rate_hz // 400
    period = b"\x00\x20" * half + b"\x00\xe0" * half
    return (period * int(ms / 5 + 1))[: int(ms * rate_hz / 1000) * 2]


BLOCK_MS = 20


def sounding_ms(pcm: bytes, rate_hz: int) -> float:
    """From the first loud sample to the last, without the holes shorter than a block that the server of the virtual
    card leaves in its recording when the machine is late. What we do not give it in time is missed by whole blocks."""
    import numpy as np

    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.int32)) > 500)
    if not len(loud):
        return 0.0
    steps = np.diff(loud)
    holes = steps[(steps > rate_hz // 1000) & (steps < BLOCK_MS * rate_hz // 1000)]
    return float(loud[-1] - loud[0] + 1 - holes.sum()) * 1000 / rate_hz


@pytest.mark.device
@pytest.mark.parametrize("after_s", [0.407, 0.45])
def test_a_stop_knows_within_a_block_what_will_have_been_heard(
    virtual_card: virtual_sound.VirtualCard, tmp_path: Path, after_s: float
) -> None:
    """What was reported, the time since then and what the card holds, against what its monitor recorded."""
    heard = tmp_path / "heard.raw"
    reports: list[tuple[float, float]] = []

    class Clocked(Ears):
        def played(self, epoch: int, position_ms: float, uncertainty_ms: float) -> None:
            super().played(epoch, position_ms, uncertainty_ms)
            reports.append((asyncio.get_running_loop().time(), position_ms))

    async def conversation() -> tuple[Clocked, float]:
        transport, ears = MicrophoneTransport(), Clocked()
        await transport.open(ears)
        await asyncio.sleep(1.5)
        transport.play("resp_1", "item_1", 0, 0, AudioFrame(PCM_24K, square(3000, 24_000)))
        await asyncio.sleep(after_s)
        transport.stop_playback(1)
        reported_s, position_ms = reports[-1]
        since_ms = (asyncio.get_running_loop().time() - reported_s) * 1000
        expected_ms = position_ms + since_ms + transport.held_ms
        await asyncio.sleep(0.5)
        await transport.close()
        return ears, expected_ms

    with virtual_card.hearing(heard):
        ears, expected_ms = asyncio.run(conversation())
    heard_ms = sounding_ms(heard.read_bytes(), virtual_sound.RATE_HZ)
    final_ms = [position for epoch, position, _ in ears.plays if epoch == 0][-1]
    assert heard_ms == pytest.approx(final_ms, abs=2), "the last report of the epoch is exact"
    assert heard_ms == pytest.approx(expected_ms, abs=20), "and it was known at the moment of the stop"


@pytest.mark.device
def test_a_virtual_card_hears_and_speaks(virtual_card: virtual_sound.VirtualCard, tmp_path: Path) -> None:
    spoken, heard = tmp_path / "spoken.wav", tmp_path / "heard.raw"
    with wave.open(str(spoken), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(square(600, 48_000))

    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        await asyncio.sleep(0.3)
        await asyncio.to_thread(virtual_card.speak, spoken)
        await asyncio.sleep(0.3)
        transport.play("resp_1", "item_1", 0, 0, AudioFrame(PCM_24K, square(400, 24_000)))
        await asyncio.sleep(1.0)
        transport.play("resp_1", "item_1", 0, 0, AudioFrame(PCM_24K, square(3000, 24_000)))
        await asyncio.sleep(0.5)
        transport.stop_playback(1)
        await asyncio.sleep(0.5)

    with virtual_card.hearing(heard):
        transport, ears = talk(scene)

    assert loud_ms(ears.sound, 24_000) == pytest.approx(600, abs=60)
    positions = [position for epoch, position, _ in ears.plays if epoch == 0]
    assert positions == sorted(positions)
    assert 400 in positions
    stopped_ms = positions[-1]
    assert loud_ms(heard.read_bytes(), virtual_sound.RATE_HZ) == pytest.approx(stopped_ms, abs=150)
    assert transport.dropped_frames == 0


def test_a_key_that_allows_a_tool_reaches_the_session(card: Card) -> None:
    answers: list[tuple[str, bool]] = []

    async def scene(transport: MicrophoneTransport, ears: Ears) -> None:
        assert not transport.traits.can_approve, "unless there are keys"
        ears.approval_given = lambda *answer: answers.append(answer)  # type: ignore[method-assign]
        transport.answer("q1", True)
        await transport.close()
        transport.answer("q2", True)

    talk(scene)
    assert answers == [("q1", True)]
    assert MicrophoneTransport(can_approve=True).traits.can_approve
