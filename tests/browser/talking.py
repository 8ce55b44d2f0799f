"""A person at the page: speaks into its microphone, reads what it shows, and hears what it plays."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect
from websockets.sync.client import connect

from tests.service.sound import FIXTURES, resampled

MICROPHONE = Path(__file__).parent / "microphone.js"
ROOM_HZ, ENGINE_HZ = 48_000, 24_000
_SILENCE = 0.003
_ANSWERED_WITHIN_MS = 20_000

Sound = NDArray[np.float64]


class Person:
    """Sits before a page that was opened with `microphone.js`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.call_url = ""

    def call(self) -> None:
        """Press the button and wait until the line stands."""
        with self.page.expect_response(lambda response: response.url.endswith("/v1/realtime/calls")) as answer:
            self.page.click("#talk")
        assert answer.value.status == 201
        self.call_url = answer.value.headers["location"]
        expect(self.status).to_have_text("Listening")

    @property
    def status(self) -> Locator:
        return self.page.locator(".status")

    def say(self, line: str) -> None:
        """Speak a recording of `audio_fixtures/lines`, to its end."""
        self.page.wait_for_timeout(1_000 * self.begin_to_say(line))

    def begin_to_say(self, line: str) -> float:
        """As `say`, without waiting; returns the length in seconds."""
        wav = base64.b64encode((FIXTURES / "lines" / line).read_bytes()).decode()
        seconds: float = self.page.evaluate("wav => room.say(wav)", wav)
        return seconds

    def said(self, text: str) -> None:
        """Until the page shows these words as ours."""
        expect(self.page.locator(".said").last).to_have_text(text, timeout=_ANSWERED_WITHIN_MS)

    def answer(self, words: str) -> Locator:
        """Until the page shows an answer with these words."""
        answer = self.page.locator(".answer").last
        expect(answer).to_contain_text(words, timeout=_ANSWERED_WITHIN_MS)
        return answer

    def quiet(self) -> None:
        """Until the assistant has said everything."""
        expect(self.status).to_have_text("Listening", timeout=_ANSWERED_WITHIN_MS)
        self.page.wait_for_timeout(250)

    def heard(self) -> Sound:
        """What the assistant sounded like since the last time."""
        raw = base64.b64decode(self.page.evaluate("room.heard()"))
        return np.frombuffer(raw, "<f4").astype(np.float64)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """All events of a type that the page has seen, from its log."""
        page = self.page
        page.get_by_role("tab", name="Events").click()
        with page.expect_download() as download:
            page.get_by_label("Save all as JSON lines").click()
        lines = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
        return [line["event"] for line in lines if line["event"]["type"] == kind]


def as_engine_pcm(sound: Sound) -> bytes:
    """A room's sound as PCM16 of 24 kHz, from its first sound to its last."""
    (loud,) = np.nonzero(np.abs(sound) > _SILENCE)
    assert loud.size, "nothing was heard"
    part = sound[max(0, loud[0] - ROOM_HZ // 5) : loud[-1] + ROOM_HZ // 5]
    return resampled((np.clip(part, -1, 1) * 32_767).astype("<i2").tobytes(), ROOM_HZ, ENGINE_HZ)


def kept_sound(address: str, call_url: str, item_id: str) -> Sound:
    """What the service has of an item's sound (24 kHz), asked over a sideband of the call."""
    call_id = call_url.rsplit("/", 1)[-1]
    with connect(f"{address.replace('http', 'ws', 1)}/v1/realtime?call_id={call_id}", max_size=None) as sideband:
        sideband.send(json.dumps({"type": "conversation.item.retrieve", "item_id": item_id}))
        while True:
            event = json.loads(sideband.recv(timeout=10))
            assert event["type"] != "error", event
            if event["type"] == "conversation.item.retrieved" and event["item"]["id"] == item_id:
                pcm = base64.b64decode(event["item"]["content"][0]["audio"])
                return np.frombuffer(pcm, "<i2").astype(np.float64) / 32_768


def told_sound(address: str, question: str) -> Sound:
    """The answer's sound (24 kHz) as another client gets it over a websocket, byte for byte, to a written question."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": question}]}
    pieces: list[bytes] = []
    with connect(f"{address.replace('http', 'ws', 1)}/v1/realtime?model=local", max_size=None) as client:
        client.send(json.dumps({"type": "conversation.item.create", "item": item}))
        client.send(json.dumps({"type": "response.create"}))
        while True:
            event = json.loads(client.recv(timeout=20))
            assert event["type"] != "error", event
            if event["type"] == "response.output_audio.delta":
                pieces.append(base64.b64decode(event["delta"]))
            if event["type"] == "response.output_audio.done":
                return np.frombuffer(b"".join(pieces), "<i2").astype(np.float64) / 32_768


def likeness(heard: Sound, given: Sound, hz: int) -> float:
    """How much of `given` is in `heard`, 0 to 1: the median over pieces of half a second of the best normalised
    correlation, each at its own place, because a receiver's jitter buffer stretches time between them."""
    size, found = hz // 2, []
    loud = (given**2).sum() / max(1, len(given) // size) * 0.1
    for start in range(0, len(given) - size + 1, size):
        piece = given[start : start + size]
        power = (piece**2).sum()
        if power < loud:
            continue
        length = 1 << (len(heard) + size).bit_length()
        spectrum = np.fft.rfft(heard, length) * np.conj(np.fft.rfft(piece, length))
        products = np.abs(np.fft.irfft(spectrum, length)[: len(heard) - size])
        sums = np.concatenate([[0.0], np.cumsum(heard**2)])
        powers = np.maximum(sums[size:-1] - sums[: -size - 1], 0.05 * power)
        found.append(float((products / np.sqrt(powers * power)).max()))
    return float(np.median(found)) if found else 0.0
