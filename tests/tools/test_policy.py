"""Which tools run, which wait for a person, and which do not run at all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from tests.tools.test_executor import Nobody
from voice.errors import ConfigError
from voice.tools.audit import AuditRing
from voice.tools.clock import ManualClock
from voice.tools.executor import Executor
from voice.tools.policy import DEFAULTS, Policy, Verdict, policy_of
from voice.tools.registry import Registry
from voice.tools.spec import Call, Outcome, SideEffect, Tool, ToolContext

NOTHING: dict[str, Any] = {"type": "object", "properties": {}}


async def act(arguments: Mapping[str, Any], context: ToolContext) -> object:
    return "acted"


def tool(name: str = "wipe", side_effect: SideEffect = "irreversible") -> Tool:
    return Tool(name, "Does something.", NOTHING, act, side_effect=side_effect)


def run(policy: Policy, approved_by: str = "") -> tuple[Outcome, AuditRing]:
    audit = AuditRing()
    executor = Executor(Registry([tool()]), audit, ManualClock(), policy)
    return asyncio.run(executor.run(Call("c1", "wipe", "{}", "s1", approved_by), Nobody())), audit


@pytest.mark.parametrize(("side_effect", "verdict"), DEFAULTS.items())
def test_without_rows_only_what_cannot_be_undone_is_asked_for(side_effect: SideEffect, verdict: Verdict) -> None:
    assert Policy().verdict(tool(side_effect=side_effect)) == verdict
    assert (verdict == "allow") == (side_effect != "irreversible")


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ({"irreversible": "deny"}, "deny"),
        ({"wipe": "allow"}, "allow"),
        ({"wipe": "allow", "irreversible": "deny"}, "allow"),
        ({"write": "deny", "other": "deny"}, "ask"),
    ],
)
def test_a_tools_own_row_wins_over_its_class(rows: dict[str, Verdict], verdict: Verdict) -> None:
    assert Policy(rows).verdict(tool()) == verdict
    assert Policy(rows).table([tool()]) == {"wipe": verdict}


def test_a_row_for_nothing_is_a_mistake() -> None:
    assert policy_of({"read": "ask", "wipe": "deny"}, [tool()]).rows == {"read": "ask", "wipe": "deny"}
    with pytest.raises(ConfigError, match="'wype'"):
        policy_of({"wype": "deny"}, [tool()])


def test_what_needs_an_approval_does_not_run_without_one_even_if_nobody_asked() -> None:
    outcome, audit = run(Policy())
    assert (outcome.ok, outcome.code) == (False, "tool_refused")
    assert outcome.output == "wipe needs the approval of a person first."
    assert [(record.ok, record.approved_by) for record in audit.records] == [(False, "")]


def test_the_record_says_who_approved() -> None:
    outcome, audit = run(Policy(), "client")
    assert (outcome.ok, outcome.output) == (True, "acted")
    assert [(record.ok, record.approved_by) for record in audit.records] == [(True, "client")]


def test_what_is_forbidden_does_not_run_whoever_approves() -> None:
    outcome, _ = run(Policy({"wipe": "deny"}), "client")
    assert (outcome.code, outcome.output) == ("tool_refused", "wipe may not be used here.")
