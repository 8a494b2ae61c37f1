"""Each source brings in what it needs and no more, since cron pays for imports every minute."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "jinja2",
    "msal",
    "nh3",
    "pydantic",
    "requests",
    "rich",
    "yaml",
    "email.policy",
    "charset_normalizer",
}


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("emailint.sources.imap", HEAVY | {"imapclient", "importlib.metadata"}),
        ("emailint.sources.maildir", HEAVY | {"imapclient", "imaplib", "ssl", "socket"}),
    ],
)
def test_what_a_source_imports(module: str, unwanted: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    imported = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert module in imported
    assert unwanted.isdisjoint(imported)


@pytest.mark.parametrize(
    "module",
    ["emailint.sweep.connect", "emailint.sources.graph", "emailint.outbound.graph", "emailint.oauth.entra"],
)
def test_no_heavy_library_before_a_mailbox_signs_in(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    imported = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert module in imported
    assert {"msal", "requests", "urllib3", "jwt", "cryptography", "jinja2", "rich"}.isdisjoint(imported)
