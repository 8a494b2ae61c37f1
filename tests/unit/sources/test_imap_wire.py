"""What a connection costs beyond its octets: with a thousand idle mailboxes, each minute."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unittest.mock import Mock

from tests.support.scripted_imap import ScriptedImap
from tests.support.sources import imap_source

if TYPE_CHECKING:
    import pytest


def looked_into(port: int) -> int:
    """How many unread messages one connection finds."""
    with imap_source(port=port) as source:
        return len(source.list_unread())


def test_patterns_are_compiled_for_the_first_connection_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedImap() as server:
        assert looked_into(server.port) == 2
        compiler = re._compiler  # type: ignore[attr-defined]  # what the cache of `re` asks
        counted = Mock(wraps=compiler.compile)
        monkeypatch.setattr(compiler, "compile", counted)
        assert looked_into(server.port) == 2
    assert counted.call_args_list == []


def test_lines_in_small_letters_are_understood_as_before() -> None:
    small = {
        "SELECT": b"* 2 exists\r\n* ok [uidvalidity 7] ok\r\nTAG ok\r\n",
        "UID SEARCH": b"* search 1 2\r\nTAG ok done\r\n",
    }
    with ScriptedImap(small) as server:
        assert looked_into(server.port) == 2
