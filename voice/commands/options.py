"""Words that several commands share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from voice.errors import ConfigError

if TYPE_CHECKING:
    from voice.config import Settings


def add_config(parser: argparse.ArgumentParser) -> None:
    """Which settings file."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings file (TOML); default: $VOICE_CONFIG, or none"
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Which settings file, and which engine."""
    add_config(parser)
    parser.add_argument(
        "--engine",
        metavar="local|openai|URL",
        help="what listens, thinks and speaks; default: $UPSTREAM_URL, or the embedded engine",
    )


def add_recordings(parser: argparse.ArgumentParser) -> None:
    """What to keep of a conversation, and with whom to have it."""
    parser.add_argument("--url", metavar="ws://…/v1/realtime", help="talk to a running realtime service instead")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="write every event and decision (JSON lines)")
    parser.add_argument("--timeline", type=Path, metavar="FILE", help="draw the conversation (.svg or .png)")


def settings_of(arguments: argparse.Namespace, **overrides: object) -> Settings:
    """Settings from the file, the environment and these words; `server__port=9000` overrides `server.port`."""
    from voice.config import engine_choice, load

    chosen: dict[str, object] = {name.replace("__", "."): value for name, value in overrides.items()}
    url = getattr(arguments, "url", None)
    engine = getattr(arguments, "engine", None)
    if engine and url:
        raise ConfigError("--engine and --url both say who answers.", fix="Give one of them.")
    if url:  # a server like any other: it gets the key that was meant for it, and no other one
        chosen.update({"engine.kind": "url", "engine.url": url})
    if engine:
        chosen.update(engine_choice(engine))
    path = arguments.config
    if path is None and os.environ.get("VOICE_CONFIG"):
        path = Path(os.environ["VOICE_CONFIG"])
    return load(path, os.environ, chosen)


def check_writable(*paths: Path | None) -> None:
    """Find out before a long conversation, not after it, that a file has no place to go. Raises ConfigError."""
    for path in paths:
        if path is None:
            continue
        if not path.parent.is_dir():
            raise ConfigError(f"{path} cannot be written: there is no folder {path.parent}.", fix="Make it first.")
        if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            raise ConfigError(f"{path} cannot be written.", fix="Choose another place.")


def check_picture(path: Path | None) -> None:
    """Only two kinds of picture can be drawn. Raises ConfigError or ExtraMissing."""
    if path is None:
        return
    if path.suffix.lower() not in (".svg", ".png"):
        raise ConfigError(f"{path} is neither .svg nor .png.", fix="Name it timeline.svg, for instance.")
    if path.suffix.lower() == ".png":
        from voice.timeline.png import check

        check()


def check_key(settings: Settings) -> None:
    """OpenAI answers nobody without a key: say so before anything is opened. Raises ConfigError."""
    if settings.engine.kind == "openai" and not settings.engine.api_key:
        raise ConfigError("There is no key for OpenAI.", fix="Set it: export OPENAI_API_KEY=sk-…")
