"""HTML that not every mail program shows is told by file and line; the shipped replies have none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emailint.reply.language import languages
from emailint.reply.markup import Flaw, flaws
from emailint.reply.render import Addressed, Wording, flaws_of, samples
from emailint.reply.stored import StoredLine
from emailint.templating import Templates

if TYPE_CHECKING:
    from pathlib import Path

ADDRESSED = Addressed("a@example.org", "a@example.org")
BUILT_IN = Templates(None)
UNKNOWN = "the CSS property {!r} is not one that all mail programs know"


@pytest.mark.parametrize("name", BUILT_IN.names())
@pytest.mark.parametrize("language", languages())
def test_the_shipped_replies_have_no_flaw(name: str, language: str) -> None:
    for record in samples():
        assert flaws_of(BUILT_IN, name, StoredLine(record), ADDRESSED, Wording(language)) == ()


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ("<p>x", ["<p> is not closed"]),
        ("<p><b>x</p>", ["<b> is not closed before </p>"]),
        ("x</p>", ["</p> closes nothing"]),
        ("<blink>x</blink>", ["<blink> is an element that not every mail program shows"]),
        ("<p onclick='x'>x</p>", ["<p onclick=…> is an attribute that not every mail program keeps"]),
        ("<p style='position:fixed'>x</p>", [UNKNOWN.format("position")]),
        ("<a href='javascript:x'>x</a>", ["<a href=…> leads to no https, mailto or tel address"]),
        ("<a href='https://example.org/'>x</a><br/>", []),
        ("<style>@media (x) { .a { color:red; display:grid } }</style>",
         [UNKNOWN.format("display")]),
    ],
)  # fmt: skip
def test_each_flaw_is_told(html: str, says: list[str]) -> None:
    assert [flaw.what for flaw in flaws(html)] == says


@pytest.mark.parametrize("css", ["background-color:url(https://x.example/a)", "color:red}@import 'x'"])
def test_nothing_remote(css: str) -> None:
    assert any("remote" in flaw.what for flaw in flaws(f'<p style="{css}">x</p>'))
    assert flaws('<img src="https://x.example/a.png">') != ()


def test_the_place_is_the_line_of_the_template(tmp_path: Path) -> None:
    (tmp_path / "own.j2").write_text(
        '{% extends "case-confirm" %}\n{% block html %}\n<p>{{ message.subject }}</p>\n\n'
        "<div><blink>x</div>\n{% endblock %}"
    )
    found = flaws_of(Templates(tmp_path), "own", StoredLine(next(samples())), ADDRESSED, Wording())
    place = f"{tmp_path / 'own.j2'}:5"
    assert [flaw.place for flaw in found] == [place, place]
    assert Flaw(place, "<blink> is not closed before </div>") in found
