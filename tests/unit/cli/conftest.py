"""A configuration with an empty store, for commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
store: store
integrations:
  - name: payroll
    mailbox: payroll@example.org
    protocol: maildir
    path: maildir
    outbound: {type: folder, path: outbox}
    workspace: 1201
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder; it holds integrations.yaml, an empty Maildir and no store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "integrations.yaml").write_text(CONFIG, encoding="utf-8")
    for folder in ("cur", "new", "tmp"):
        (tmp_path / "maildir" / folder).mkdir(parents=True)
    return tmp_path
