"""What the transport wants to be told, whoever tells it."""

from __future__ import annotations

from typing import Protocol


class RtcSettings(Protocol):
    """See the section `[webrtc]` of the settings for what each means."""

    @property
    def udp_ports(self) -> str: ...

    @property
    def addresses(self) -> tuple[str, ...]: ...

    @property
    def public_address(self) -> str: ...

    @property
    def ice_servers(self) -> tuple[str, ...]: ...

    @property
    def ice_username(self) -> str: ...

    @property
    def ice_credential(self) -> str: ...

    @property
    def relay_only(self) -> bool: ...

    @property
    def bitrate(self) -> int: ...

    @property
    def complexity(self) -> int: ...

    @property
    def fec(self) -> bool: ...

    @property
    def dtx(self) -> bool: ...

    @property
    def lost_after_s(self) -> float: ...

    @property
    def connect_s(self) -> float: ...


def ports_of(settings: RtcSettings) -> range | None:
    """The ports of "50000-50200"; None for any."""
    low, _, high = settings.udp_ports.replace(" ", "").partition("-")
    return range(int(low), int(high) + 1) if low else None
