"""The published table, written from what was seen."""

from __future__ import annotations

from tests.conformance.reasons import REASONS
from tests.conformance.run import CLIENT_EVENTS, ITEMS, SERVER_EVENTS, Seen

_SHOWN = 3
_HEAD = """\
# Conformance with the realtime protocol

What `WS /v1/realtime` and calls over WebRTC understand and say, by the events of the GA protocol as the official
`openai` package defines them; the routes beside it are in [http.md](http.md). This page is written by
`python -m tests.conformance` from a run of its scenes against the service with the embedded engine; a test fails when
it no longer tells what happens. Every event in that run, in both directions, is read by the official types without
complaint. `output_audio_buffer.*` are said where the server plays the sound (WebRTC).
"""
_CLIENT = """
## Client events: {count} of {all}

| event | sent in |
|---|---|
"""
_SERVER = """
## Server events: {count} of {all}

| event | heard in |
|---|---|
"""
_ITEMS = """
## Items: {count} of {all}

| item | created by the client in | shown by the service in |
|---|---|---|
"""
_NOT_YET = """
## Not said here, and why

| event | reason |
|---|---|
"""


def render(seen: Seen) -> str:
    """The page in Markdown."""
    heard = [name for name in SERVER_EVENTS if name in seen.heard]
    silent = [name for name in SERVER_EVENTS if name not in seen.heard]
    return "".join(
        (
            _HEAD,
            _CLIENT.format(count=len(seen.sent), all=len(CLIENT_EVENTS)),
            *(_row(name, _some(seen.sent.get(name, []))) for name in CLIENT_EVENTS),
            _SERVER.format(count=len(heard), all=len(SERVER_EVENTS)),
            *(_row(name, _some(seen.heard[name])) for name in heard),
            _ITEMS.format(count=len(set(seen.items_sent) | set(seen.items_heard)), all=len(ITEMS)),
            *(f"| {name} | {_places(seen.items_sent, name)} | {_places(seen.items_heard, name)} |\n" for name in ITEMS),
            _NOT_YET,
            *(_row(name, REASONS.get(name, "**missing**")) for name in silent),
        )
    )


def _row(name: str, text: str) -> str:
    return f"| `{name}` | {text} |\n"


def _places(found: dict[str, list[str]], name: str) -> str:
    return _some(found[name]) if name in found else "–"


def _some(titles: list[str]) -> str:
    more = f"; and {len(titles) - _SHOWN} more" if len(titles) > _SHOWN else ""
    return "; ".join(titles[:_SHOWN]) + more if titles else "**never**"
