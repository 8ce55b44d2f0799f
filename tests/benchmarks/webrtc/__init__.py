"""What a WebRTC call costs and how late its sound is, beside stock aiortc and in a real browser."""

from __future__ import annotations

import asyncio

from tests.benchmarks.webrtc.chromium import has_chromium, measure_latency
from tests.benchmarks.webrtc.cpu import measure_cpu

METHOD = (
    "CPU: the server's process alone, sound both ways all the time, clients in another process (stock aiortc with "
    "packets made before), ours and stock in turns, the best of each. Latency: headless Chromium on this machine, "
    "one clock; microphone: a burst's first sample to the frame that holds it, decoded; ear: play() to the first "
    "sample that the page taps; after the loss of 5 % of packets, often two in a row. A busy machine makes "
    "Chromium's own buffer longer"
)
CALLS = (1, 5, 10)
SECONDS = 4.0
TURNS = 4


def run() -> dict[str, float]:
    """CPU milliseconds per call and second, latencies in milliseconds; a latency that was not measured is absent."""
    figures: dict[str, float] = {}
    for calls in CALLS:
        figures |= asyncio.run(measure_cpu(calls, seconds=SECONDS, turns=TURNS))
    most = CALLS[-1]
    figures["cpu_ms_per_call_s"] = figures[f"cpu_ms_per_call_s_{most}"]
    figures["cpu_vs_stock"] = figures["cpu_ms_per_call_s"] / figures[f"stock_cpu_ms_per_call_s_{most}"]
    if has_chromium():
        figures |= asyncio.run(measure_latency())
    return figures


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
    ):
        if key in figures:
            rows.append((name, f"{figures[key]:.0f} ms"))
    return rows
