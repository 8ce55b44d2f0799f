"""The list of server errors tells what the session does."""

from __future__ import annotations

from tests.conformance.errors_page import DONE, MEANINGS, render
from tests.conformance.pages import ERRORS, HOW
from voice.session.refusals import ACTIONS, Action


def test_every_code_and_every_action_is_explained() -> None:
    assert set(MEANINGS) == set(ACTIONS)
    assert set(DONE) == set(Action)


def test_the_published_list_is_what_the_session_does() -> None:
    assert ERRORS.read_text(encoding="utf-8") == render(), f"docs/reference/errors.md is stale; {HOW}"
