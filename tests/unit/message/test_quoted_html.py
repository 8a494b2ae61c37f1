"""HTML of real mail programs' make: what is new, what is history."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Final

import pytest

from emailint.message.quoted import split_html

DATA: Final = Path(__file__).parents[2] / "data" / "quoted"
MAILS: Final = sorted(DATA.glob("*.html"))


def shown(part: str) -> str:
    """The text that a reader sees, with single blanks."""
    bare = re.sub(r"(?s)<!--.*?-->|<style.*?</style>|<[^<>]*>?", " ", part)
    return re.sub(r"< (\S+@\S+) >", r"<\1>", " ".join(html.unescape(bare).split()))


@pytest.mark.parametrize("path", MAILS, ids=[path.stem for path in MAILS])
def test_html(path: Path) -> None:
    mail = path.read_text(encoding="utf-8")
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    new, quoted = split_html(mail, expected.get("subject", ""))
    assert {"new": shown(new), "quoted": shown(quoted)} == {
        "new": expected["new"],
        "quoted": expected["quoted"],
    }
    assert len(new) + len(quoted) == len(mail)


def test_the_mails_are_there() -> None:
    assert len(MAILS) == 42
