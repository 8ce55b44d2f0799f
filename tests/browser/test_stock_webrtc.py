"""The official `@openai/agents-realtime`, as it comes from npm, over WebRTC in Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.chromium import need_module, visit
from tests.browser.talking import MICROPHONE, Person, as_engine_pcm
from tests.service.sound import independent_words

pytestmark = [pytest.mark.browser, pytest.mark.sdk, pytest.mark.node, pytest.mark.speech]

# A page of somebody else's on our origin; only the official module runs in it.
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>stock client</title>
<script type="module">
import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession, tool } from "/stock/openai-realtime-agents.mjs";
window.talk = async () => {
  const weather = tool({
    name: "get_weather", description: "The weather in a city.", strict: false, execute: async () => "It is raining.",
    parameters: {
      type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: true,
    },
  });
  const agent = new RealtimeAgent({ name: "guide", instructions: "Be brief.", tools: [weather] });
  const baseUrl = location.origin + "/v1/realtime/calls";
  const transport = new OpenAIRealtimeWebRTC({ baseUrl, useInsecureApiKey: true });
  const session = new RealtimeSession(agent, { transport, model: "local-voice" });
  window.errors = [];
  window.kinds = [];
  session.on("error", (error) => errors.push(JSON.stringify(error)));
  session.transport.on("*", (event) => kinds.push(event.type));
  await session.connect({ apiKey: "local" });
  window.session = session;
};
window.words = () => session.history.map((item) =>
  [item.role ?? item.type, (item.content ?? []).map((part) => part.transcript ?? part.text ?? "").join("")]);
</script>"""


@pytest.fixture
def stock(browser: Browser, address: str) -> Iterator[Page]:
    bundle = need_module("@openai/agents-realtime") / "dist" / "bundle"

    def file(route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[-1]
        route.fulfill(content_type="text/javascript", body=(bundle / name).read_text())

    with visit(browser, f"{address}/healthz", before=MICROPHONE) as page:
        page.route("**/stock.html", lambda route: route.fulfill(content_type="text/html", body=PAGE))
        page.route("**/stock/*.mjs", file)
        page.goto(f"{address}/stock.html")
        page.wait_for_function("typeof window.talk === 'function'")
        page.evaluate("talk()")
        yield page
        page.evaluate("session.close()")


def test_agents_over_webrtc(stock: Page) -> None:
    person = Person(stock)
    person.say("what_is_twelve_times_seven_rms.wav")
    stock.wait_for_function("kinds.includes('output_audio_buffer.stopped')", timeout=20_000)
    stock.wait_for_timeout(300)
    words = stock.evaluate("words()")
    assert ["user", "what is twelve times seven"] in words
    assert ["assistant", "12 times 7 is 84."] in words
    assert "eighty four" in independent_words(as_engine_pcm(person.heard()))

    stock.evaluate("kinds.length = 0")
    person.say("what_can_you_do_rms.wav")
    stock.wait_for_function("kinds.includes('output_audio_buffer.started')", timeout=20_000)
    stock.wait_for_timeout(1_000)
    stock.evaluate("session.interrupt()")
    stock.wait_for_function("kinds.includes('output_audio_buffer.cleared')")
    assert stock.evaluate("errors") == []
