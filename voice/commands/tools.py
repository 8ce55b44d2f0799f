"""List what the assistant may do, what each tool does to the world (read, write, or irreversible), and whether it may
run: allow, ask (a person), or deny."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from voice.commands import options
from voice.commands.terminal import say

if TYPE_CHECKING:
    from voice.tools.policy import Policy
    from voice.tools.spec import Tool

EXAMPLES = """\
examples:
  voice tools
  voice tools --json
  VOICE_TOOLS_ENABLED=set_timer,calculate voice tools     only these
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The words of this command."""
    options.add_settings(parser)
    parser.add_argument("--json", action="store_true", help="names, descriptions and schemas as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the tools that the present settings allow."""
    settings = options.settings_of(arguments)
    from voice.app import open_tools

    executor = open_tools(settings)
    tools, policy = list(executor.registry), executor.policy
    if arguments.json:
        say(json.dumps([_facts(tool, policy) for tool in tools], indent=2, ensure_ascii=False))
        return 0
    wide = max((len(tool.name) for tool in tools), default=0)
    for tool in tools:
        does = tool.description.partition(". ")[0]
        say(f"{tool.name:{wide}}  {tool.side_effect:12}  {policy.verdict(tool):5}  {does}")
    return 0


def _facts(tool: Tool, policy: Policy) -> dict[str, object]:
    return {
        "name": tool.name,
        "description": tool.description,
        "side_effect": tool.side_effect,
        "policy": policy.verdict(tool),
        "timeout_s": tool.timeout_s,
        "parameters": dict(tool.parameters),
    }
