"""The bridge's figures for people: one row per figure and system."""

from __future__ import annotations

SHOWN = (
    ("cpu_s_per_session_min", "CPU s per session-minute", "{:.3f}"),
    ("cpu_vs_limit", "CPU × limit", "{:.2f}"),
    ("cpu_vs_limit_pass", "CPU × limit-pass", "{:.2f}"),
    ("uplink_p50_ms", "uplink p50, ms", "{:.2f}"),
    ("uplink_p99_ms", "uplink p99, ms", "{:.2f}"),
    ("downlink_p50_ms", "downlink p50, ms", "{:.2f}"),
    ("downlink_p99_ms", "downlink p99, ms", "{:.2f}"),
    ("barge_p50_ms", "speech started → clear p50, ms", "{:.2f}"),
    ("barge_p99_ms", "speech started → clear p99, ms", "{:.2f}"),
    ("stale_ms", "stale sound after clear, worst, ms", "{:.0f}"),
    ("underrun_ms", "underrun inside a reply, worst, ms", "{:.1f}"),
    ("setup_p50_ms", "set-up p50, ms", "{:.1f}"),
    ("rss_mb_per_session", "memory per further session, MB", "{:.3f}"),
    ("rss_base_mb", "memory when ready, MB", "{:.0f}"),
    ("lost", "lost", "{:.0f}"),
    ("callers_lag_p99_ms", "harness lag p99, ms", "{:.1f}"),
    ("max_sessions", "most sessions, uplink p99 < 20 ms, none lost", "{:.0f}"),
)


def rows(figures: dict[str, float]) -> list[tuple[str, str]]:
    """Each figure once, with every system's value: ours first, the others by name."""
    prefixes = list(dict.fromkeys(key.rpartition(".")[0] for key in figures))
    found = []
    for key, label, form in SHOWN:
        values = []
        for prefix in prefixes:
            value = figures.get(f"{prefix}.{key}" if prefix else key)
            if value is not None:
                values.append(f"{prefix} {form.format(value)}".strip())
        if values:
            found.append((label, "\n".join(values)))
    return found
