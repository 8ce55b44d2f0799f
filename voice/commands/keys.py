"""Make, list and revoke the keys that clients must show. With a key in the file, nobody gets in without one."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from voice.commands import options
from voice.commands.terminal import remark, say

if TYPE_CHECKING:
    from voice.server.keys import KeyFile

EXAMPLES = """\
examples:
  voice keys add website                             shows the key, once
  voice keys add prometheus --scope metrics
  voice keys add phone --scope realtime --scope calls
  voice keys list
  voice keys revoke website                          running services notice within seconds

scopes: realtime (open conversations) · calls (attend and end calls) · secrets (make client secrets) ·
metrics (read /metrics) · admin (everything). Without --scope: realtime, calls, secrets.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The words of this command."""
    from voice.server.keys import DEFAULT_SCOPES, SCOPES

    options.add_config(parser)
    verbs = parser.add_subparsers(dest="verb", metavar="add|list|revoke", required=True)
    add = verbs.add_parser("add", help="make a key and show it")
    add.add_argument("name", metavar="NAME", help="what the key is for")
    add.add_argument("--scope", action="append", choices=list(SCOPES), help=f"default: {', '.join(DEFAULT_SCOPES)}")
    listed = verbs.add_parser("list", help="show which keys there are, and what they may do")
    listed.add_argument("--json", action="store_true", help="for a program")
    revoke = verbs.add_parser("revoke", help="make a key useless")
    revoke.add_argument("name", metavar="NAME|ID", help="which one")


def run(arguments: argparse.Namespace) -> int:
    """Do what the verb says."""
    from voice.server.keys import KeyFile

    settings = options.settings_of(arguments)
    file = KeyFile(keys_path(settings.server.keys_file))
    if arguments.verb == "add":
        return _add(file, arguments)
    if arguments.verb == "list":
        return _list(file, as_json=arguments.json)
    gone = file.revoke(arguments.name)
    say(f"revoked {gone.name} ({gone.id})")
    return 0


def keys_path(configured: str) -> Path:
    """Where the keys are: where the settings say, else in the person's configuration folder."""
    from voice.server.keys import default_path

    return Path(configured) if configured else default_path(os.environ)


def _add(file: KeyFile, arguments: argparse.Namespace) -> int:
    from voice.server.keys import DEFAULT_SCOPES

    secret, key = file.add(arguments.name, arguments.scope or DEFAULT_SCOPES)
    say(secret)
    remark(f"This is the key {key.name!r} ({', '.join(key.scopes)}). Keep it: it is not shown again.")
    remark(f"Its hash is in {file.path}. Clients send it as: Authorization: Bearer {secret[:6]}…")
    return 0


def _list(file: KeyFile, *, as_json: bool) -> int:
    keys = file.read()
    if as_json:
        rows = [
            {"id": key.id, "name": key.name, "scopes": list(key.scopes), "ends_in": key.hint, "made": key.created_at}
            for key in keys
        ]
        say(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    if not keys:
        say(f"There are no keys in {file.path}. Make one: voice keys add NAME")
    wide = max((len(key.name) for key in keys), default=0)
    for key in keys:
        say(f"{key.name:{wide}}  {key.id}  …{key.hint}  {key.created_at[:10]}  {', '.join(key.scopes)}")
    return 0
