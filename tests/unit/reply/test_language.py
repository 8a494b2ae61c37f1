"""In which language a mail is answered, and that each language says all there is to say."""

from __future__ import annotations

import json
import re
import string
import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.message.quoted import MARKER, split_text
from emailint.reply.language import FOLDER, Edition, edition, in_words, languages, phrases
from emailint.reply.render import Rendered, Wording, preview, sample
from emailint.reply.stored import StoredLine
from emailint.templating import BUILT_IN as TEMPLATES
from emailint.templating import Templates

if TYPE_CHECKING:
    from pathlib import Path

BUILT_IN = Templates(None)
CASE = '{% extends "case-confirm" %}'
each_language = pytest.mark.parametrize("language", languages())
each_template = pytest.mark.parametrize("name", BUILT_IN.names())


def shown(name: str, wording: Wording = Wording(), **changes: Any) -> Rendered:  # noqa: B008 - frozen
    line = StoredLine.parse(json.dumps({**sample(), **changes}).encode())
    return preview(BUILT_IN, name, line, marker=MARKER, wording=wording)


def message(language: str | None) -> dict[str, Any]:
    return {**sample()["message"], "language": language}


def test_the_languages_are_those_that_are_promised() -> None:
    assert languages() == ("de", "en", "es", "fr", "it", "nl", "pt")


@each_language
def test_each_language_has_the_same_keys_and_fills_the_same_in(language: str) -> None:
    mine, english = (
        tomllib.loads((FOLDER / f"{each}.toml").read_text(encoding="utf-8")) for each in (language, "en")
    )
    fields = {name: _fields(text) for name, text in mine["phrases"].items()}
    assert fields == {name: _fields(text) for name, text in english["phrases"].items()}
    assert (len(mine["moment"]["weekdays"]), len(mine["moment"]["months"])) == (7, 12)
    assert all(text.strip(":\u00a0") == text.strip() or text.strip() for text in mine["phrases"].values())


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_phrase_is_used() -> None:
    source = "".join(file.read_text(encoding="utf-8") for file in TEMPLATES.glob("*.j2"))
    assert set(re.findall(r"phrases\.(\w+)", source)) == set(phrases("en", case_id="", due=""))


@each_template
@each_language
def test_each_reply_is_said_wholly_in_each_language(name: str, language: str) -> None:
    reply = shown(name, Wording(language))
    assert (reply.language, reply.template) == (language, name)
    assert f'<html lang="{language}" dir="ltr">' in reply.html
    said = phrases(language, case_id="CS-000042", due="")
    for part in (reply.text, reply.html):
        flat = " ".join(part.split())
        assert said["closing"] in flat
        assert said["note"] in flat
    if language != "en":
        assert not re.search(r"\b(your|the|this)\b", re.sub(r"=== .* ===|Wrong hours.*", "", reply.text))


@each_template
@each_language
def test_the_text_says_what_the_html_says(name: str, language: str) -> None:
    reply = shown(name, Wording(language))
    body = re.sub(r"<(style|title)>.*?</\1>|<[^>]+>", " ", reply.html, flags=re.DOTALL)
    words = set(re.findall(r"[^\W\d_]{4,}", body))
    assert words <= set(re.findall(r"[^\W\d_]{4,}", reply.text)) | {"quot"}
    assert all(len(line) <= 90 for line in reply.text.splitlines())


@each_template
@each_language
def test_an_answer_is_cut_at_the_marker_in_each_language(name: str, language: str) -> None:
    quoted = "\n".join(f"> {line}" for line in shown(name, Wording(language)).text.splitlines())
    assert split_text(f"Thank you!\n\n{quoted}\n").new.strip() == "Thank you!"


@pytest.mark.parametrize(
    ("setting", "mail", "language"),
    [
        ("auto", "de", "de"),
        ("auto", "de-AT", "de"),
        ("auto", "PT-BR", "pt"),
        ("auto", "pl", "en"),
        ("auto", None, "en"),
        ("auto/de", None, "de"),
        ("auto/de", "fr-CA", "fr"),
        ("auto/de-ch", "pl", "de"),
        ("auto/de", "en-US", "en"),
        ("de", "fr", "de"),
        ("pl", "fr", "en"),
    ],
)
def test_the_language_is_chosen(setting: str, mail: str | None, language: str) -> None:
    assert edition(BUILT_IN, "case-confirm", setting, mail) == Edition("case-confirm", language)
    assert shown("case-confirm", Wording(setting), message=message(mail)).language == language


def test_a_translation_of_ones_own_stands_beside_ones_own_template(tmp_path: Path) -> None:
    (tmp_path / "our.j2").write_text(CASE + "{% block words %}Ours.{% endblock %}")
    (tmp_path / "our.pl.j2").write_text('{% extends "our" %}{% block words %}Nasze.{% endblock %}')
    (tmp_path / "case-confirm.de.j2").write_text(CASE + "{% block words %}Unser.{% endblock %}")
    (tmp_path / "case-confirm.ar.j2").write_text(CASE + "{% block words %}لنا{% endblock %}")
    own = Templates(tmp_path)

    def said(name: str, mail: str, setting: str = "auto") -> Rendered:
        line = StoredLine({**sample(), "message": message(mail)})
        return preview(own, name, line, marker=MARKER, wording=Wording(setting))

    assert "Nasze." in said("our", "pl-PL").text
    assert "Ours." in said("our", "de").text
    assert "Case:" in said("our", "de").text
    assert "Vorgang:" in said("our", "de", "de").text
    assert "Unser." in (german := said("case-confirm", "de").text)
    assert "Vorgang:" in german
    assert "Dossier" in said("case-confirm", "fr").text
    assert '<html lang="ar" dir="rtl">' in (arabic := said("case-confirm", "ar").html)
    assert 'align="right"' in arabic


def test_a_template_of_ones_own_in_place_of_the_built_in_one_has_the_languages_of_its_owner(
    tmp_path: Path,
) -> None:
    (tmp_path / "case-confirm.j2").write_text(CASE + "{% block words %}Ours.{% endblock %}")
    assert edition(Templates(tmp_path), "case-confirm", "auto", "de") == Edition("case-confirm", "en")


@given(st.text() | st.sampled_from(["../../etc/passwd", "de/../..", "_frame", "de\0", "DE", "de_DE"]))
def test_what_a_mail_names_is_compared_and_never_opened(mail: str) -> None:
    found = edition(BUILT_IN, "case-confirm", "auto", mail)
    assert found.template == "case-confirm"
    assert found.language in languages()


NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Thursday, November 26, 2026 at 1:05 PM (EST)"),
        ("de", "Donnerstag, 26. November 2026, 13:05 Uhr (EST)"),
        ("fr", "jeudi 26 novembre 2026 à 13:05 (EST)"),
        ("es", "jueves, 26 de noviembre de 2026, a las 13:05 (EST)"),
        ("pt", "quinta-feira, 26 de novembro de 2026, às 13:05 (EST)"),
        ("it", "giovedì 26 novembre 2026, ore 13:05 (EST)"),
        ("nl", "donderdag 26 november 2026 om 13:05 uur (EST)"),
    ],
)
def test_a_time_is_told_as_the_language_tells_it(language: str, words: str) -> None:
    due = "2026-11-26T18:05:00Z"
    assert in_words(datetime.fromisoformat(due).astimezone(NEW_YORK), language) == words
    reply = shown("case-confirm-expected-time", Wording(language, NEW_YORK), due_at=due)
    assert " ".join(reply.text.split()).count(words) == reply.html.count(words) == 2


@pytest.mark.parametrize(
    ("language", "hour", "words"),
    [
        ("en", 0, "Sunday, March 1, 2026 at 12:00 AM (UTC)"),
        ("en", 12, "Sunday, March 1, 2026 at 12:00 PM (UTC)"),
        ("fr", 9, "dimanche 1er mars 2026 à 09:00 (UTC)"),
        ("es", 1, "domingo, 1 de marzo de 2026, a la 01:00 (UTC)"),
        ("pt", 1, "domingo, 1º de março de 2026, à 01:00 (UTC)"),
        ("it", 9, "domenica 1º marzo 2026, ore 09:00 (UTC)"),
    ],
)
def test_firsts_of_months_and_hours_of_one(language: str, hour: int, words: str) -> None:
    assert in_words(datetime(2026, 3, 1, hour, tzinfo=UTC), language) == words


def test_a_zone_without_letters_is_told_from_utc() -> None:
    moment = datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("America/Sao_Paulo"))
    assert in_words(moment, "en").endswith("(UTC-03)")


@pytest.mark.parametrize("due", [None, "2026-11-24T18:00:00Z", "no moment", 7])
def test_no_time_is_promised_that_is_not_ahead(due: object) -> None:
    reply = shown("case-confirm-expected-time", due_at=due)
    assert reply.text == shown("case-confirm").text
    assert reply.html == shown("case-confirm").html
