"""The page at `/`."""

from __future__ import annotations

from html.parser import HTMLParser

from voice.server.page.plain import render


def test_it_shows_the_address_it_was_given() -> None:
    html = render("http://127.0.0.1:9", sockets=("/v1/realtime", "/twilio"))
    assert "curl http://127.0.0.1:9/readyz" in html
    assert "--url ws://127.0.0.1:9/v1/realtime" in html
    assert 'base_url="http://127.0.0.1:9/v1"' in html
    assert "Twilio media streams" in html
    assert "$" not in html


def test_behind_tls_the_socket_is_wss() -> None:
    assert "wss://voice.example.com/v1/realtime" in render("https://voice.example.com/")


def test_an_address_is_text_and_never_markup() -> None:
    html = render('http://x"><script>alert(1)</script>')
    assert "<script" not in html


def test_every_tag_is_closed_and_nothing_is_loaded_from_elsewhere() -> None:
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert not {name for name, _ in attrs} & {"src", "srcset", "onload", "onclick"}
            if tag != "meta":
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    tags = Tags()
    html = render("http://127.0.0.1:8080")
    tags.feed(html)
    assert tags.open == []
    assert len(html) < 8000
