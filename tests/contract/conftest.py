"""Fixtures of these tests: the real servers."""

from tests.support.dovecot import dovecot

__all__ = ["dovecot"]
