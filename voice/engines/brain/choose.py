"""Makes the brain that the settings name."""

from __future__ import annotations

from typing import Literal

from voice.engines.stages import Brain
from voice.errors import ConfigError

OPENAI_URL = "https://api.openai.com/v1"

BrainName = Literal["intents", "responses", "chat"]


def choose_brain(
    name: BrainName, *, url: str = "", model: str = "", api_key: str = "", language: str = "en", images: bool = True
) -> Brain:
    """`intents` is embedded and needs nothing; the others need a model and use OpenAI when no `url` is given.

    Raises ConfigError with the setting that is missing or wrong.
    """
    if name == "intents":
        from voice.engines.brain.intents import IntentsBrain

        return IntentsBrain(language=language)
    if name not in {"responses", "chat"}:
        raise ConfigError(f"There is no brain named {name!r}.", fix="Choose intents, responses or chat.")
    if not model:
        raise ConfigError(f"The brain {name!r} needs the name of a model.", fix="Set local.brain_model.")
    if not url and not api_key:
        raise ConfigError(
            f"The brain {name!r} needs a key or the address of a server.", fix="Set OPENAI_API_KEY or local.brain_url."
        )
    from voice.models.streaming import ModelServer

    server = ModelServer(url or OPENAI_URL, api_key)
    if name == "responses":
        from voice.engines.brain.responses import ResponsesBrain
        from voice.models.responses import ResponsesModel

        return ResponsesBrain(ResponsesModel(server, model), images=images)
    from voice.engines.brain.chat import ChatBrain
    from voice.models.chat import ChatModel

    return ChatBrain(ChatModel(server, model), images=images)
