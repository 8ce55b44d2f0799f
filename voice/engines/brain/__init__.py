"""Brains: what decides what to say. `choose.py` makes one; `intents.py` is the embedded one."""
