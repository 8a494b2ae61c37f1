"""The pages about templates name what the program knows: no more and no less."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emailint.reply.language import languages
from emailint.reply.markup import ATTRIBUTES, ELEMENTS, PROPERTIES
from emailint.reply.render import preview
from emailint.reply.stored import StoredLine
from emailint.templating import Templates

DOCS = Path(__file__).parents[2] / "docs"
HOW_TO = (DOCS / "how-to" / "write-a-template.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference" / "templates.md").read_text(encoding="utf-8")


def section(page: str, title: str) -> str:
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def named(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize(
    ("title", "known"),
    [("Elements", ELEMENTS), ("Attributes", ATTRIBUTES), ("CSS properties", PROPERTIES)],
)
def test_the_lists_are_those_of_the_program(title: str, known: frozenset[str]) -> None:
    assert named(section(REFERENCE, title).strip().split("\n\n")[0]) == sorted(known)


def test_every_variable_is_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: set[str] = set()
    whole = Templates.render_block

    def render_block(
        self: Templates, name: str, block: str, variables: dict[str, object], **how: bool
    ) -> str:
        given.update(variables)
        return whole(self, name, block, variables, **how)

    monkeypatch.setattr(Templates, "render_block", render_block)
    preview(Templates(None), "case-confirm", marker="===")
    rows = section(HOW_TO, "What a template may name").splitlines()
    assert {named(row)[0] for row in rows if row.startswith("| `")} == given


def test_templates_and_languages_are_those_there_are() -> None:
    rows = section(HOW_TO, "The built-in replies").splitlines()
    assert tuple(named(row)[0] for row in rows if row.startswith("| `")) == Templates(None).names()
    assert tuple(re.findall(r"\(`(..)`\)", section(HOW_TO, "Languages"))) == languages()


def test_the_template_that_is_shown_serves(tmp_path: Path) -> None:
    source = HOW_TO.partition("```jinja\n")[2].partition("```")[0]
    (tmp_path / "our-confirm.j2").write_text(source, encoding="utf-8")
    reply = preview(Templates(tmp_path), "our-confirm", StoredLine({"case_id": "CS-1"}), marker="===")
    assert "The payroll team answers within a day." in reply.text
