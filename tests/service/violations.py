"""Frames that no websocket may send: the service closes the connection, with the code that the standard has for it."""

from __future__ import annotations

from random import Random

from tests.service.bad import Bad, Maker
from tests.service.raw_socket import BINARY, CLOSE, CONTINUATION, PING, TEXT, frame

MESSAGE_BYTES = 16 * 2**20
"""The service's limit for one message."""


def _closing(wire: bytes, *codes: int) -> Bad:
    return Bad(wire, None, frozenset(codes))


def unreadable(random: Random) -> Bad:
    """Text that is not UTF-8."""
    return _closing(
        frame(TEXT, b'{"type":"' + random.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98"])), 1007
    )


def unreadable_fragments(random: Random) -> Bad:
    return _closing(frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION, b"\x28"), 1007)


def unmasked(random: Random) -> Bad:
    return _closing(frame(TEXT, b"{}", masked=False), 1002)


def reserved(random: Random) -> Bad:
    opcode = random.choice([0x3, 0x7, 0xB, 0xF, 0x41, 0x21, 0x11])
    return _closing(frame(opcode, b"{}"), 1002)


def long_control(random: Random) -> Bad:
    return _closing(frame(PING, bytes(126)), 1002)


def fragmented_control(random: Random) -> Bad:
    return _closing(frame(PING, b"?", fin=False), 1002)


def nothing_to_continue(random: Random) -> Bad:
    return _closing(frame(CONTINUATION, b"{}"), 1002)


def interrupted_fragments(random: Random) -> Bad:
    return _closing(frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002)


def strange_close(random: Random) -> Bad:
    payload, code = random.choice([(b"\x03", 1002), (b"\x03\xec", 1002), (b"\x00\x00", 1002), (b"\x03\xe8\xff", 1007)])
    return _closing(frame(CLOSE, payload), code, 1002)


def claims_too_much(random: Random) -> Bad:
    size = random.choice([MESSAGE_BYTES + 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1])
    return _closing(frame(random.choice([TEXT, BINARY]), b"{", size=size), 1009, 1002)


def grows_too_much(random: Random) -> Bad:
    piece = bytes(MESSAGE_BYTES // 4 + 1)
    return _closing(frame(BINARY, piece, fin=False) + frame(CONTINUATION, piece, fin=False) * 3, 1009)


def half_a_frame(random: Random) -> Bad:
    """The connection ends inside it."""
    whole = frame(TEXT, bytes(random.choice([10, 1_000, 100_000])))
    return _closing(whole[: random.randrange(1, len(whole))])


FATAL: list[Maker] = [
    unreadable,
    unreadable_fragments,
    unmasked,
    reserved,
    long_control,
    fragmented_control,
    nothing_to_continue,
    interrupted_fragments,
    strange_close,
    claims_too_much,
    half_a_frame,
    half_a_frame,
]
