"""Offers, read with suspicion, and what our answers say."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("aiortc")

from tests.transports.webrtc.browser import LOOPBACK, Browser
from voice.errors import Busy, ProtocolError
from voice.transports.webrtc import answer_offer
from voice.transports.webrtc.offer import finish_answer, opus_payload_type, read_offer, with_other_ice


async def _offer() -> str:
    browser = Browser()
    sdp = await browser.offer()
    await browser.close()
    return sdp


OFFER = asyncio.run(_offer())


def without(pattern: str) -> str:
    changed = re.sub(pattern, "", OFFER, flags=re.MULTILINE)
    assert changed != OFFER
    return changed


def video(sdp: str) -> str:
    section = sdp[sdp.index("m=audio") : sdp.index("m=application")]
    return sdp + section.replace("m=audio", "m=video").replace("a=mid:0", "a=mid:2")


BAD = {
    "nothing": "",
    "a page": "<html>",
    "JSON": '{"sdp": "v=0"}',
    "a beginning": "v=0\r\n",
    "too long": OFFER + "a=x\r\n" * 20_000,
    "a zero byte": OFFER.replace("a=rtcp-mux", "a=\0rtcp-mux"),
    "no audio": OFFER[: OFFER.index("m=audio")] + OFFER[OFFER.index("m=application") :],
    "two audios": OFFER + OFFER[OFFER.index("m=audio") : OFFER.index("m=application")],
    "video": video(OFFER),
    "no Opus": without(r"^a=rtpmap:\d+ opus.*\r\n"),
    "no bundle": without(r"^a=group:BUNDLE.*\r\n"),
    "no fingerprint": without(r"^a=fingerprint:.*\r\n"),
    "no ICE name": without(r"^a=ice-ufrag:.*\r\n"),
    "no ICE password": without(r"^a=ice-pwd:.*\r\n"),
    "a hundred candidates": OFFER + "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n" * 100,
    "a candidate that is none": OFFER + "a=candidate:nonsense\r\n",
    "a port that is none": OFFER.replace("m=audio ", "m=audio x"),
    "a payload type that is none": re.sub(r"(m=audio \d+ \S+) .*", r"\1 ninety", OFFER),
    "an offer cut in two": OFFER[: len(OFFER) // 2],
}


def refusal(sdp: str) -> ProtocolError:
    async def run() -> None:
        transport = await answer_offer(sdp, LOOPBACK)
        await transport.close()

    with pytest.raises(ProtocolError) as caught:
        asyncio.run(run())
    return caught.value


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_offer_of_ours_is_refused_in_a_sentence(kind: str) -> None:
    error = refusal(BAD[kind])
    assert (error.code, error.param) == ("invalid_sdp", "sdp")
    assert error.message.endswith(".")
    assert len(error.message) < 100


@settings(max_examples=30)
@given(st.data())
def test_whatever_is_broken_in_an_offer_it_is_answered_or_refused(data: st.DataObject) -> None:
    lines = OFFER.split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        what = data.draw(st.sampled_from(["drop", "double", "cut", "noise"]))
        if what == "drop":
            del lines[place]
        elif what == "double":
            lines.insert(place, lines[place])
        elif what == "cut":
            lines[place] = lines[place][: data.draw(st.integers(0, 12))]
        else:
            lines[place] += data.draw(st.text(max_size=8))
        if not lines:
            return

    async def run() -> None:
        try:
            transport = await answer_offer("\r\n".join(lines), LOOPBACK)
        except (ProtocolError, Busy):
            return
        await transport.close()

    asyncio.run(run())


def test_names_of_the_clients_own_network_are_left_out() -> None:
    named = "a=candidate:1 1 udp 2113937151 4d2c-1.local 50000 typ host generation 0\r\n"
    offer = read_offer(OFFER + named)
    assert ".local" not in offer.sdp
    assert offer.candidates == read_offer(OFFER).candidates


def test_the_answer_asks_for_the_opus_that_we_want() -> None:
    async def run() -> str:
        transport = await answer_offer(OFFER, LOOPBACK)
        await transport.close()
        return transport.answer_sdp

    answer = asyncio.run(run())
    number = opus_payload_type(answer)
    assert f"a=fmtp:{number} minptime=10;useinbandfec=1;usedtx=0;stereo=0;sprop-stereo=0\r\n" in answer
    assert re.findall(r"a=rtpmap:\d+ (\S+)", answer) == ["opus/48000/2"]
    assert "a=msid:" in answer
    assert "a=setup:active" in answer


def test_without_error_correction_the_client_is_told() -> None:
    assert "useinbandfec=0" in finish_answer("a=rtpmap:111 opus/48000/2\r\n", fec=False)


def test_an_answer_over_other_addresses_changes_nothing_else() -> None:
    before = (
        "v=0\r\nm=audio 9 X 111\r\na=mid:0\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\na=candidate:1 x\r\n"
        "a=end-of-candidates\r\nm=application 9 Y z\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\na=mid:1\r\n"
    )
    ice = "a=ice-ufrag:u\r\na=ice-pwd:p\r\na=candidate:2 y\r\na=end-of-candidates\r\n"
    assert with_other_ice(before, "u", "p", ["2 y"]) == (
        f"v=0\r\nm=audio 9 X 111\r\na=mid:0\r\n{ice}m=application 9 Y z\r\na=mid:1\r\n{ice}"
    )
