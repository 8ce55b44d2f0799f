"""Chromium without a window, with what a test needs of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
TWIN = HERE / "twin.js"
MODULES = Path(__file__).parents[2] / "clients" / "browser" / "node_modules"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
_FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--use-fake-ui-for-media-stream"]


def need_chromium() -> None:
    """Skip where it is not installed; in CI fail."""
    if not Path(CHROMIUM).exists() and os.environ.get("CI") != "true":
        pytest.skip("Chromium is not installed: apt-get install chromium")


def need_module(name: str) -> Path:
    """The folder of an npm package of the browser client. Skips where `npm ci` was not run; in CI fails."""
    folder = MODULES / name
    if not folder.is_dir() and os.environ.get("CI") != "true":
        pytest.skip("the npm packages are not installed: npm ci --prefix clients/browser")
    return folder


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, url: str, *, before: Path | None = None, **context: Any) -> Iterator[Page]:
    """A page in a profile of its own. What its scripts throw, or log as an error, fails the test at the end."""
    profile = browser.new_context(**{"viewport": {"width": 1360, "height": 860}, **context})
    page = profile.new_page()
    page.set_default_timeout(15_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    if before is not None:
        page.add_init_script(path=before)
    try:
        page.goto(url)
        yield page
    finally:
        profile.close()
    ours = [text for text in complaints if "Failed to load resource" not in text]
    assert not ours, ours


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong for people who use the page with other senses or by keyboard."""
    source = (need_module("axe-core") / "axe.min.js").read_text()
    # The page's own policy forbids scripts from elsewhere: evaluate is not bound by it.
    page.evaluate(source)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)")
    return [
        f"{one['id']}: {node['html'][:140]} {node['failureSummary'][:200]}" for one in found for node in one["nodes"]
    ]
