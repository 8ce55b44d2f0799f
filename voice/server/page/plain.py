"""The plain page at `/`: it says that the service is alive and how to connect."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from string import Template

# Read when the module is, so that no request waits for a disk.
_TEMPLATE = Template(files("voice.server.page").joinpath("plain.html").read_text(encoding="utf-8"))

_SOCKETS = {
    "/v1/realtime": "the realtime protocol",
    "/twilio": "Twilio media streams",
}
_ROUTES = {
    "/healthz": "whether the process is alive",
    "/readyz": "whether it takes another session, and if not, why",
    "/metrics": "counters for Prometheus",
}


def render(address: str, *, sockets: Iterable[str] = ("/v1/realtime",), key_needed: bool = False) -> str:
    """HTML for a service at `address` (`http://host:port`, from the settings and never from a request)."""
    base = address.rstrip("/")
    ws = "ws" + base.removeprefix("http")
    rows = [_row(path, f"websocket: {_SOCKETS.get(path, 'a socket')}") for path in sockets]
    rows += [_row(f'<a href="{path}">{path}</a>', what, html=True) for path, what in _ROUTES.items()]
    return _TEMPLATE.substitute(
        address=escape(base),
        socket=escape(f"{ws}/v1/realtime"),
        key="your key" if key_needed else "unused",
        rows="\n".join(rows),
    )


def _row(path: str, what: str, *, html: bool = False) -> str:
    return f"<tr><td><code>{path if html else escape(path)}</code></td><td>{escape(what)}</td></tr>"
