"""A self-hosted realtime voice assistant service."""

__version__ = "0.1.0"
