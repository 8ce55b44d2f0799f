"""Run the service until Ctrl-C or SIGTERM; open conversations may then finish for a moment."""

from __future__ import annotations

import argparse
import gc
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from voice.commands import logs, options
from voice.commands.terminal import say

if TYPE_CHECKING:
    from voice.config import Settings

EXAMPLES = """\
examples:
  voice serve                                        embedded engine: no key, no network
  voice serve --port 9000
  OPENAI_API_KEY=sk-… voice serve --engine openai    think and speak with OpenAI
  voice serve --engine ws://other:8080/v1/realtime   or with any server of that protocol
  voice serve --config voice.toml                    everything else is a setting
  voice keys add website && voice serve --host 0.0.0.0 --tls-cert chain.pem --tls-key key.pem

then, from another terminal or any realtime SDK:
  voice call question.wav --out answer.wav --url ws://127.0.0.1:8080/v1/realtime
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The words of this command."""
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", metavar="N", help="port to listen on (default 8080; 0: any free one)")
    parser.add_argument("--tls-cert", metavar="PEM", help="answer https:// and wss:// with this chain of certificates")
    parser.add_argument("--tls-key", metavar="PEM", help="its private key")
    options.add_settings(parser)
    parser.add_argument("--log-level", choices=logs.LEVELS, default="warning", help="how much to log (default warning)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    gc.disable()  # what loads now stays: to look for garbage in it was a tenth of the start
    try:
        _serve(arguments)
    finally:
        gc.unfreeze()
        gc.enable()
    return 0


def _serve(arguments: argparse.Namespace) -> None:
    settings = options.settings_of(
        arguments,
        server__host=arguments.host,
        server__port=arguments.port,
        server__tls_cert=arguments.tls_cert,
        server__tls_key=arguments.tls_key,
    )
    options.check_key(settings)
    settings = with_state(with_keys(settings))
    logs.configure(arguments.log_level)
    from voice.app import build_service
    from voice.net.loop import run as run_loop

    engine = settings.engine.url if settings.engine.kind == "url" else settings.engine.kind

    def ready(address: str) -> None:
        gc.enable()
        gc.freeze()  # and later looks need not pass it
        keys = "a key is needed · " if settings.server.keys_file else ""
        keys = keys or ("no key is needed, from nobody · " if settings.server.open_to_all else "")
        say(f"voice is ready on {address} · engine {engine} · {keys}Ctrl-C stops it")

    run_loop(build_service(settings).serve(ready))


def with_keys(settings: Settings) -> Settings:
    """Keys that are where `voice keys` puts them count too. A file that the settings name always does, even an empty
    one: then nobody gets in."""
    if settings.server.keys_file:
        return settings
    from voice.commands.keys import keys_path
    from voice.server.keys import KeyFile

    path = keys_path("")
    if not KeyFile(path).read():
        return settings
    return replace(settings, server=replace(settings.server, keys_file=str(path)))


def with_state(settings: Settings) -> Settings:
    """Limits of minutes and money outlive a restart also where nobody said where to keep what was used of them."""
    limits = settings.limits
    if settings.server.state_path or not (limits.minutes_per_key or limits.usd_per_key or limits.usd):
        return settings
    from voice.server.state import default_path

    return replace(settings, server=replace(settings.server, state_path=str(default_path(os.environ))))
