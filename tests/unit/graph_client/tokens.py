"""Tokens for tests without a server."""

from __future__ import annotations


class OneToken:
    """Always the same token."""

    def token(self) -> str:
        return "t0ken"

    def renewed(self, dead: str) -> str:
        return dead

    def warnings(self) -> list[str]:
        return []

    def end(self) -> None:
        """Nobody knows."""
