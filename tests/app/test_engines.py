"""Which engine is made, and what it says when it is not let in."""

from __future__ import annotations

import pytest

from voice.app.engines import OPENAI_URL, remote_engines
from voice.config import EngineSettings


@pytest.mark.parametrize(
    ("url", "settings", "fix"),
    [
        (OPENAI_URL, EngineSettings(kind="openai"), "OPENAI_API_KEY"),
        ("wss://voice.example.com/v1/realtime", EngineSettings(api_key_env="VOICE_KEY"), "VOICE_KEY"),
        (
            "wss://voice.example.com/v1/realtime",
            EngineSettings(),
            "engine.api_key_env (or VOICE_ENGINE_API_KEY_ENV) to the name of the variable that holds it",
        ),
    ],
)
def test_a_server_that_wants_a_key_is_given_the_one_meant_for_it(url: str, settings: EngineSettings, fix: str) -> None:
    """OpenAI's key goes to OpenAI only: to set it would change nothing elsewhere."""
    engine = remote_engines(url, settings).make("sess_1")
    assert engine._asked.key_name == fix  # type: ignore[attr-defined]
