"""Writes the generated pages of the reference."""

from __future__ import annotations

import asyncio
import sys

from tests.conformance import errors_page, run, table
from tests.conformance.pages import CONFORMANCE, ERRORS


def main() -> int:
    """Play the scenes, write the pages. 1 when the official types would not read something."""
    seen = asyncio.run(run.play())
    CONFORMANCE.write_text(table.render(seen), encoding="utf-8")
    ERRORS.write_text(errors_page.render(), encoding="utf-8")
    sys.stdout.write("".join(f"{problem}\n" for problem in seen.misshapen))
    return 1 if seen.misshapen else 0


if __name__ == "__main__":
    sys.exit(main())
