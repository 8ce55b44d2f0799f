"""The browser client as it is served: from memory, under a strict policy, and a plain page where it was not built."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from voice.server.guard import Guard
from voice.server.http import application
from voice.server.page.built import DIST, Page

Get = Callable[..., Awaitable[httpx.Response]]


def visit(folder: Path, scene: Callable[[Get], Awaitable[None]]) -> None:
    async def play() -> None:
        app = application(Page(lambda: "<p>plain</p>", folder).routes(), Guard())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as http:
            await scene(http.get)

    asyncio.run(play())


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><script type=module src=/assets/a-1f.js></script>")
    (tmp_path / "assets" / "a-1f.js").write_text("let words = 'and words';" * 100)
    (tmp_path / "assets" / "notes.md").write_text("not for visitors")
    (tmp_path / "secret.txt").write_text("not below assets")
    return tmp_path


def test_the_page_comes_from_us_and_talks_to_us_only(dist: Path) -> None:
    async def scene(get: Get) -> None:
        front = await get("/")
        policy = dict(part.strip().split(" ", 1) for part in front.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert policy["connect-src"] == "'self' ws://localhost:8080 wss://localhost:8080"
        assert "blob:" in policy["media-src"]
        assert "blob:" in policy["worker-src"]
        assert policy["frame-ancestors"] == "'none'"
        assert front.headers["cache-control"] == "no-cache"
        assert "microphone=(self)" in front.headers["permissions-policy"]

    visit(dist, scene)


def test_files_are_zipped_tagged_and_kept(dist: Path) -> None:
    async def scene(get: Get) -> None:
        script = await get("/assets/a-1f.js")
        assert script.headers["content-encoding"] == "gzip"
        assert script.text.startswith("let words")
        assert script.headers["content-type"].startswith("text/javascript")
        assert "immutable" in script.headers["cache-control"]
        plain = await get("/assets/a-1f.js", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        again = await get("/assets/a-1f.js", headers={"if-none-match": script.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")

    visit(dist, scene)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.js",
        "/assets/notes.md",
        "/assets/../secret.txt",
        "/assets/%2e%2e/secret.txt",
        "/secret.txt",
        "/assets/",
    ],
)
def test_nothing_else_is_served(dist: Path, path: str) -> None:
    async def scene(get: Get) -> None:
        assert (await get(path)).status_code == 404

    visit(dist, scene)


def test_where_nothing_was_built_a_plain_page_is_shown(tmp_path: Path) -> None:
    async def scene(get: Get) -> None:
        front = await get("/")
        assert front.text == "<p>plain</p>"
        assert "script-src" not in front.headers["content-security-policy"]

    visit(tmp_path / "nothing", scene)


@pytest.mark.skipif(not DIST.is_dir(), reason="the browser client was not built")
def test_everything_that_the_real_page_names_is_there() -> None:
    async def scene(get: Get) -> None:
        front = await get("/")
        assert "<script>" not in front.text, "the policy would not run it"
        for name in re.findall(r'(?:src|href)="(/[^"]+)"', front.text):
            assert (await get(name)).status_code == 200, name

    visit(DIST, scene)
