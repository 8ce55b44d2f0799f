"""What one 20 ms frame costs between the bytes of a socket and an AudioFrame, and back."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from time import perf_counter

from voice.audio.frames import PCM_24K, AudioFrame
from voice.protocol.client_events import InputAudioBufferAppend
from voice.protocol.codec import (
    append_payload,
    audio_delta,
    decode_client_event,
    decode_server_event,
    encode_append,
    encode_audio_delta,
    encode_event,
)
from voice.protocol.server_events import ResponseOutputAudioDelta

METHOD = "20 ms of PCM16 at 24 kHz (960 bytes, 1280 of base64); best of 7 rounds of 2000, interleaved"
ROUNDS = 7
FRAMES = 2_000
IDS = ("event_CCXGRvtUVrax5SJAnNOWZ", "resp_CCXGQ4e1ht4cOraEYcuR2", "item_CCXGR6H8A7cXuxoLaYbl1")
SOUND = random.Random(1).randbytes(960)
TEXT = base64.b64encode(SOUND)
APPEND = encode_append(TEXT)
DELTA = encode_audio_delta(*IDS, 0, 0, TEXT)

Step = Callable[[], object]


def run() -> dict[str, float]:
    """Microseconds per frame of each step, ours and the two other ways of doing it."""
    figures = _best(
        {
            "append_us": _append,
            "append_opened_us": lambda: _append().data,
            "append_stdlib_us": _append_stdlib,
            "append_model_us": _append_model,
            "delta_us": _delta,
            "delta_stdlib_us": _delta_stdlib,
            "delta_model_us": _delta_model,
            "append_encode_us": lambda: encode_append(TEXT),
            "delta_encode_us": lambda: encode_audio_delta(*IDS, 0, 0, TEXT),
            "delta_encode_stdlib_us": _delta_encode_stdlib,
            "delta_encode_model_us": _delta_encode_model,
        }
    )
    for step in ("append", "delta", "delta_encode"):
        figures[f"{step}_vs_stdlib"] = figures[f"{step}_us"] / figures[f"{step}_stdlib_us"]
        figures[f"{step}_vs_model"] = figures[f"{step}_us"] / figures[f"{step}_model_us"]
    return figures


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    """The same for people."""
    rows = (
        ("append → frame", "append"),
        ("delta → frame", "delta"),
        ("frame → delta", "delta_encode"),
    )
    return [
        (
            f"{label} (json + base64; full validation)",
            f"{figures[f'{step}_us']:.2f} µs "
            f"({figures[f'{step}_stdlib_us']:.2f} µs; {figures[f'{step}_model_us']:.2f} µs)",
        )
        for label, step in rows
    ] + [
        ("append → frame → raw samples", f"{figures['append_opened_us']:.2f} µs"),
        ("frame → append", f"{figures['append_encode_us']:.2f} µs"),
    ]


def _best(steps: dict[str, Step]) -> dict[str, float]:
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(ROUNDS):
        for name, step in steps.items():
            best[name] = min(best[name], _cost_us(step))
    return best


def _cost_us(step: Step) -> float:
    began = perf_counter()
    for _ in range(FRAMES):
        step()
    return (perf_counter() - began) / FRAMES * 1e6


def _append() -> AudioFrame:
    payload = append_payload(APPEND)
    assert payload is not None
    return AudioFrame(PCM_24K, base64=payload)


def _append_stdlib() -> AudioFrame:
    event = json.loads(APPEND)
    assert event["type"] == "input_audio_buffer.append"
    return AudioFrame(PCM_24K, base64.b64decode(event["audio"], validate=True))


def _append_model() -> AudioFrame:
    event = decode_client_event(APPEND)
    assert isinstance(event, InputAudioBufferAppend)
    return AudioFrame(PCM_24K, base64.b64decode(event.audio, validate=True))


def _delta() -> AudioFrame:
    delta = audio_delta(DELTA)
    assert delta is not None
    return AudioFrame(PCM_24K, base64=delta.base64)


def _delta_stdlib() -> AudioFrame:
    event = json.loads(DELTA)
    assert event["type"] == "response.output_audio.delta"
    return AudioFrame(PCM_24K, base64.b64decode(event["delta"], validate=True))


def _delta_model() -> AudioFrame:
    event = decode_server_event(DELTA)
    assert isinstance(event, ResponseOutputAudioDelta)
    return AudioFrame(PCM_24K, base64.b64decode(event.delta, validate=True))


def _delta_encode_stdlib() -> bytes:
    event = {
        "type": "response.output_audio.delta",
        "event_id": IDS[0],
        "response_id": IDS[1],
        "item_id": IDS[2],
        "output_index": 0,
        "content_index": 0,
        "delta": base64.b64encode(SOUND).decode(),
    }
    return json.dumps(event).encode()


def _delta_encode_model() -> bytes:
    return encode_event(
        ResponseOutputAudioDelta(
            event_id=IDS[0],
            response_id=IDS[1],
            item_id=IDS[2],
            output_index=0,
            content_index=0,
            delta=base64.b64encode(SOUND).decode(),
        )
    )
