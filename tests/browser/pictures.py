"""The documentation's pictures of the page, taken in a real conversation: `python -m tests.browser.pictures`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import chromium, visit
from tests.browser.talking import MICROPHONE, Person
from tests.service.served import ROOT, served

FOLDER = ROOT / "docs" / "pictures"
SETTINGS = '[turns]\ninterruption = "judged"\n'
WIDE, PHONE = {"width": 1280, "height": 940}, {"width": 390, "height": 844}


def converse(page: Page) -> Person:
    """Three turns, an interruption, and a tool that asks."""
    person = Person(page)
    person.call()
    person.say("what_is_twelve_times_seven_rms.wav")
    person.answer("84.")
    person.quiet()
    person.say("what_can_you_do_rms.wav")
    person.answer("I can tell the time")
    page.wait_for_timeout(2_200)
    person.say("how_many_feet_are_in_a_mile_rms.wav")
    person.answer("mile")
    person.quiet()
    page.get_by_label("Write to the assistant").fill("Forget all my notes")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    person.quiet()
    person.begin_to_say("hello_rms.wav")
    page.wait_for_timeout(350)
    return person


def take(browser: Browser, address: str, folder: Path) -> None:
    """Writes light, dark, phone and the empty page."""
    with visit(browser, address, before=MICROPHONE, viewport=WIDE, color_scheme="light") as page:
        page.screenshot(path=folder / "page-start.png")
        converse(page)
        page.screenshot(path=folder / "page-light.png")
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(250)
        page.screenshot(path=folder / "page-dark.png")
    with visit(browser, address, before=MICROPHONE, viewport=PHONE, device_scale_factor=1.5) as page:
        converse(page)
        page.screenshot(path=folder / "page-phone.png")


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as kept:
        config = Path(kept) / "voice.toml"
        config.write_text(SETTINGS)
        with served("--config", str(config)) as base, chromium() as browser:
            take(browser, base.removesuffix("/v1"), FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
