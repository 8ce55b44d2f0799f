"""What a client offers, read with suspicion, and what our answer says beyond what aiortc writes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voice.errors import ProtocolError

MOST_CHARACTERS = 64 * 1024
MOST_CANDIDATES = 64
_OPUS = re.compile(r"^a=rtpmap:(\d{1,3}) opus/48000/2\s*$", re.MULTILINE | re.IGNORECASE)
_CANDIDATE = re.compile(r"^a=candidate:", re.MULTILINE)
_NAMED_CANDIDATE = re.compile(r"^a=candidate:\S+ \d+ \S+ \d+ \S+\.local .*\r?\n", re.MULTILINE | re.IGNORECASE)
_ICE_LINES = re.compile(r"^a=(candidate:|ice-ufrag:|ice-pwd:|end-of-candidates).*\r?\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that we can answer: one bundle of sound and, perhaps, events."""

    sdp: str
    username: str
    password: str
    has_channel: bool

    @property
    def candidates(self) -> list[str]:
        """What stands behind `a=candidate:`."""
        return [line[12:].strip() for line in self.sdp.splitlines() if line.startswith("a=candidate:")]


def refuse(message: str) -> ProtocolError:
    return ProtocolError(message, code="invalid_sdp", param="sdp")


def read_offer(sdp: str) -> Offer:
    """Raises ProtocolError for what is no offer, or none of ours.

    Candidates whose address is a name of the client's own network (mDNS) are left out: its checks find us, and where
    they come from shows its address.
    """
    if len(sdp) > MOST_CHARACTERS:
        raise refuse("The offer is too long.")
    if not sdp.startswith("v=0") or "\0" in sdp:
        raise refuse("This is not a session description.")
    if len(_CANDIDATE.findall(sdp)) > MOST_CANDIDATES:
        raise refuse("The offer names too many candidates.")
    lines = sdp.splitlines()
    kinds = [line[2:].partition(" ")[0] for line in lines if line.startswith("m=")]
    if kinds.count("audio") != 1:
        raise refuse("The offer must have one audio section, with the client's microphone.")
    if set(kinds) - {"audio", "application"} or kinds.count("application") > 1:
        raise refuse("The offer may have one audio and one data channel section, and no others.")
    if not _OPUS.search(sdp):
        raise refuse("The offer's audio must allow Opus.")
    if len(kinds) > 1 and not any(line.startswith("a=group:BUNDLE ") for line in lines):
        raise refuse("The offer must bundle its sections (a=group:BUNDLE).")
    if not any(line.startswith("a=fingerprint:") for line in lines):
        raise refuse("The offer has no DTLS fingerprint.")
    username, password = _first(lines, "a=ice-ufrag:"), _first(lines, "a=ice-pwd:")
    if not username or not password:
        raise refuse("The offer has no ICE credentials.")
    return Offer(_NAMED_CANDIDATE.sub("", sdp), username, password, "application" in kinds)


def opus_payload_type(sdp: str) -> int:
    """The number by which the answer calls Opus. Raises ProtocolError when it has none."""
    found = _OPUS.search(sdp)
    if found is None:
        raise refuse("The offer's audio must allow Opus.")
    return int(found[1])


def finish_answer(sdp: str, *, fec: bool) -> str:
    """Say how we want Opus: mono speech in packets of 20 ms (RFC 7587 section 6.1), and the quiet of the person's room
    as it is, because by that we tell speech from noise."""
    wanted = f"minptime=10;useinbandfec={int(fec)};usedtx=0;stereo=0;sprop-stereo=0"

    def with_format(found: re.Match[str]) -> str:
        return f"{found[0].rstrip()}\r\na=fmtp:{found[1]} {wanted}\r\na=ptime:20"

    return _OPUS.sub(with_format, sdp, count=1)


def with_other_ice(sdp: str, username: str, password: str, candidates: list[str]) -> str:
    """The same answer over other addresses (an ICE restart)."""
    ice = [f"a=ice-ufrag:{username}", f"a=ice-pwd:{password}"]
    ice += [f"a=candidate:{candidate}" for candidate in candidates] + ["a=end-of-candidates"]
    head, *sections = re.split(r"(?m)^(?=m=)", _ICE_LINES.sub("", sdp))
    return head + "".join(section.rstrip("\r\n") + "\r\n" + "\r\n".join(ice) + "\r\n" for section in sections)


def _first(lines: list[str], prefix: str) -> str:
    return next((line[len(prefix) :].strip() for line in lines if line.startswith(prefix)), "")
