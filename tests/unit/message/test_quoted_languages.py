"""What mail programs write around history, over languages and programs, from the catalogues in data."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Final

import pytest

from emailint.message.quoted import Split, split_html, split_signature, split_text

DATA: Final = Path(__file__).parents[2] / "data" / "quoted"
LANGUAGES: Final = (
    "en",
    "de",
    "fr",
    "es",
    "it",
    "nl",
    "pt",
    "da",
    "sv",
    "no",
    "fi",
    "pl",
    "cs",
    "ru",
    "zh",
    "ja",
)
NEW: Final = "Thanks, that helps.\n\nPlease change it for December as well."
OLD: Final = "Dear all,\nthe hours are in the list.\n\nRegards\nAnn"


def catalogue(name: str) -> list[tuple[str, str]]:
    """Title and lines of each entry."""
    entries = []
    for block in (DATA / name).read_text(encoding="utf-8").split("\n# ")[1:]:
        title, _, lines = block.partition("\n")
        entries.append((title, lines.strip("\n")))
    return entries


def sure(entries: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [entry for entry in entries if not entry[0].endswith("only-quoted")]


def table(entries: list[tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "entry", [lines for _, lines in entries], ids=[title for title, _ in entries]
    )


def cited(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


REPLY_LINES: Final = catalogue("reply_lines.txt")
HEADER_BLOCKS: Final = catalogue("header_blocks.txt")
SIGNATURES: Final = catalogue("signatures.txt")
FORWARDS: Final = catalogue("forwards.txt")


def test_catalogues_are_read_whole() -> None:
    assert (len(REPLY_LINES), len(HEADER_BLOCKS), len(SIGNATURES), len(FORWARDS)) == (117, 72, 53, 24)
    for language in LANGUAGES:
        for entries in (REPLY_LINES, HEADER_BLOCKS, SIGNATURES, FORWARDS):
            assert any(title.startswith(language) for title, _ in entries), language


@table(REPLY_LINES)
def test_reply_line_above_quoted_lines(entry: str) -> None:
    assert split_text(f"{NEW}\n\n{entry}\n\n{cited(OLD)}\n") == Split(NEW, f"{entry}\n\n{cited(OLD)}")


@table(REPLY_LINES)
def test_reply_line_right_between(entry: str) -> None:
    assert split_text(f"{NEW}\n{entry}\n{cited(OLD)}") == Split(NEW, f"{entry}\n{cited(OLD)}")


@table(sure(REPLY_LINES))
def test_reply_line_above_lines_without_signs(entry: str) -> None:
    assert split_text(f"{NEW}\n\n{entry}\n\n{OLD}\n") == Split(NEW, f"{entry}\n\n{OLD}")


@table(sure(REPLY_LINES))
def test_reply_line_that_is_quoted_itself(entry: str) -> None:
    quoted = cited(f"{entry}\n\n{OLD}")
    assert split_text(f"{NEW}\n\n\ufeff{quoted}\n") == Split(NEW, f"\ufeff{quoted}")


@table(sure(REPLY_LINES))
def test_reply_line_at_the_end(entry: str) -> None:
    """Where the history was cut off as HTML, its reply line may be left."""
    assert split_text(f"{NEW}\n\n{entry}\n") == Split(NEW, entry)


@table(sure(REPLY_LINES))
def test_reply_line_above_a_cited_blockquote(entry: str) -> None:
    shown = html.escape(entry).replace("\n", "<br>")
    history = f'<div>{shown}</div><blockquote type="cite"><p>{OLD}</p></blockquote>'
    new, quoted = split_html(f"<html><body><p>{NEW}</p>{history}</body></html>")
    assert new == f"<html><body><p>{NEW}</p></body></html>"
    assert quoted == history


@table(HEADER_BLOCKS)
def test_header_block(entry: str) -> None:
    assert split_text(f"{NEW}\n\n{entry}\n\n{OLD}\n") == Split(NEW, f"{entry}\n\n{OLD}")


@table(HEADER_BLOCKS)
def test_header_block_with_windows_line_ends(entry: str) -> None:
    parts = split_text(f"{NEW}\n\n{entry}\n\n{OLD}\n".replace("\n", "\r\n"))
    assert parts.new.splitlines() == NEW.splitlines()
    assert parts.quoted.splitlines() == f"{entry}\n\n{OLD}".splitlines()


@table(HEADER_BLOCKS)
def test_header_block_in_html(entry: str) -> None:
    shown = html.escape(entry).replace("\n", "<br>\r\n")
    written = f'<div><p class="MsoNormal">{NEW}</p></div>'
    history = f'<div><p class="MsoNormal">{shown}</p></div><p>{OLD}</p></body>'
    assert split_html(written + history) == (written, history)


@table(HEADER_BLOCKS)
def test_header_block_alone_is_a_forward_without_a_mark(entry: str) -> None:
    text = f"{entry}\n\n{OLD}"
    assert split_text(f"\n{text}\n") == Split(text)


@table(SIGNATURES)
def test_signature(entry: str) -> None:
    assert split_text(f"{NEW}\n\n{entry}\n") == Split(NEW, signature=entry)
    assert split_signature(f"{NEW}\n\n{entry}\n") == Split(NEW, signature=entry)


@table(SIGNATURES)
def test_signature_above_history(entry: str) -> None:
    block = dict(HEADER_BLOCKS)["en Outlook"]
    assert split_text(f"{NEW}\n\n{entry}\n\n{block}\n\n{OLD}") == Split(NEW, f"{block}\n\n{OLD}", entry)


@table(SIGNATURES)
def test_signature_without_text_is_the_text(entry: str) -> None:
    assert split_text(f"\n{entry}\n") == Split(entry)


@table(FORWARDS)
def test_forward_stays_whole(entry: str) -> None:
    older = f"On Mon, Nov 23, 2026 at 6:00 PM Cid <c@example.com> wrote:\n{cited(OLD)}"
    text = f"Please see to this.\n-- \nBob\n\n{entry}\n\n{OLD}\n\n{older}"
    assert split_text(text) == Split(text)


@table(FORWARDS)
def test_forward_in_html_stays_whole(entry: str) -> None:
    shown = html.escape(entry).replace("\n", "<br>")
    passed_on = f'<div class="gmail_quote"><div class="gmail_attr">{shown}</div><p>{OLD}</p></div>'
    mail = f"<div>Please see to this.</div>{passed_on}"
    assert split_html(mail) == (mail, "")
