"""Messages between a worker and its owner, however the pipe cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.engines.speech import pipe

MESSAGES = st.lists(
    st.tuples(st.sampled_from([pipe.START, pipe.SOUND]), st.integers(0, 2**32 - 1), st.binary(max_size=50))
)


@given(MESSAGES, st.integers(1, 30))
def test_any_pieces_make_the_same_messages(messages: list[pipe.Message], step: int) -> None:
    data = b"".join(pipe.pack(*message) for message in messages)
    unpacker = pipe.Unpacker()
    heard = [message for at in range(0, len(data), step) for message in unpacker.feed(data[at : at + step])]
    assert heard == messages


def test_a_length_beyond_reason_is_refused() -> None:
    with pytest.raises(pipe.GarbledError):
        list(pipe.Unpacker().feed(pipe.HEADER.pack(b"A", 1, 2**31)))
