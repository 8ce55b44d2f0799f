"""What every test lives under: a call of ours that blocks the loop fails it, and generated cases repeat."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings
from pydantic import create_model

# pydantic looks for its plugins on disk with the first model that is completed; ours are completed when first used.
create_model("First", answer=(int, ...)).model_rebuild(force=True)

settings.register_profile("fast", max_examples=25, deadline=None, derandomize=True)
settings.register_profile(
    "thorough",
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


@pytest.fixture(autouse=True)
def blocking_calls_fail() -> Iterator[BlockBuster]:
    """Raises where code of the package blocks while a loop runs."""
    with blockbuster_ctx("voice") as detector:
        # The templates of the embedded brain are read once, when it is made: before the doors open.
        detector.functions["os.listdir"].can_block_in("voice/engines/brain/lexicon.py", {"languages", "<genexpr>"})
        yield detector
