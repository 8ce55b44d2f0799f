"""Where an engine is, however somebody wrote it down."""

from __future__ import annotations

import pytest

from voice.engines.endpoint import OPENAI_URL, credentials, endpoint, is_clear_text
from voice.errors import ConfigError


@pytest.mark.parametrize(
    ("said", "model", "meant"),
    [
        (OPENAI_URL, "m", "wss://api.openai.com/v1/realtime?model=m"),
        ("https://api.openai.com/v1", "m", "wss://api.openai.com/v1/realtime?model=m"),
        ("https://api.openai.com/v1/", None, "wss://api.openai.com/v1/realtime"),
        ("http://127.0.0.1:8080", None, "ws://127.0.0.1:8080/v1/realtime"),
        ("ws://127.0.0.1:8080/v1/realtime", "a b", "ws://127.0.0.1:8080/v1/realtime?model=a+b"),
        ("https://x.openai.azure.com/openai/v1", "d", "wss://x.openai.azure.com/openai/v1/realtime?model=d"),
        ("wss://host/realtime?model=theirs", "ours", "wss://host/realtime?model=theirs"),
        ("wss://host/v1/realtime?call_id=rtc_1", "ours", "wss://host/v1/realtime?call_id=rtc_1"),
    ],
)
def test_addresses(said: str, model: str | None, meant: str) -> None:
    assert endpoint(said, model) == meant


@pytest.mark.parametrize(
    "said",
    ["", "host:8080", "ftp://host/", "https://", "wss://host/realtime?api-key=swordfish", "wss://u:swordfish@host/"],
)
def test_no_address_and_no_key_in_one(said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        endpoint(said)
    assert "swordfish" not in refused.value.person


def test_the_key_goes_into_the_header_that_the_host_reads() -> None:
    assert credentials("wss://api.openai.com/v1/realtime", " k\n") == {"Authorization": "Bearer k"}
    assert credentials("wss://x.openai.azure.com/openai/v1/realtime", "k") == {"api-key": "k"}
    assert credentials("ws://127.0.0.1/", None) == {}


@pytest.mark.parametrize("key", ["two words", "with\r\nHeader: injected", "schlüssel"])
def test_what_cannot_be_a_key(key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        credentials("wss://host/", key)
    assert key not in refused.value.person


def test_what_can_be_read_on_the_way() -> None:
    assert is_clear_text("ws://example.com/")
    assert not is_clear_text("wss://example.com/")
    assert not is_clear_text("ws://127.0.0.1:8080/")
