"""What the settings of WebRTC must look like beyond their types: ports, addresses, servers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from voice.config.given import Given

_RANGE = re.compile(r"(\d{1,5})-(\d{1,5})")
_SERVER = re.compile(r"(stun|turns?):(\[[0-9a-fA-F:]+\]|[^:?/\s\[\]]+)(:\d{1,5})?(\?transport=(udp|tcp))?")


def port_range(text: str) -> range | None:
    """The ports that "50000-50200" names; None for any. Raises ValueError."""
    if not text:
        return None
    found = _RANGE.fullmatch(text.replace(" ", ""))
    if found is None:
        raise ValueError(text)
    low, high = int(found[1]), int(found[2])
    if not 1 <= low <= high <= 65_535:
        raise ValueError(text)
    return range(low, high + 1)


def check_rtc(given: Mapping[str, Given]) -> None:
    """Raises ConfigError for a value that cannot be right."""
    if item := given.get("webrtc.udp_ports"):
        try:
            port_range(str(item.value))
        except ValueError:
            item.refuse(f'a range of ports like "50000-50200", not {item.value!r}')
    for name in ("webrtc.public_address", "webrtc.addresses"):
        if item := given.get(name):
            _check_addresses(item)
    if item := given.get("webrtc.ice_servers"):
        for server in _each(item.value):
            if not _SERVER.fullmatch(server):
                item.refuse(f'servers like "stun:host:3478" or "turn:host:3478?transport=udp", not {server!r}')


def _check_addresses(item: Given) -> None:
    from ipaddress import ip_address  # not for a start that names none

    for text in _each(item.value):
        try:
            ip_address(text)
        except ValueError:
            item.refuse(f'an IP address like "203.0.113.7", not {text!r}')


def _each(value: object) -> Iterable[str]:
    if isinstance(value, list | tuple):
        return [str(part) for part in value]
    return [part.strip() for part in str(value).split(",") if part.strip()]
