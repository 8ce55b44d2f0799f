"""The page by itself: what it shows and sends, with the service's side of the call played by a twin."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.chromium import TWIN, violations, visit
from tests.browser.scene import Twin

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.speech]


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with visit(browser, address, before=TWIN, reduced_motion="reduce") as opened:
        yield opened


@pytest.fixture
def twin(page: Page) -> Twin:
    return Twin(page)


def talk(page: Page) -> None:
    page.click("#talk")
    expect(status(page)).to_have_text("Listening")


def status(page: Page) -> Locator:
    return page.locator(".status")


def test_a_turn_is_shown_as_it_happens(page: Page, twin: Twin) -> None:
    talk(page)
    twin.serve({"type": "input_audio_buffer.speech_started", "item_id": "u"})
    expect(status(page)).to_have_text("Hearing you")
    twin.person_says("u", "what time is it")
    expect(page.locator(".said")).to_have_text("what time is it")
    twin.reply_begins("r", "a", "It is noon.")
    expect(status(page)).to_have_text("Speaking")
    twin.reply_ends("r")
    expect(status(page)).to_have_text("Listening")
    expect(page.locator(".answer")).to_have_text("It is noon.")
    expect(page.locator("[role=status].sr")).to_have_text("You said: what time is it")


def test_what_was_not_heard_is_struck_out(page: Page, twin: Twin) -> None:
    talk(page)
    twin.reply_begins("r", "a", "One two three four.")
    twin.serve(
        {"type": "voice.heard", "item_id": "a", "heard_ms": 400, "text": "One", "unheard_text": " two three four."}
    )
    expect(page.locator(".answer .ahead")).to_have_text(" two three four.")
    twin.reply_ends("r", "cancelled")
    heard = {"item_id": "a", "heard_ms": 812, "text": "One two", "unheard_text": " three four.", "final": True}
    twin.serve(
        {"type": "conversation.item.truncated", "item_id": "a", "audio_end_ms": 812},
        {"type": "voice.heard", **heard},
    )
    expect(page.locator(".answer .unheard")).to_contain_text("three four.")
    expect(page.locator(".answer .cut")).to_have_text("interrupted after 0.8 s")


def test_a_tool_asks_and_is_answered_once(page: Page, twin: Twin) -> None:
    talk(page)
    twin.asks("q1", "forget_notes", '{"scope": "all"}')
    card = page.locator(".tool")
    expect(card).to_contain_text("needs your approval")
    expect(card.locator("dd")).to_have_text("all")
    assert violations(page) == []
    card.get_by_role("button", name="Approve").click()
    (answer,) = twin.until_sent("conversation.item.create")
    assert answer["item"] == {"type": "mcp_approval_response", "approval_request_id": "q1", "approve": True}
    expect(card.get_by_role("button")).to_have_count(0)
    done = {
        "id": "m1",
        "type": "mcp_call",
        "name": "forget_notes",
        "approval_request_id": "q1",
        "output": '{"forgotten": 3}',
    }
    twin.serve({"type": "response.output_item.done", "response_id": "r", "item": done})
    expect(card).to_contain_text("done")
    expect(card).to_contain_text("forgotten: 3")


def test_a_tool_can_be_denied(page: Page, twin: Twin) -> None:
    talk(page)
    twin.asks("q1", "forget_notes")
    page.get_by_role("button", name="Deny").click()
    (answer,) = twin.until_sent("conversation.item.create")
    assert answer["item"]["approve"] is False
    expect(page.locator(".tool")).to_contain_text("denied")


def test_space_is_a_talk_button_and_escape_takes_it_back(page: Page, twin: Twin) -> None:
    page.get_by_role("radio", name="Hold").click()
    page.click("#talk")
    expect(status(page)).to_have_text("Ready")
    assert twin.until_sent("session.update", 3)[-1]["session"]["audio"]["input"] == {"turn_detection": None}
    page.locator("body").click(position={"x": 700, "y": 200})
    page.keyboard.down("Space")
    expect(status(page)).to_have_text("Hearing you")
    page.wait_for_timeout(300)
    page.keyboard.up("Space")
    twin.until_sent("response.create")
    page.keyboard.down("Space")
    page.keyboard.press("Escape")
    page.keyboard.up("Space")
    page.wait_for_timeout(400)
    assert len(twin.sent("input_audio_buffer.commit")) == 1


def test_the_button_itself_works_by_keyboard(page: Page, twin: Twin) -> None:
    page.locator("#talk").focus()
    page.keyboard.press("Enter")
    expect(status(page)).to_have_text("Listening")
    page.keyboard.press("Space")
    expect(status(page)).to_have_text("Microphone off")
    page.keyboard.press("Enter")
    expect(status(page)).to_have_text("Listening")


def test_writing_needs_no_microphone(page: Page, twin: Twin) -> None:
    page.evaluate("() => { twin.microphone = () => Promise.reject(new DOMException('no', 'NotAllowedError')); }")
    page.get_by_label("Write to the assistant").fill("hello there")
    page.keyboard.press("Enter")
    (created,) = twin.until_sent("conversation.item.create")
    assert created["item"]["content"] == [{"type": "input_text", "text": "hello there"}]
    twin.until_sent("response.create")
    expect(page.locator(".strip")).to_contain_text("You are writing")


def test_a_picture_is_shown_small_and_sent(page: Page, twin: Twin) -> None:
    talk(page)
    png = page.evaluate(
        "() => { const c = document.createElement('canvas'); c.width = 2400; c.height = 1200;"
        " c.getContext('2d').fillRect(9, 9, 900, 900); return c.toDataURL('image/png').split(',')[1]; }"
    )
    page.set_input_files(
        "input[type=file]", {"name": "a.png", "mimeType": "image/png", "buffer": base64.b64decode(png)}
    )
    expect(page.locator(".pictures img")).to_have_count(1)
    page.get_by_label("Write to the assistant").fill("what is this")
    page.get_by_role("button", name="Send").click()
    (created,) = twin.until_sent("conversation.item.create")
    words, picture = created["item"]["content"]
    assert words == {"type": "input_text", "text": "what is this"}
    assert picture["image_url"].startswith("data:image/jpeg;base64,")
    assert len(picture["image_url"]) < 180_000
    expect(page.locator(".pictures img")).to_have_count(0)


def test_a_broken_line_is_called_again_and_told_what_was_said(page: Page, twin: Twin) -> None:
    talk(page)
    twin.person_says("u", "remember me")
    twin.reply_begins("r", "a", "I do.")
    twin.reply_ends("r")
    before = len(twin.sent("conversation.item.create"))
    page.evaluate("twin.drop()")
    expect(page.locator(".strip")).to_contain_text("Calling again")
    expect(status(page)).to_have_text("Listening")
    assert len(twin.offers) == 2
    told = [event["item"] for event in twin.until_sent("conversation.item.create", before + 2)[before:]]
    assert [(item["role"], item["content"][0]["text"]) for item in told] == [
        ("user", "remember me"),
        ("assistant", "I do."),
    ]
    expect(page.locator(".said")).to_have_count(1)


REFUSALS = [
    (503, {"retry-after": "30"}, "All lines are busy", "Next try in"),
    (501, {}, "cannot take calls from browsers yet", "voice[webrtc]"),
    (400, {}, "The service said no", "told so"),
]


@pytest.mark.parametrize(("code", "headers", "title", "advice"), REFUSALS)
def test_a_refusal_is_explained(
    page: Page, twin: Twin, code: int, headers: dict[str, str], title: str, advice: str
) -> None:
    twin.refuse = (code, headers, "told so")
    page.click("#talk")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(title)
    expect(alert).to_contain_text(advice)
    expect(status(page)).to_have_text("Not in a call")
    assert violations(page) == []
    twin.refuse = None
    alert.get_by_role("button").last.click()
    expect(status(page)).to_have_text("Listening")
    expect(alert).to_have_count(0)


def test_a_busy_service_is_tried_again_by_itself(page: Page, twin: Twin) -> None:
    twin.refuse = (503, {"retry-after": "1"}, "full")
    page.click("#talk")
    expect(page.get_by_role("alert")).to_contain_text("All lines are busy")
    twin.refuse = None
    expect(status(page)).to_have_text("Listening")


def test_a_key_is_asked_for_and_lives_as_long_as_the_tab(page: Page, twin: Twin) -> None:
    twin.refuse = (401, {}, "A key is needed.")
    page.click("#talk")
    page.get_by_placeholder("Key").fill("sk-voice-1")
    twin.refuse = None
    page.get_by_role("button", name="Open").click()
    expect(status(page)).to_have_text("Listening")
    assert twin.offers[-1]["authorization"] == "Bearer sk-voice-1"
    assert page.evaluate("JSON.stringify(localStorage)").find("sk-voice-1") < 0


@pytest.mark.parametrize(
    ("error", "title"),
    [
        ("NotAllowedError", "The microphone is blocked"),
        ("NotFoundError", "No microphone found"),
        ("NotReadableError", "Another program holds the microphone"),
    ],
)
def test_a_missing_microphone_is_explained_and_one_can_write(page: Page, twin: Twin, error: str, title: str) -> None:
    page.evaluate("name => { twin.microphone = () => Promise.reject(new DOMException('no', name)); }", error)
    page.click("#talk")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(title)
    alert.get_by_role("button", name="Write instead").click()
    expect(page.locator(".strip")).to_contain_text("You are writing")


def test_an_insecure_address_is_explained(browser: Browser, address: str) -> None:
    with visit(browser, address, before=TWIN) as page:
        page.evaluate("Object.defineProperty(window, 'isSecureContext', {value: false})")
        page.click("#talk")
        expect(page.get_by_role("alert")).to_contain_text("Browsers keep the microphone from this address")


def test_a_dead_microphone_is_noticed(page: Page, twin: Twin) -> None:
    page.evaluate("() => { twin.microphone = async () => new AudioContext().createMediaStreamDestination().stream; }")
    talk(page)
    expect(page.locator(".strip")).to_contain_text("No sound from the microphone", timeout=10_000)


def test_a_microphone_at_its_limit_is_noticed(page: Page, twin: Twin) -> None:
    talk(page)
    page.evaluate("twin.speak(3, 6)")
    expect(page.locator(".strip")).to_contain_text("Too loud")


def test_events_are_filtered_and_saved(page: Page, twin: Twin) -> None:
    talk(page)
    twin.person_says("u", "save me")
    page.get_by_role("tab", name="Events").click()
    page.get_by_label("Filter events").fill("save me")
    expect(page.locator(".events ol li")).to_have_count(1)
    page.locator(".events summary").click()
    expect(page.locator(".events pre")).to_contain_text('"transcript": "save me"')
    with page.expect_download() as download:
        page.get_by_label("Save all as JSON lines").click()
    lines = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert {line["direction"] for line in lines} == {"in", "out"}
    assert lines[0]["event"]["type"] == "session.created"
    assert any(line["event"].get("transcript") == "save me" for line in lines)


def test_what_the_service_refuses_is_told(page: Page, twin: Twin) -> None:
    talk(page)
    twin.serve({"type": "error", "error": {"type": "invalid_request_error", "code": "response_cancel_not_active"}})
    expect(page.locator(".strip")).to_have_count(0)
    refused = {"type": "invalid_request_error", "code": "override_refused", "message": "Not yours to change."}
    twin.serve({"type": "error", "error": refused})
    expect(page.locator(".strip")).to_contain_text("Not yours to change.")


def test_devices_that_come_and_go_are_offered(page: Page, twin: Twin) -> None:
    talk(page)
    page.get_by_role("tab", name="Set-up").click()
    microphones = page.get_by_label("Microphone", exact=True)
    plug = """labels => {
        const made = (label) => ({kind: 'audioinput', deviceId: label, label, groupId: 'g', toJSON: () => ({})});
        navigator.mediaDevices.enumerateDevices = async () => labels.map(made);
        navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
    }"""
    page.evaluate(plug, ["Headset", "Webcam"])
    expect(microphones.locator("option")).to_have_text(["The system's choice", "Headset", "Webcam"])
    page.evaluate(
        """() => {
            window.wanted = [];
            const open = twin.microphone;
            twin.microphone = (which) => (wanted.push(which), open());
        }"""
    )
    microphones.select_option("Webcam")
    page.wait_for_function("wanted.length === 1")
    assert page.evaluate("wanted[0].audio.deviceId") == {"exact": "Webcam"}
    page.evaluate(plug, ["Headset"])
    expect(microphones.locator("option")).to_have_text(["The system's choice", "Headset"])
    expect(status(page)).to_have_text("Listening")


def test_a_picture_can_be_dropped_anywhere(page: Page, twin: Twin) -> None:
    drop = """kind => {
        const files = new DataTransfer();
        const canvas = document.createElement('canvas');
        return new Promise(done => canvas.toBlob(blob => {
            files.items.add(new File([blob], 'a.png', {type: 'image/png'}));
            document.body.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: files}));
            done();
        }));
    }"""
    page.evaluate(drop, "dragover")
    expect(page.locator(".drop")).to_be_visible()
    page.evaluate(drop, "drop")
    expect(page.locator(".drop")).to_have_count(0)
    expect(page.locator(".pictures img")).to_have_count(1)
    page.get_by_label("Remove this picture").click()
    expect(page.locator(".pictures img")).to_have_count(0)


def test_waits_and_cost_are_told(page: Page, twin: Twin) -> None:
    talk(page)
    waits = {"decision_ms": 500, "first_delta_ms": 600, "first_audio_ms": 800}
    twin.serve(
        {"type": "voice.turn", "response_id": "r1", **waits},
        {"type": "voice.usage", "response_id": "r1", "cost_usd": 0.01, "total_usd": 0.0123, "session_s": 3},
    )
    expect(page.locator(".waits li b")).to_have_text("800 ms")
    expect(page.locator(".cost")).to_contain_text("$0.0123")
    expect(page.locator(".cost")).to_contain_text(re.compile(r"0:0\d"))


def test_the_telephone_is_heard(page: Page, twin: Twin) -> None:
    talk(page)
    phone = page.get_by_role("button", name="As a phone")
    phone.click()
    expect(phone).to_have_attribute("aria-pressed", "true")
    page.evaluate("twin.tone(1000), twin.tone(5000), twin.loudness(1000)")
    page.wait_for_timeout(700)
    inside, outside = page.evaluate("[twin.loudness(1000), twin.loudness(5000)]")
    assert inside > -40
    assert outside < inside - 25
    phone.click()
    expect(phone).to_have_attribute("aria-pressed", "false")


INFO = {
    "version": "0.1.0",
    "engine": "local",
    "auth": "none",
    "webrtc": True,
    "assistants": [{"name": "reception-of-the-grand-hotel", "description": "Answers at the door."}, {"name": "sums"}],
    "default_assistant": "reception-of-the-grand-hotel",
}
SIZES = {"wide": (1360, 860), "tablet": (900, 1000), "phone": (390, 780), "small phone": (320, 600)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_nobody_is_shut_out_and_nothing_runs_over_the_edge(
    browser: Browser, address: str, size: str, scheme: str
) -> None:
    width, height = SIZES[size]
    viewport = {"width": width, "height": height}
    with visit(browser, address, before=TWIN, viewport=viewport, color_scheme=scheme, reduced_motion="reduce") as page:
        twin = Twin(page)
        page.route("**/v1/info", lambda route: route.fulfill(json=INFO))
        page.reload()
        expect(page.get_by_label("Assistant", exact=True)).to_be_visible()
        assert violations(page) == []
        talk(page)
        twin.person_says("u", "what can you do")
        twin.reply_begins("r", "a", "I can tell the time, set timers, calculate and remember notes for you.")
        heard = {"item_id": "a", "heard_ms": 812, "text": "I can tell the time,", "final": True}
        twin.reply_ends("r", "cancelled")
        twin.serve(
            {"type": "voice.heard", **heard, "unheard_text": " set timers, calculate and remember notes for you."}
        )
        twin.asks("q1", "forget_notes", '{"scope": "all"}')
        expect(page.locator(".tool")).to_be_visible()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for tab in ("Events", "Set-up", "Turns"):
            if page.locator(".bench").count() == 0:
                page.get_by_label("Turns, events and set-up").click()
            page.get_by_role("tab", name=tab).click()
            assert violations(page) == [], tab
