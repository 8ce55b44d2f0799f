"""`python -m voice` is `voice`."""

from __future__ import annotations

import sys

from voice.cli import main

sys.exit(main())
