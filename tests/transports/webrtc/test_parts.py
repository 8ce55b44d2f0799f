"""What is relied on of aiortc's inside is still there."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

import pytest

pytest.importorskip("aiortc")

from voice.errors import TransportError
from voice.transports.webrtc import parts


async def missing_parts() -> list[str]:
    return parts.check()


def test_this_aiortc_has_every_part_that_we_touch() -> None:
    missing = asyncio.run(missing_parts())
    assert not missing, (
        f"aiortc {version('aiortc')} / aioice {version('aioice')} lack {', '.join(missing)}: see "
        "voice/transports/webrtc/parts.py for what each is used for, and pin the release before until that is mended."
    )


def test_these_are_the_releases_that_were_read() -> None:
    for name, tested in parts.TESTED.items():
        assert version(name).startswith(tested + "."), (
            f"{name} {version(name)} is installed and voice/transports/webrtc/parts.py was written for {tested}: "
            "read what changed in the parts it names, run tests/transports/webrtc, then write the new release there "
            "and into the extra `webrtc`."
        )


def test_a_release_without_one_of_them_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import aioice.ice

    monkeypatch.delattr(aioice.ice, "get_host_addresses")
    monkeypatch.setattr(parts, "_known_good", [])
    with pytest.raises(TransportError, match=r"aioice\.ice\.get_host_addresses is not there") as caught:
        asyncio.run(parts.load())
    assert "voice[webrtc]" in caught.value.fix
