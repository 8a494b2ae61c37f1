"""The built-in HTML keeps to what Gmail, Outlook and Apple Mail all show, and to nothing remote."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

import pytest

from emailint.reply.render import preview
from emailint.templating import Templates

ELEMENTS: Final = {"html", "head", "meta", "title", "style", "body", "table", "tr", "td", "p", "strong", "br"}
"""No div layouts, scripts, forms, images, links to style sheets or fonts."""
VOID: Final = {"meta", "br"}
ATTRIBUTES: Final = {
    "align",
    "border",
    "cellpadding",
    "cellspacing",
    "charset",
    "class",
    "content",
    "dir",
    "lang",
    "name",
    "role",
    "style",
    "valign",
    "width",
}
PROPERTIES: Final = {
    "background-color",
    "border",
    "color",
    "font-family",
    "font-size",
    "line-height",
    "margin",
    "max-width",
    "padding",
    "width",
}
"""Of inline styles: those that Outlook's Word engine draws too (max-width it passes over)."""
BUILT_IN = Templates(None)


class Outline(HTMLParser):
    """Elements, attributes and whether all is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def html_of(name: str) -> str:
    return preview(BUILT_IN, name, marker="=== above ===").html


each_template = pytest.mark.parametrize("name", BUILT_IN.names())


@each_template
def test_elements_and_attributes_are_of_the_list(name: str) -> None:
    outline = Outline(html_of(name))
    assert outline.open == []
    assert {tag for tag, _ in outline.elements} <= ELEMENTS
    assert {attribute for _, attributes in outline.elements for attribute in attributes} <= ATTRIBUTES


@each_template
def test_styles_are_inline_and_of_the_list(name: str) -> None:
    for tag, attributes in Outline(html_of(name)).elements:
        declared = [each.split(":")[0] for each in attributes.get("style", "").split(";") if each]
        assert set(declared) <= PROPERTIES, tag
        assert len(declared) == len(set(declared)), tag
        if tag in {"p", "td"} and "ink" in attributes.get("class", ""):
            assert "color" in declared


@each_template
def test_nothing_is_remote(name: str) -> None:
    html = html_of(name).lower()
    assert not re.search(r"https?:|//|url\(|@import|src=|href=|<script|<link|<img|javascript:", html)


@each_template
def test_tables_are_for_layout_and_said_to_be(name: str) -> None:
    tables = [attributes for tag, attributes in Outline(html_of(name)).elements if tag == "table"]
    assert tables
    assert all(table["role"] == "presentation" and table["cellspacing"] == "0" for table in tables)


@each_template
def test_dark_mode_colours_every_class_that_is_used(name: str) -> None:
    html = html_of(name)
    dark = html.partition("@media (prefers-color-scheme: dark)")[2].partition("</style>")[0]
    assert '<meta name="color-scheme" content="light dark">' in html
    used = {attributes["class"] for _, attributes in Outline(html).elements if "class" in attributes}
    assert used
    assert all(f".{each} {{" in dark for each in used)


@each_template
def test_it_is_small_and_says_its_language(name: str) -> None:
    html = html_of(name)
    assert html.startswith("<!DOCTYPE html>\n<html lang=")
    assert len(html.encode()) < 20_000  # Gmail clips at 102 KB
