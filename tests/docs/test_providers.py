"""The table of providers says what the presets are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emailint.config.providers import PROVIDERS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "providers.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| `")]


def row(name: str, *, imap: bool) -> str:
    """The row of a provider; the one for IMAP where there are two."""
    named = [line for line in ROWS if f"`{name}`" in line.split("|")[1] and " what " not in line]
    settings = [line for line in named if re.search(r":\d{3}|Graph", line)]
    return settings[-1] if imap else settings[0]


@pytest.mark.parametrize("name", PROVIDERS)
def test_each_preset_stands_in_the_table(name: str) -> None:
    preset = PROVIDERS[name]
    text = row(name, imap=True)
    assert f"{preset.host}:{preset.port}" in text
    assert f"{preset.smtp_host}:{preset.smtp_port}" in text
    assert ("STARTTLS" in text) is (preset.smtp_tls == "starttls")
    assert (preset.authserv_id or "none") in text
    assert str(preset.per_minute or "none") in text
    assert ("app" in text.split("|")[4] and "password" in text.split("|")[4]) is preset.password_login
    assert ("Graph" in row(name, imap=False)) is (preset.protocol == "graph")


def test_no_row_is_about_what_there_is_not() -> None:
    named = {name for line in ROWS for name in re.findall(r"`([a-z0-9]+)`", line.split("|")[1])}
    assert named == set(PROVIDERS)
