"""Lines that break under a real call: the service goes away and comes back; the network changes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import visit
from tests.browser.talking import MICROPHONE, Person
from tests.service.served import served

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.speech]


def test_a_service_that_comes_back_knows_what_was_said(browser: Browser) -> None:
    with served() as base:
        address = base.removesuffix("/v1")
        port = address.rsplit(":", 1)[-1]
        opened = visit(browser, address, before=MICROPHONE)
        page = opened.__enter__()
        person = Person(page)
        person.call()
        person.say("what_is_twelve_times_seven_rms.wav")
        person.answer("12 times 7 is 84.")
        person.quiet()
    try:
        expect(page.locator(".strip")).to_contain_text("Calling again")
        with served("--port", port):
            expect(person.status).to_have_text("Listening", timeout=30_000)
            expect(page.locator(".said")).to_have_count(1)
            person.say("please_repeat_that_awb.wav")
            expect(page.locator(".answer")).to_have_count(2, timeout=20_000)
            person.answer("12 times 7 is 84")
    finally:
        opened.__exit__(None, None, None)


def test_another_path_is_found_on_the_same_call(browser: Browser, address: str) -> None:
    with visit(browser, address, before=MICROPHONE) as page:
        person = Person(page)
        person.call()
        with page.expect_response(lambda response: "/v1/realtime/calls/rtc_" in response.url) as second:
            # As a change of network would: the path is reported gone.
            page.evaluate(
                """() => {
                    const gone = {get: () => 'disconnected', configurable: true};
                    Object.defineProperty(room.peer, 'connectionState', gone);
                    room.peer.onconnectionstatechange();
                    delete room.peer.connectionState;
                }"""
            )
        assert second.value.ok
        person.say("what_is_twelve_times_seven_rms.wav")
        person.answer("12 times 7 is 84.")
        assert page.evaluate("room.offers") == 1
