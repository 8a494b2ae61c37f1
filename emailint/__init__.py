"""emailint: unread mail becomes cases, once each, durably, with one reply."""

__version__ = "0.1.0"
