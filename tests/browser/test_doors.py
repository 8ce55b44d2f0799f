"""The page at a service with several assistants, and with keys."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import visit
from tests.browser.talking import MICROPHONE, Person
from tests.service.served import ROOT, served

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.speech]

SETTINGS = """
[server]
keys_file = "{keys}"

[assistants.reception]
description = "Answers at the door."
greeting = "Welcome to the house."
tools = ["get_time"]

[assistants.sums]
description = "Does sums."
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    settings = folder / "voice.toml"
    settings.write_text(SETTINGS.format(keys=folder / "keys.json"))
    return settings


@pytest.fixture(scope="module")
def key(config: Path) -> str:
    made = subprocess.run(
        [sys.executable, "-m", "voice", "keys", "--config", str(config), "add", "page"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert made.returncode == 0, made.stderr
    (shown,) = [word for word in made.stdout.split() if word.startswith("vk_")]
    return shown


@pytest.fixture(scope="module")
def locked(config: Path, key: str) -> Iterator[str]:
    with served("--config", str(config)) as base:
        yield base.removesuffix("/v1")


def test_a_key_opens_the_door_and_the_chosen_assistant_answers(browser: Browser, locked: str, key: str) -> None:
    with visit(browser, locked, before=MICROPHONE) as page:
        person = Person(page)
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("This service wants a key")
        page.get_by_placeholder("Key").fill("vk_wrong")
        page.get_by_role("button", name="Open").click()
        expect(alert).to_contain_text("It does not know this one.")
        page.get_by_placeholder("Key").fill(key)
        page.get_by_role("button", name="Open").click()
        expect(alert).to_have_count(0)
        page.get_by_label("Assistant", exact=True).select_option("reception")
        expect(page.locator(".welcome")).to_contain_text("Answers at the door.")
        page.click("#talk")
        person.answer("Welcome to the house.")
        person.quiet()
        page.get_by_role("tab", name="Set-up").click()
        expect(page.locator(".about")).to_contain_text("reception")
        page.get_by_role("button", name="1", exact=True).click()
        expect(page.locator(".about")).to_contain_text("get time")
