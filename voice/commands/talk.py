"""Talk with the assistant through this machine's microphone and loudspeaker."""

from __future__ import annotations

import argparse
import os
import sys

from voice.commands import options
from voice.errors import ConfigError

EXAMPLES = """\
examples:
  voice talk                          press space, speak, press space again; Esc takes it back, q hangs up
  voice talk --open-mic               just speak; wear headphones, or it hears itself
  voice talk --engine openai          with your OPENAI_API_KEY
  voice talk --input-device USB --trace t.jsonl --timeline t.svg

It needs: pip install 'voice[desktop]'. Which devices there are: voice doctor
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The words of this command."""
    parser.add_argument("--open-mic", action="store_true", help="no talk key: the pauses tell whose turn it is")
    parser.add_argument("--input-device", metavar="NAME|N", help="microphone (default: the system's)")
    parser.add_argument("--output-device", metavar="NAME|N", help="loudspeaker (default: the system's)")
    options.add_recordings(parser)
    options.add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Talk until q, Ctrl-C, or the far end hangs up."""
    if not arguments.open_mic and (os.name == "nt" or not sys.stdin.isatty()):
        raise ConfigError("There is no terminal here to press the talk key in.", fix="Use: voice talk --open-mic")
    mode = "server_vad" if arguments.open_mic else "push_to_talk"
    settings = options.settings_of(arguments, turns__mode=mode)
    options.check_key(settings)
    from voice.commands.holding import Recordings, hold
    from voice.commands.keyboard import Keyboard
    from voice.transports.microphone import MicrophoneTransport

    recordings = Recordings(arguments.trace, arguments.timeline, {})
    recordings.check()
    has_keys = os.name != "nt" and sys.stdin.isatty()
    transport = MicrophoneTransport(
        _device(arguments.input_device), _device(arguments.output_device), can_approve=has_keys
    )
    keyboard = Keyboard(transport, talk_key=not arguments.open_mic)
    hint = "speak · q hangs up" if arguments.open_mic else "space: speak, space: done, Esc: take it back · q hangs up"
    return hold(settings, transport, url=arguments.url, recordings=recordings, keyboard=keyboard, hint=hint)


def _device(name: str | None) -> int | str | None:
    return int(name) if name is not None and name.isdigit() else name
