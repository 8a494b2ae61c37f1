"""The site: reference pages are what the code says, and nothing is fetched from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from docs.site import advice, navigation, reference, way
from emailint import errors
from emailint.cli.app import COMMANDS
from emailint.config.schema import schema
from emailint.errors import EmailintError, Exit
from emailint.schemas import SCHEMAS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = reference.pages()


@pytest.mark.parametrize("name", PAGES)
def test_each_reference_page_is_what_the_code_says(name: str) -> None:
    kept = (DOCS / "reference" / name).read_text(encoding="utf-8")
    assert kept == PAGES[name], "run: make reference"


def test_every_key_is_in_the_reference() -> None:
    whole = schema()
    for node in (whole, *whole["definitions"].values()):
        for key in node["properties"]:
            assert f"\n| `{key}` | " in PAGES["configuration.md"]


def test_every_link_to_a_table_of_keys_leads_to_one() -> None:
    page = PAGES["configuration.md"]
    headings = {reference._anchor(title) for title in re.findall(r"^## (.*)$", page, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([^)]*)\)", page))
    assert len(links) > 8
    assert links <= headings


def test_no_cell_of_a_table_is_cut_by_what_stands_in_it() -> None:
    for name, text in PAGES.items():
        rows = [line for line in text.splitlines() if line.startswith("| ")]
        assert rows, name
        assert {line.count(" | ") for line in rows} <= {1, 3}, name


def test_every_command_is_in_the_reference() -> None:
    headings = set(re.findall(r"^## emailint (.*)$", PAGES["commands.md"], re.MULTILINE))
    assert headings >= {*COMMANDS, "store verify", "store prune"}
    assert "--dry-run" in PAGES["commands.md"]


def of_the_package(kind: type[EmailintError]) -> set[type[EmailintError]]:
    below = {each for each in kind.__subclasses__() if each.__module__ == errors.__name__}
    return below.union(*(of_the_package(each) for each in below))


def test_every_kind_of_error_has_a_cure() -> None:
    assert set(advice.CURES) == {EmailintError, *of_the_package(EmailintError)}
    headings = re.findall(r"^## (.*)$", PAGES["errors.md"], re.MULTILINE)
    assert headings == [kind("").kind for kind in advice.CURES]


def test_the_advice_of_the_code_is_on_the_page() -> None:
    told = advice.given()
    assert sum(len(rows) for rows in told.values()) > 40
    assert told.keys() >= {"FolderMissing", "LoginRefused"}
    for kind, rows in told.items():
        if hasattr(errors, kind):
            for _, hint in rows:
                assert reference._escaped(hint) in PAGES["errors.md"]


def test_commands_that_cures_name_are_commands() -> None:
    named = set(re.findall(r"`emailint ([a-z][a-z-]+)", " ".join(advice.CURES.values())))
    assert named >= {"test-connection", "retry"}
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_field_is_in_the_reference(name: str) -> None:
    section = PAGES["records.md"].partition(f"## {reference.RECORDS[name][0]}\n")[2].partition("\n## ")[0]
    for field in SCHEMAS[name]["properties"]:
        assert f"\n| `{field}` | " in section
    if name == "case":
        assert "| `attachments[].sha256` | string | yes |" in section
        assert "| `message.from.address` | string | yes |" in section
        assert "| `related_case` | string | no |" in section


def test_every_exit_status_is_in_the_reference() -> None:
    assert set(reference.STATUS) == set(Exit)


def test_the_picture_is_of_files_that_there_are_in_the_order_that_the_sweep_has() -> None:
    kept = (DOCS / "pictures" / "way.svg").read_text(encoding="utf-8")
    assert kept == way.picture(), "run: make reference"
    for stop in way.WAY:
        assert [name for name in stop.files if not (ROOT / "emailint" / name).is_file()] == []
    said = (ROOT / "emailint" / "sweep" / "order.py").read_text(encoding="utf-8").partition("→")
    drawn = " ".join(stop.what for stop in way.WAY)
    steps = ("list", "in flight", "fetch", "attachments", "transaction", "project", "mark", "move", "send")
    for order in (f"{said[0]}{said[2]}", drawn):
        at = [found.start() for step in steps if (found := re.search(rf"\b{step}\b", order))]
        assert at == sorted(at)
        assert len(at) == len(steps)


def test_files_that_the_tour_names_are_there() -> None:
    text = (DOCS / "tour.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", text))
    assert len(named) > 20
    places = (ROOT / "emailint", ROOT)
    assert [name for name in sorted(named) if not any((place / name).is_file() for place in places)] == []


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page() -> None:
    # Constructors are mkdocs' own affair; there are none in the file.
    nav = yaml.safe_load((DOCS / "site" / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    found = navigation.pages(DOCS)
    listed = navigation._leaves(navigation.completed(nav, found))
    assert sorted(listed) == found
    assert "site/mkdocs.yml" not in found
    assert not any(page.startswith("man/") for page in found)


def test_a_new_page_stands_in_the_section_of_its_folder() -> None:
    nav = ["index.md", {"Reference": ["reference/a.md"]}, {"Decisions": []}, {"Guarantees": []}]
    found = [
        "decisions/0001-x.md",
        "guarantees.md",
        "index.md",
        "other.md",
        "reference/a.md",
        "reference/b.md",
    ]
    assert navigation.completed(nav, found) == [
        "index.md",
        {"Reference": ["reference/a.md", "reference/b.md"]},
        {"Decisions": ["decisions/0001-x.md"]},
        {"Guarantees": ["guarantees.md"]},
        "other.md",
    ]


@pytest.mark.parametrize(
    "html",
    [
        '<script async src="https://cdn.example/x.js"></script>',
        "<img alt=x src=//cdn.example/x.png>",
        '<link href="https://fonts.example/css" rel="stylesheet">',
        '<link rel="preconnect" href="https://fonts.example">',
    ],
)
def test_what_a_browser_would_fetch_from_elsewhere_is_seen(html: str) -> None:
    assert len(navigation.fetched(f"<p>{html}</p>")) == 1


def test_links_and_what_is_our_own_are_not() -> None:
    html = '<a href="https://x.example">x</a><script src="assets/x.js"></script><link rel=canonical href=https://x.example>'
    assert navigation.fetched(html) == []


def test_the_site_is_strict_and_asks_nothing_of_others() -> None:
    text = (DOCS / "site" / "mkdocs.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["theme"]["font"] is False
    assert "analytics:" not in text
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "mkdocs build --strict" in makefile
    assert "mkdocs build --quiet" not in makefile, "which hides warnings from --strict too"
    check = makefile.partition("\ncheck:")[2].partition("\n\n")[0]
    assert "docs" in check
