"""The module in somebody else's page: packed as npm gets it, another origin, a client secret from a backend."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import MODULES, need_module, visit
from tests.browser.talking import MICROPHONE, Person
from tests.service.served import served

pytestmark = [pytest.mark.browser, pytest.mark.node, pytest.mark.slow, pytest.mark.speech]

PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>embedded</title>
<button id="start">start</button><p id="state"></p><ol id="words"></ol><p id="error"></p><p id="loud"></p>
<script type="module">
import {{ VoiceClient, VoiceError }} from "/module/index.js";
const voice = new VoiceClient({{ url: "{address}", key: async () => "{secret}" }});
const show = (id, text) => (document.getElementById(id).textContent = text);
voice.on("state", (state) => show("state", state));
voice.on("conversation", ({{ entries }}) => {{
  show("words", entries.map((entry) => entry.text ?? entry.name).join(" | "));
}});
voice.on("levels", ([level]) => show("loud", String(level.outputRms)));
document.getElementById("start").onclick = () =>
  voice.connect().catch((error) => show("error", error instanceof VoiceError ? error.code : String(error)));
</script>"""


@dataclass(frozen=True)
class Elsewhere:
    """A web server of somebody else's: its origin, and the folder it serves."""

    origin: str
    folder: Path


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests have their own words."""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """Serves the files that `npm pack` would pack under `/module`."""
    need_module("typescript")
    npx = shutil.which("npx")
    assert npx is not None
    folder = tmp_path_factory.mktemp("elsewhere")
    built = subprocess.run(
        [npx, "tsc", "-p", "voice-client", "--outDir", str(folder / "module")],
        cwd=MODULES.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Elsewhere(f"http://127.0.0.1:{server.server_port}", folder)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def service(elsewhere: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that allows that origin."""
    config = tmp_path_factory.mktemp("service") / "voice.toml"
    config.write_text(f'[server]\nallowed_origins = ["{elsewhere.origin}"]\n')
    with served("--config", str(config)) as base:
        yield base.removesuffix("/v1")


def page_for(elsewhere: Elsewhere, service: str, secret: str = "") -> str:
    (elsewhere.folder / "index.html").write_text(PAGE.format(address=service, secret=secret))
    return f"{elsewhere.origin}/"


def test_a_page_of_another_origin_talks_with_a_secret(browser: Browser, service: str, elsewhere: Elsewhere) -> None:
    made = httpx.post(f"{service}/v1/realtime/client_secrets", json={"session": {"type": "realtime"}})
    with visit(browser, page_for(elsewhere, service, made.json()["value"]), before=MICROPHONE) as page:
        page.click("#start")
        expect(page.locator("#state")).to_have_text("connected")
        Person(page).say("what_is_twelve_times_seven_rms.wav")
        words = "what is twelve times seven | calculate | 12 times 7 is 84."
        expect(page.locator("#words")).to_have_text(words, timeout=20_000)
        expect(page.locator("#loud")).not_to_be_empty()


def test_without_its_worklets_one_can_talk_all_the_same(browser: Browser, service: str, elsewhere: Elsewhere) -> None:
    for worklet in (elsewhere.folder / "module").glob("*.worklet.js"):
        worklet.rename(worklet.with_suffix(".gone"))
    try:
        with visit(browser, page_for(elsewhere, service), before=MICROPHONE) as page:
            page.click("#start")
            expect(page.locator("#state")).to_have_text("connected")
            Person(page).say("what_time_is_it_awb.wav")
            expect(page.locator("#words")).to_contain_text("It's", timeout=20_000)
    finally:
        for gone in (elsewhere.folder / "module").glob("*.gone"):
            gone.rename(gone.with_suffix(".js"))


def test_a_page_that_is_not_allowed_is_not_let_in(browser: Browser, address: str, elsewhere: Elsewhere) -> None:
    profile = browser.new_context()
    page = profile.new_page()
    page.add_init_script(path=MICROPHONE)
    page.goto(page_for(elsewhere, address))
    page.click("#start")
    expect(page.locator("#error")).to_have_text("unreachable")
    expect(page.locator("#state")).to_have_text("idle")
    profile.close()
