"""What strangers wrote reaches a terminal as text alone."""

from __future__ import annotations

import unicodedata

import pytest

from emailint.terminal import clip, terminal_safe

STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Wrong hours on my slip", "Wrong hours on my slip"),
        ("Congé payé, März, 山田 愛子, 🙂", "Congé payé, März, 山田 愛子, 🙂"),
        ("\x1b]52;c;cm0gLXJm\x07", r"\x1b]52;c;cm0gLXJm\x07"),
        ("\x1b[2J\x9b31m", r"\x1b[2J\x9b31m"),
        ("a\u202egpj.exe", r"a\u202egpj.exe"),
        ("two\nlines\r\tand a tab", r"two\x0alines\x0d\x09and a tab"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("lone \udc80 surrogate", r"lone \udc80 surrogate"),
        ("tag \U000e0041", r"tag \U000e0041"),
        (
            "[bold]not[/oops] [link=https://example.com]markup",
            "[bold]not[/oops] [link=https://example.com]markup",
        ),
        ("", ""),
    ],
)
def test_what_could_steer_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert terminal_safe(text) == shown


def test_no_character_that_steers_comes_through() -> None:
    through = [
        hex(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in STEERING and terminal_safe(chr(code)) == chr(code)
    ]
    assert through == []


def test_every_letter_digit_sign_and_blank_is_left_alone() -> None:
    """All but the variation selectors of plane 14, which show nothing."""
    changed = [
        hex(code)
        for code in range(0xE0000)
        if unicodedata.category(chr(code)) not in STEERING | {"Cn", "Co"}
        and terminal_safe(chr(code)) != chr(code)
    ]
    assert changed == []


def test_lines_are_kept_where_asked_and_nothing_else() -> None:
    assert terminal_safe("one\n\ttwo\x1b[m\r\n", lines=True) == "one\n    two\\x1b[m\\x0d\n"


@pytest.mark.parametrize(
    ("text", "length", "clipped"), [("abcdef", 6, "abcdef"), ("abcdefg", 6, "abcde…"), ("abc", 1, "…")]
)
def test_clip(text: str, length: int, clipped: str) -> None:
    assert clip(text, length) == clipped
