"""A trace becomes a picture: who spoke when, what was heard, and how long everything took."""

from __future__ import annotations

from voice.timeline.picture import render

__all__ = ["render"]
