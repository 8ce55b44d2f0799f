"""Hold a whole conversation from a sound file: it is spoken in real time, and the answers are written down."""

from __future__ import annotations

import argparse
from pathlib import Path

from voice.commands import options
from voice.errors import AudioFileError, ConfigError

EXAMPLES = """\
examples:
  voice call question.wav --out answer.wav                         embedded engine, no service needed
  voice call question.wav --out answer.wav --timeline t.svg        and a picture of how it went
  voice call question.wav --url ws://127.0.0.1:8080/v1/realtime    over a running service
  voice call question.wav --stereo both.wav --trace t.jsonl --json

Any WAV will do: rate, width and channels are converted. The call ends when the file has ended and the
assistant has been silent for the time of --patience.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The words of this command."""
    parser.add_argument("source", type=Path, metavar="IN.wav", help="what the person says")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the assistant's voice, as it was heard (WAV)")
    parser.add_argument("--stereo", type=Path, metavar="FILE", help="write both: person left, assistant right (WAV)")
    options.add_recordings(parser)
    options.add_settings(parser)
    parser.add_argument(
        "--speed", type=float, default=1.0, metavar="X", help="so many times as fast as life (default 1)"
    )
    parser.add_argument(
        "--patience", type=float, default=5.0, metavar="S", help="wait so long for an answer (default 5)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON and nothing else")


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0 when something was answered, 1 when nobody answered."""
    if not arguments.source.is_file():
        raise AudioFileError(f"There is no file {arguments.source}.", fix="Check the path.")
    if not 0 < arguments.speed <= 100 or not 0 <= arguments.patience <= 3600:
        raise ConfigError("--speed is more than 0 and at most 100, --patience 0 to 3600 seconds.")
    settings = options.settings_of(arguments)
    options.check_key(settings)
    from voice.commands.holding import Recordings, hold
    from voice.transports.file import FileRules, FileTransport

    recordings = Recordings(arguments.trace, arguments.timeline, {"answer": arguments.out, "both": arguments.stereo})
    recordings.check()
    transport = FileTransport(
        arguments.source,
        rules=FileRules(speed=arguments.speed, quiet_s=arguments.patience),
        reply_to=arguments.out,
        stereo_to=arguments.stereo,
    )
    return hold(settings, transport, url=arguments.url, recordings=recordings, json_only=arguments.json)
