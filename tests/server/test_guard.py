"""Who may knock, as a table."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from voice.config import ServerSettings
from voice.errors import ConfigError
from voice.server.guard import Guard, check_bind, check_reach

GUARD = Guard(("voice.example.com", "*.internal.example", "10.0.0.5"), ("https://app.example.org",))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", None),
        ("LocalHost:8080", None),
        ("127.0.0.1:9", None),
        ("[::1]:8080", None),
        ("voice.example.com:443", None),
        ("a.internal.example", None),
        ("10.0.0.5", None),
        ("internal.example", 421),
        ("evil-internal.example", 421),
        ("evil.example.com", 421),
        ("voice.example.com.evil.net", 421),
        ("localhost, evil.net", 400),
        ("", 400),
    ],
)
def test_hosts(host: str, status: int | None) -> None:
    refusal = GUARD.check_host({"host": host})
    assert (refusal.status if refusal else None) == status
    if refusal:
        assert json.loads(refusal.body)["error"]["message"]


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost:8080", None, None),
        ("localhost:8080", "http://localhost:8080", None),
        ("voice.example.com", "https://voice.example.com", None),
        ("localhost:8080", "https://app.example.org", None),
        ("localhost:8080", "http://localhost:3000", 403),
        ("localhost:8080", "https://evil.net", 403),
        ("localhost:8080", "null", 403),
        ("localhost:8080", "", 403),
        ("localhost:8080", "http://[", 403),
        ("evil.net", "http://evil.net", 421),
    ],
)
def test_origins(host: str, origin: str | None, status: int | None) -> None:
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    refusal = GUARD.check_socket("/", headers)
    assert (refusal.status if refusal else None) == status


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_key(host: str) -> None:
    check_bind(host, authenticated=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "voice.example.com"])
def test_elsewhere_a_key_is_needed(host: str) -> None:
    with pytest.raises(ConfigError, match="anybody") as refused:
        check_bind(host, authenticated=False)
    assert "127.0.0.1" in refused.value.fix
    check_bind(host, authenticated=True)


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (ServerSettings(), ""),
        (ServerSettings(host="::1", public_origin="http://localhost:8080", allowed_hosts=("127.0.0.1:9",)), ""),
        (ServerSettings(host="0.0.0.0"), "Listening on 0.0.0.0"),
        (ServerSettings(public_origin="https://voice.example.com"), "Being reached as voice.example.com"),
        (ServerSettings(allowed_hosts=("localhost", "*.example.com")), "Being reached as *.example.com"),
        (ServerSettings(trusted_proxies=("127.0.0.1",)), "Standing behind a proxy"),
    ],
)
def test_where_others_can_reach_us_a_key_is_needed_or_somebody_says_that_none_is(
    server: ServerSettings, told: str
) -> None:
    check_reach(server, authenticated=True)
    check_reach(replace(server, open_to_all=True), authenticated=False)
    if not told:
        check_reach(server, authenticated=False)
        return
    with pytest.raises(ConfigError) as refused:
        check_reach(server, authenticated=False)
    assert refused.value.message.startswith(told)
    assert "voice keys add" in refused.value.fix
    assert "open_to_all" in refused.value.fix
