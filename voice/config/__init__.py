"""Settings: one TOML file, then `VOICE_*` variables, then flags; the later one wins.

`[server] port` in the file is `VOICE_SERVER_PORT` in the environment and `server.port` among the overrides.
A setting that cannot be right raises ConfigError, which says where it stands and what was expected there.
Keys live in the environment only: `OPENAI_API_KEY`, or the variable that `engine.api_key_env` names.
"""

from __future__ import annotations

from voice.config.loading import engine_choice, load
from voice.config.records import (
    AssistantSettings,
    EngineSettings,
    LimitSettings,
    LocalSettings,
    OverrideSettings,
    PriceSettings,
    ServerSettings,
    SessionSettings,
    Settings,
    ToolSettings,
    TurnSettings,
    variable,
)

__all__ = [
    "AssistantSettings",
    "EngineSettings",
    "LimitSettings",
    "LocalSettings",
    "OverrideSettings",
    "PriceSettings",
    "ServerSettings",
    "SessionSettings",
    "Settings",
    "ToolSettings",
    "TurnSettings",
    "engine_choice",
    "load",
    "variable",
]
