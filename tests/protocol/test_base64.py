"""Base64 recognised without being opened."""

from __future__ import annotations

import base64
import binascii

from hypothesis import given
from hypothesis import strategies as st

from voice.protocol.base64 import is_base64


@given(st.binary(max_size=100))
def test_what_was_encoded_is_base64(raw: bytes) -> None:
    assert is_base64(base64.b64encode(raw))


@given(st.text("AB+/=-_ \n", max_size=9).map(str.encode) | st.binary(max_size=9))
def test_what_is_called_base64_can_be_opened(text: bytes) -> None:
    if is_base64(text):
        binascii.a2b_base64(text, strict_mode=True)


@given(
    st.binary(max_size=20), st.integers(0, 30), st.binary(min_size=1, max_size=1).filter(lambda one: one not in b"=")
)
def test_one_wrong_byte_is_noticed(raw: bytes, at: int, wrong: bytes) -> None:
    text = base64.b64encode(raw)
    damaged = text[:at] + wrong + text[at + 1 :]
    try:
        binascii.a2b_base64(damaged, strict_mode=True)
    except binascii.Error:
        assert not is_base64(damaged)
