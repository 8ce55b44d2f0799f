"""Headers, against the library's own serialiser."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode

from voice.net.framing import BINARY, MASKED, TEXT, Masks, apply_mask, header


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
def test_headers_are_the_librarys(size: int) -> None:
    payload = b"x" * size
    for first, opcode in ((TEXT, Opcode.TEXT), (BINARY, Opcode.BINARY)):
        assert header(first, size) + payload == Frame(opcode, payload).serialize(mask=False)
        ours = header(first, size, MASKED)
        theirs = Frame(opcode, payload).serialize(mask=True)
        assert theirs.startswith(ours)
        assert len(theirs) == len(ours) + 4 + size


def test_keys_do_not_repeat() -> None:
    masks = Masks()
    keys = {masks.key() for _ in range(3000)}
    assert len(keys) > 2990
    assert {len(key) for key in keys} == {4}
    assert apply_mask(apply_mask(b"hello", b"abcd"), b"abcd") == b"hello"
