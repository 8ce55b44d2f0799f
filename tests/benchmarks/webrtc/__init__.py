"""What a WebRTC call costs and how late its sound is, beside stock aiortc and in a real browser."""

from __future__ import annotations

import asyncio

from tests.benchmarks.webrtc.chromium import has_chromium, measure_latency
from tests.benchmarks.webrtc.cpu import measure_cpu

METHOD = (
    "CPU: the server's process alone, sound both ways all the time, clients in another process (stock aiortc with "
    "packets made before), ours and stock in turns, the best of each. Latency: headless Chromium on this machine, with "
    "its own play-out, because that is what people have; the audio clock is compared with the other one all the time; "
    "microphone: a burst's first sample to the frame that holds it, decoded; ear: play() to the first sample that the "
    "page taps, with what the loudspeaker needs left out; after losses: once 5 % of packets of both directions, often "
    "two in a row, have been lost for 4 s and are not any more. Gaps: 10 ms of a steady hum that are 12 dB softer than "
    "it, for each packet lost of it, at the tap and decoded at the server. Two calls, the smaller latency (a busy "
    "machine makes Chromium's own buffer longer) and the larger gap"
)
CALLS = (1, 5, 10)
SECONDS = 4.0
TURNS = 4
SCENES = 2


def run() -> dict[str, float]:
    """CPU milliseconds per call and second, latencies in milliseconds; a latency that was not measured is absent."""
    figures: dict[str, float] = {}
    for calls in CALLS:
        figures |= asyncio.run(measure_cpu(calls, seconds=SECONDS, turns=TURNS))
    most = CALLS[-1]
    figures["cpu_ms_per_call_s"] = figures[f"cpu_ms_per_call_s_{most}"]
    figures["cpu_vs_stock"] = figures["cpu_ms_per_call_s"] / figures[f"stock_cpu_ms_per_call_s_{most}"]
    if has_chromium():
        figures |= latencies()
    return figures


def latencies() -> dict[str, float]:
    """Of several scenes, what the machine added least to, and the worst of what it has no part in."""
    scenes = [asyncio.run(measure_latency()) for _ in range(SCENES)]
    return {key: (max if "gap" in key else min)(scene[key] for scene in scenes) for key in scenes[0]}


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    """The same for people."""
    rows = []
    for calls in CALLS:
        ours, stock = figures[f"cpu_ms_per_call_s_{calls}"], figures[f"stock_cpu_ms_per_call_s_{calls}"]
        rows.append((f"CPU per call-second, {calls} calls", f"{ours:.1f} ms (stock {stock:.1f}, × {ours / stock:.2f})"))
    for key, name in (
        ("connect_ms", "offer to connected"),
        ("mic_to_server_ms", "microphone to server"),
        ("mic_to_server_after_loss_ms", "microphone to server, after losses"),
        ("server_to_ear_ms", "server to ear"),
        ("server_to_ear_after_loss_ms", "server to ear, after losses"),
        ("mic_gap_ms_per_lost_packet", "missing at the server, per lost packet"),
        ("ear_gap_ms_per_lost_packet", "missing at the ear, per lost packet"),
    ):
        if key in figures:
            rows.append((name, f"{figures[key]:.{1 if 'gap' in key else 0}f} ms"))
    return rows
