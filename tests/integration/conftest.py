"""Fixtures of these tests: the real servers."""

from tests.support.cyrus import cyrus
from tests.support.dovecot import dovecot

__all__ = ["cyrus", "dovecot"]
