"""Recorded conversations that must lead to the same decisions for ever, or be recorded anew on purpose."""
