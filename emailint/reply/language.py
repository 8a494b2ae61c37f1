"""In which language a mail is answered, and what the built-in replies say in it.

The words are data, one file a language in `languages/`; the structure is in the templates, once.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from emailint.templating import Templates

AUTO: Final = "auto"
DEFAULT: Final = "en"
FOLDER: Final = Path(__file__).with_name("languages")

_RIGHT_TO_LEFT: Final = frozenset({"ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})


@dataclass(frozen=True, slots=True)
class Edition:
    """The file that serves (`case-confirm` or `case-confirm.de`), and the reply's language (RFC 5646)."""

    template: str
    language: str

    @property
    def direction(self) -> str:
        """Of writing: `ltr` or `rtl`, as the attribute `dir` says it."""
        return "rtl" if self.language.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"


@cache
def languages() -> tuple[str, ...]:
    """The languages that the built-in replies have, sorted."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.toml")))


def edition(templates: Templates, name: str, setting: str, mail: str | None) -> Edition:
    """The edition of a template that answers a mail.

    `setting` is `reply.language`: `auto`, `auto/de` or `de`. `mail` is what the mail's Content-Language says;
    it is compared with the languages that there are, and never becomes part of a path. Where the template is
    not there in any language asked for, it is taken as it stands.
    """
    there = editions(templates, name)
    auto, fixed = asked(setting)
    for language in (*(shorter(mail or "") if auto else ()), *shorter(fixed)):
        if language in there:
            return Edition(there[language], language)
    return Edition(name, next((each for each in shorter(fixed) if each in languages()), DEFAULT))


def editions(templates: Templates, name: str) -> dict[str, str]:
    """For each language that a template is there in, the name of the file that serves.

    A built-in template is there in all built-in languages, unless a file of the owner's has its name; and
    `NAME.de.j2` in the owner's folder is NAME in German.
    """
    built_in = {} if templates.is_own(name) else dict.fromkeys(languages(), name)
    own = {language: f"{name}.{language}" for language in templates.translations(name)}
    return built_in | own


def asked(setting: str) -> tuple[bool, str]:
    """Whether the mail's language counts, and which one serves otherwise."""
    first, slash, fixed = setting.partition("/")
    return first == AUTO, (fixed if slash else DEFAULT) if first == AUTO else setting


def phrases(language: str, **values: str) -> dict[str, str]:
    """The words of the built-in replies, filled in; English where a language has none."""
    return {name: text.format(**values) for name, text in _data(language)["phrases"].items()}


def in_words(moment: datetime, language: str) -> str:
    """Day, time and zone as the language writes them; `moment` is aware and in the zone to be shown."""
    data = _data(language)["moment"]
    pattern = data.get("at_one", data["pattern"]) if moment.hour == 1 else data["pattern"]
    zone = moment.tzname() or ""
    text: str = pattern.format(
        weekday=data["weekdays"][moment.weekday()],
        day=data.get("first", "1") if moment.day == 1 else moment.day,
        month=data["months"][moment.month - 1],
        year=moment.year,
        hour=f"{moment.hour:02}",
        hour12=moment.hour % 12 or 12,
        half="AM" if moment.hour < 12 else "PM",
        minute=f"{moment.minute:02}",
        zone=zone if zone[:1].isalpha() else f"UTC{zone}",
    )
    return text


def shorter(tag: str) -> Iterator[str]:
    """A tag in lower case, then ever shorter ones (RFC 4647 section 3.4): de-at-1996, de-at, de."""
    parts = tag.lower().split("-")
    for length in range(len(parts), 0, -1):
        yield "-".join(parts[:length])


@cache
def _data(language: str) -> Mapping[str, Any]:
    found = next((each for each in shorter(language) if each in languages()), DEFAULT)
    return tomllib.loads((FOLDER / f"{found}.toml").read_text(encoding="utf-8"))
