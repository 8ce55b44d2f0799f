"""A whole conversation in Chromium with the real service: WebRTC, the embedded engine, a microphone of the test's.

The page's security policy is in force, nothing is replaced but the microphone's sound.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import violations, visit
from tests.browser.talking import ENGINE_HZ, MICROPHONE, Person, as_engine_pcm, kept_sound, likeness, told_sound
from tests.service.sound import fixture, independent_words

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.speech]

# Opus at speech rates keeps words, not every phase; another voice's sound stays below the second.
ALIKE, STRANGE = 0.7, 0.55
# What a browser plays is stretched and squeezed by its own jitter buffer, within a piece too.
ALIKE_WHEN_STRETCHED = 0.6


@pytest.fixture
def person(browser: Browser, address: str) -> Iterator[Person]:
    with visit(browser, address, before=MICROPHONE, reduced_motion="reduce") as page:
        yield Person(page)


def test_three_turns_an_interruption_and_an_approval(person: Person, address: str) -> None:
    person.call()
    page = person.page

    # A question that needs a tool: understood, and the answer understandable.
    person.heard()
    person.say("what_is_twelve_times_seven_rms.wav")
    person.said("what is twelve times seven")
    person.answer("12 times 7 is 84.")
    person.quiet()
    expect(page.locator(".tool").last).to_contain_text("result: 84")
    heard = as_engine_pcm(person.heard())
    assert "eighty four" in independent_words(heard)

    # The sound itself, both ways: what reached the service is what was said, what was played is what it made.
    given = np.frombuffer(fixture("lines/what_is_twelve_times_seven_rms.wav", tail_ms=0), "<i2") / 32_768
    (committed,) = person.events("input_audio_buffer.committed")
    received = kept_sound(address, person.call_url, committed["item_id"])
    assert likeness(received, given, ENGINE_HZ) > ALIKE
    made = told_sound(address, "what is twelve times seven")
    played = np.frombuffer(heard, "<i2") / 32_768
    assert likeness(played, made, ENGINE_HZ) > ALIKE_WHEN_STRETCHED
    assert likeness(received, made, ENGINE_HZ) < STRANGE
    assert likeness(played, given, ENGINE_HZ) < STRANGE

    # An interruption: it stops, and the page tells what was not heard.
    person.say("what_can_you_do_rms.wav")
    person.answer("I can tell the time")
    page.wait_for_timeout(2_500)
    person.say("what_time_is_it_awb.wav")
    cut = page.locator(".answer:has(.cut)")
    expect(cut.locator(".unheard")).to_contain_text("Just ask.")
    person.said("what time is it")
    person.answer("It's")
    person.quiet()
    (truncated,) = person.events("conversation.item.truncated")
    assert 1_500 < truncated["audio_end_ms"] < 6_000
    expect(cut.locator(".cut")).to_have_text(f"interrupted after {truncated['audio_end_ms'] / 1000:.1f} s")
    waits = page.locator(".waits li")
    page.get_by_role("tab", name="Turns").click()
    expect(waits).to_have_count(3)
    assert violations(page) == []

    # Nothing that cannot be undone without a person's yes.
    page.get_by_label("Write to the assistant").fill("remember that my locker number is forty two")
    page.keyboard.press("Enter")
    expect(page.locator(".tool").last).to_contain_text("remember")
    person.quiet()
    page.get_by_label("Write to the assistant").fill("forget all my notes")
    page.keyboard.press("Enter")
    card = page.locator(".tool").last
    expect(card).to_contain_text("needs your approval", timeout=15_000)
    assert violations(page) == []
    card.get_by_role("button", name="Approve").click()
    expect(card).to_contain_text("done", timeout=15_000)
    person.quiet()

    page.get_by_role("button", name="Hang up").click()
    expect(person.status).to_have_text("Not in a call")


def test_the_talk_button_makes_turns_without_any_detection(person: Person) -> None:
    page = person.page
    page.get_by_role("radio", name="Hold").click()
    with page.expect_response("**/v1/realtime/calls"):
        page.click("#talk")
    expect(person.status).to_have_text("Ready")
    page.mouse.move(*middle(person))
    page.mouse.down()
    expect(person.status).to_have_text("Hearing you")
    person.say("what_is_twelve_times_seven_rms.wav")
    page.mouse.up()
    person.said("what is twelve times seven")
    person.answer("12 times 7 is 84.")


def middle(person: Person) -> tuple[float, float]:
    box = person.page.locator("#talk").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_what_is_denied_is_not_done(person: Person) -> None:
    page = person.page
    for words in ("remember that my locker number is forty two", "forget all my notes"):
        page.get_by_label("Write to the assistant").fill(words)
        page.keyboard.press("Enter")
        expect(page.locator(".said").last).to_have_text(words, timeout=15_000)
        if words.startswith("remember"):
            person.answer("locker")
            person.quiet()
    page.get_by_role("button", name="Deny").click()
    person.answer("I kept your notes")
    expect(page.locator(".tool").last).to_contain_text("denied")
    person.quiet()
    page.get_by_label("Write to the assistant").fill("what is my locker number")
    page.keyboard.press("Enter")
    person.answer("forty two")
