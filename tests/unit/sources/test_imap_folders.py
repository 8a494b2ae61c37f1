"""Names of folders, as they go over the wire and as they come."""

from __future__ import annotations

import pytest

from emailint.sources.imap_folders import listed, quoted


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("INBOX", b'"INBOX"'),
        ("Sent Items/2026", b'"Sent Items/2026"'),
        ("A & B", b'"A &- B"'),
        ("Entwürfe", b'"Entw&APw-rfe"'),
        ("日本", b'"&ZeVnLA-"'),
        ('a "b" \\c', b'"a \\"b\\" \\\\c"'),
        ("tab\there", b'"tab&AAk-here"'),
        ("", b'""'),
    ],
)
def test_a_name_is_written_in_modified_utf7_and_quoted(name: str, written: bytes) -> None:
    assert quoted(name) == written


def test_a_list_is_read_with_its_separators() -> None:
    answer = [b'(\\HasNoChildren) "/" INBOX', b'() "/" "Entw&APw-rfe"', b'(\\Noselect) NIL "2026"', None, b""]
    assert [(separator, name) for _flags, separator, name in listed(answer)] == [
        (b"/", "INBOX"),
        (b"/", "Entwürfe"),
        (None, "2026"),
    ]


def test_a_name_that_comes_as_a_literal_is_read_too() -> None:
    assert listed([(b'() "/" {5}', b"a b/c"), b""])[0][2] == "a b/c"


def test_half_an_answer_is_no_list() -> None:
    with pytest.raises(ValueError, match="zip"):
        listed([b'() "/"'])
