"""Server words: cleaned, and taken for what they mean."""

from __future__ import annotations

import pytest

from emailint.errors import ConnectionFailed, FolderMissing, LoginRefused, SourceError, Throttled
from emailint.sources.imap_errors import Answer, clean, farewell, refusal


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (b"all is well", "all is well"),
        (b"two\r\nlines\tand  tabs", "two lines and tabs"),
        (b"\x1b]52;c;eA==\x07\x1b[2J", "]52;c;eA== [2J"),
        ("\x9b1m \u202eevil\u2066 \u2028 \ufeff".encode(), "1m evil"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 400, "x" * 300 + "…"),
        (b"pass secret and secretive", "pass *** and ***ive"),
        (b"", ""),
    ],
)
def test_cleaning(text: bytes, cleaned: str) -> None:
    assert clean(text, "secret", "") == cleaned


def test_the_longest_secret_goes_first() -> None:
    assert clean("secrets", "secret", "secrets") == "***"


def test_an_error_holds_the_words_and_what_was_done() -> None:
    error = refusal("login as ann", Answer("NO", "[AUTHENTICATIONFAILED] wrong"), LoginRefused, "try again")
    assert str(error) == "login as ann: the server said NO [AUTHENTICATIONFAILED] wrong"
    assert error.hint == "try again"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[NONEXISTENT] no", FolderMissing),
        ("no [UNAVAILABLE] in the middle is no code", LoginRefused),
        ("[UNAVAILABLE]", Throttled),
        ("[X-NEW (a b)] never heard of", LoginRefused),
        ("Temporary failure", Throttled),
        ("", LoginRefused),
    ],
)
def test_codes_count_where_they_are_codes(text: str, kind: type[SourceError]) -> None:
    assert type(refusal("login", Answer("NO", text), LoginRefused)) is kind


def test_a_farewell_is_a_lost_connection_unless_it_asks_for_patience() -> None:
    assert type(farewell("h", "shutting down")) is ConnectionFailed
    assert type(farewell("h", "[THROTTLED] slow down")) is Throttled
