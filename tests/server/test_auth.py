"""Who is asking, as a table; and how often they may."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.config import LimitSettings
from voice.errors import RequestRefused
from voice.protocol.settings import Session
from voice.server.auth import Authority
from voice.server.keys import KeyFile
from voice.server.rates import Rate
from voice.server.secrets import ClientSecrets

FREE = LimitSettings(requests_per_minute=0, failures_per_minute=0)


class Scene:
    def __init__(self, folder: Path, limits: LimitSettings = FREE, **more: object) -> None:
        self.now = 1_000.0
        self.file = KeyFile(folder / "keys.json")
        self.value, self.key = self.file.add("one", ["realtime"])
        self.secrets = ClientSecrets(10, lambda: self.now)
        self.authority = Authority(
            self.file.read(),
            self.secrets,
            limits,
            clock=lambda: self.now,
            **more,  # type: ignore[arg-type]
        )

    def code(self, header: str = "", *subprotocols: str, client: str = "10.0.0.1", **query: str) -> str:
        headers = {"authorization": header} if header else {}
        try:
            caller = self.authority.identify(headers, client, query=query, subprotocols=subprotocols)
        except RequestRefused as refused:
            return refused.code
        return caller.kind


def test_how_a_key_may_be_shown(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    key = scene.value
    for header, expected in [
        (f"Bearer {key}", "key"),
        (f"bearer   {key} ", "key"),
        (f"Basic {key}", "missing_api_key"),
        (key, "missing_api_key"),
        ("Bearer", "missing_api_key"),
        ("", "missing_api_key"),
        (f"Bearer {key}x", "invalid_api_key"),
        (f"Bearer {key[:-1]}", "invalid_api_key"),
        ("Bearer \udcff", "invalid_api_key"),
    ]:
        assert scene.code(header) == expected, header
    assert scene.code("", "realtime", f"openai-insecure-api-key.{key}") == "key"
    assert scene.code("", f"openai-insecure-api-key.{key}x") == "invalid_api_key"
    assert scene.code("Bearer wrong", f"openai-insecure-api-key.{key}") == "invalid_api_key", "the header counts"
    assert scene.code(f"Bearer {key}", model="gpt-realtime") == "key"
    assert scene.code(f"Bearer {key}", model=key) == "key_in_url"


def test_a_secret_is_known_by_what_it_is(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    secret = scene.secrets.make(scene.key.id, "default", Session(), lasts_s=10)
    assert scene.code(f"Bearer {secret.value}") == "secret"
    scene.now += 9.9
    assert scene.code(f"Bearer {secret.value}") == "secret"
    scene.now += 0.2
    assert scene.code(f"Bearer {secret.value}") == "expired_client_secret"
    assert scene.code(f"Bearer {secret.value}") == "expired_client_secret", "also when it is forgotten"
    assert len(scene.secrets) == 0


def test_another_process_has_another_signature(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    foreign = ClientSecrets(10, lambda: scene.now).make("key_1", "default", Session())
    assert scene.code(f"Bearer {foreign.value}") == "invalid_client_secret"


@given(st.text(max_size=80))
def test_no_invented_secret_is_taken(text: str) -> None:
    secrets = ClientSecrets(10, lambda: 0.0)
    secrets.make("key_1", "default", Session())
    with pytest.raises(RequestRefused, match="not valid"):
        secrets.open("ek_" + text)


@given(st.integers(0, 54), st.integers(1, 63))
def test_no_changed_secret_is_taken(place: int, change: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    secrets = ClientSecrets(10, lambda: 0.0)
    value = secrets.make("key_1", "default", Session()).value
    body = list(value[3:])
    body[place % len(body)] = alphabet[(alphabet.index(body[place % len(body)]) + change) % 64]
    with pytest.raises(RequestRefused, match="not valid"):
        secrets.open("ek_" + "".join(body))


def test_what_a_secret_says_in_logs_is_not_its_value(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    secret = scene.secrets.make("key_1", "default", Session())
    caller = scene.authority.identify({"authorization": f"Bearer {secret.value}"}, "10.0.0.1")
    assert secret.value not in repr(secret)
    assert secret.value not in repr(caller)


def test_the_address_is_what_the_nearest_trusted_proxy_saw(tmp_path: Path) -> None:
    scene = Scene(tmp_path, trusted_proxies=("10.0.0.2", "10.0.0.3"))
    for client, forwarded, expected in [
        ("8.8.8.8", "", "8.8.8.8"),
        ("8.8.8.8", "1.1.1.1", "8.8.8.8"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.2", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        ("10.0.0.2", "1.1.1.1, 10.0.0.3", "1.1.1.1"),
    ]:
        assert scene.authority.address({"x-forwarded-for": forwarded}, client) == expected


def test_a_rate_refills_evenly_and_names_are_apart() -> None:
    rate = Rate(60)
    assert [rate.take("a", 0.0) for _ in range(60)] == [0.0] * 60
    assert rate.take("a", 0.0) == pytest.approx(1.0)
    assert rate.take("a", 0.5) == pytest.approx(0.5)
    assert rate.take("b", 0.5) == 0.0
    assert rate.take("a", 1.0) == 0.0
    assert rate.take("a", 1.0) > 0
    assert rate.take("a", 0.9) > 0, "a clock that goes back gives nothing"
    assert [rate.take("a", 1_000.0) for _ in range(61)].count(0.0) == 60


def test_a_rate_of_nothing_is_no_limit() -> None:
    rate = Rate(0)
    assert {rate.take("a", 0.0) for _ in range(1_000)} == {0.0}


def test_what_is_remembered_of_callers_is_bounded() -> None:
    rate = Rate(1)
    for number in range(30_000):
        rate.take(str(number), 0.0)
    assert len(rate._buckets) == 20_000
