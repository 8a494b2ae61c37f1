"""Tables as values, as plain text and drawn."""

from __future__ import annotations

import io
import re

import pytest

from emailint.report.screen import show, show_row
from emailint.report.sheet import Cell, Column, Sheet, Tone, cells, fitted, plain_lines

SHEET = Sheet(
    (Column("Who"), Column("Mails", right=True), Column("What", elastic=True, wrap=True, room=50)),
    (
        (Cell("payroll"), Cell("12"), Cell("refused", Tone.BAD, below="ask again")),
        (Cell("山田\x1b[31m"), Cell("1,000"), Cell("[bold]x[/oops]")),
    ),
    title="Boxes",
    more=1200,
)


class Terminal(io.StringIO):
    """A terminal that remembers what it was sent."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")
    return Terminal()


def test_plain_text_is_aligned_and_complete() -> None:
    assert list(plain_lines(SHEET)) == [
        "Boxes",
        "WHO           MAILS  WHAT",
        "payroll          12  refused",
        "    ask again",
        "山田\\x1b[31m  1,000  [bold]x[/oops]",
        "... and 1,200 more",
    ]


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("山田", 4), ("e\u0301", 1), ("", 0), ("ß", 1)])
def test_cells(text: str, width: int) -> None:
    assert cells(text) == width


def test_off_a_terminal_it_is_plain() -> None:
    stream = io.StringIO()
    show(SHEET, stream=stream)
    assert stream.getvalue().splitlines() == list(plain_lines(SHEET))


def test_on_a_terminal_it_is_plain_where_asked(wide: Terminal) -> None:
    show(SHEET, plain=True, stream=wide)
    assert wide.getvalue().splitlines() == list(plain_lines(SHEET))


def test_on_a_terminal_it_is_drawn_with_the_mails_text_as_text(wide: Terminal) -> None:
    show(SHEET, stream=wide)
    drawn = wide.getvalue()
    assert "╭" in drawn
    assert "[bold]x[/oops]" in drawn
    assert "\\x1b[31m" in drawn
    assert "ask again" in drawn
    assert "1,200 more" in drawn
    assert "\x1b[1;31mrefused" in drawn  # our own colour for what is bad, and not for what to do
    assert "\x1b[1;31mask" not in drawn


def test_no_color_is_respected(wide: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    show(SHEET, stream=wide)
    assert "31" not in wide.getvalue().replace("\\x1b[31m", "")


def test_a_narrow_terminal_shows_fewer_columns_and_no_line_too_long(
    wide: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("NO_COLOR", "1")
    show(SHEET, stream=wide)
    drawn = re.sub(r"\x1b\[[\d;]*m", "", wide.getvalue())
    assert "payroll" in drawn
    assert "refused" not in drawn
    assert all(cells(line) <= 30 for line in drawn.splitlines())


@pytest.mark.parametrize(
    ("room", "widths"), [(100, [40, 12, 5]), (57, [40, 12, 5]), (47, [30, 12, 5]), (10, [10, 12, 5])]
)
def test_only_elastic_columns_give_way_and_not_for_ever(room: int, widths: list[int]) -> None:
    columns = (Column("A", elastic=True), Column("B"), Column("C"))
    sheet = Sheet(columns, ((Cell("a" * 40), Cell("b" * 12), Cell("c" * 5)),))
    assert fitted(sheet, [0, 1, 2], room) == widths


def test_a_row_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    show_row((Cell("ok"), Cell("TLS"), Cell("61 days left", below="renew\x07")), (6, 4))
    assert capsys.readouterr().out == "ok     TLS  61 days left\n    renew\\x07\n"


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_can_do_nothing_gets_plain_text(
    wide: Terminal, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    show(SHEET, stream=wide)
    assert wide.getvalue().splitlines() == list(plain_lines(SHEET))


def test_clicolor_is_respected(wide: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICOLOR", "0")
    show(SHEET, stream=wide)
    assert "31" not in wide.getvalue().replace("\\x1b[31m", "")


@pytest.mark.parametrize("width", [32, 40, 60, 80, 300])
def test_no_number_is_cut_and_no_line_too_long(
    wide: Terminal, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    titles = ("Integration", "Unread", "Cases", "Replies withheld")
    columns = (*(Column(title, right=True) for title in titles), Column("Trouble", elastic=True, wrap=True))
    numbers = ("payroll", "1,234,567", "76", "1,000")
    trouble = Cell("the server refused [bold]x\x1b[2J " + "y" * 30, Tone.BAD, below="ask again")
    show(Sheet(columns, ((*map(Cell, numbers), trouble),), title="Sums", more=3), stream=wide)
    drawn = re.sub(r"\x1b\[[\d;]*m", "", wide.getvalue())
    for said in (*numbers, "[bold]x", "\\x1b[2J", "ask again"):
        assert said in drawn
    assert all(cells(line) <= width for line in drawn.splitlines())
