"""One service and one Chromium for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import chromium, need_chromium
from tests.service.served import served


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    need_chromium()
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    """`http://127.0.0.1:port` of a service of its own, with the embedded engine."""
    with served() as base:
        yield base.removesuffix("/v1")
