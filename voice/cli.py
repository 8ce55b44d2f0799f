"""The command line: find the command, parse its words, run it, and say in one sentence what went wrong.

Only the module of the chosen command is imported, and it imports what is heavy when it runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from voice import __version__
from voice.errors import VoiceError

COMMANDS = {
    "serve": "run the service: realtime endpoint, telephone streams, health and metrics",
    "call": "hold a whole conversation from a sound file and write down the answer",
    "talk": "talk with the assistant through this machine's microphone",
    "doctor": "say what is there, what is missing, and how to get it",
    "keys": "make, list and revoke the keys that clients must show",
    "tools": "list what the assistant may do",
    "replay": "run a recorded conversation again and compare every decision",
    "timeline": "draw a recorded conversation",
}
EXAMPLES = """\
begin here:
  voice doctor                                  is everything there?
  voice serve                                   the service, on this machine only
  voice call question.wav --out answer.wav      ask it something from a file
  voice talk                                    ask it something yourself

Every command explains itself: voice call --help
"""
INTERRUPTED = 130
BROKEN = 70


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers its exit code: 0 well, 2 something to put right by the caller, 130 stopped by Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parsed, unknown = build_parser(words).parse_known_args(words)
    if unknown:
        parsed.parser.refuse(unknown)
    try:
        return int(parsed.run(parsed))
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # whoever read us has gone; do not complain while closing
        return INTERRUPTED
    except VoiceError as error:
        if parsed.debug:
            raise
        print(f"voice: {error.person}", file=sys.stderr)
        return error.exit_code
    except Exception as error:
        if parsed.debug:
            raise
        fix = "This is a fault of voice itself. Run it again with --debug and report what it prints."
        print(f"voice: {type(error).__name__}. {fix}", file=sys.stderr)
        return BROKEN


def build_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for these words: every command is listed, only the chosen one is loaded."""
    parser = _Parser(
        prog="voice",
        description="A realtime voice assistant on your own machine.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"voice {__version__}")
    parser.set_defaults(debug=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name == chosen:
            _load(command, name, purpose)
    return parser


def _load(parser: argparse.ArgumentParser, name: str, purpose: str) -> None:
    module: Any = import_module(f"voice.commands.{name}")
    parser.description = module.__doc__ or purpose
    parser.epilog = module.EXAMPLES
    parser.add_argument("--debug", action="store_true", help="show the whole traceback when something fails")
    module.configure(parser)
    parser.set_defaults(run=module.run, parser=parser)


class _Parser(argparse.ArgumentParser):
    """Answers a misspelt command or option with the right one."""

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """These words are not this command's."""
        from difflib import get_close_matches

        wrong = words[0].partition("=")[0]
        known = [name for action in self._actions for name in action.option_strings]
        near = get_close_matches(wrong, known, n=1)
        self.error(f"{wrong!r} is no option of this command." + (f" Did you mean {near[0]}?" if near else ""))

    def error(self, message: str) -> NoReturn:
        if "argument COMMAND: invalid choice" in message:
            from difflib import get_close_matches

            wrong = message.split("'")[1]
            near = get_close_matches(wrong, COMMANDS, n=1)
            hint = f"Did you mean voice {near[0]}?" if near else f"There are: {', '.join(COMMANDS)}."
            message = f"there is no command {wrong!r}. {hint}"
        elif "arguments are required: COMMAND" in message:
            message = f"which command? {', '.join(COMMANDS)}. Begin with: voice doctor"
        self.exit(2, f"voice: {message}\nMore: {self.prog} --help\n")


if __name__ == "__main__":
    sys.exit(main())
