"""What `check` says of the templates: each is rendered over sample cases, in each of its languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from emailint.cli.previews import template_flaws
from emailint.config.problems import Problem
from emailint.errors import TemplateError
from emailint.message.model import InboundMessage
from emailint.message.quoted import MARKER
from emailint.reply.language import DEFAULT, asked, editions, languages, shorter
from emailint.reply.render import Wording, follow_up_samples, preview, samples
from emailint.reply.stored import StoredLine
from emailint.routing.record import field_variables
from emailint.routing.rules import variants
from emailint.routing.sender import sender_of
from emailint.templating import Templates, render_field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emailint.config.model import Alias, Config, Integration

_PLACE: Final = re.compile(r"(.+?\.j2|field template)(?::(\d+))?: (.+)", re.DOTALL)
"""What stands before the words of an error: a template's file, or what a field's template is called."""


def template_problems(config: Config) -> Iterator[Problem]:
    """What is wrong with templates, and with the languages that are asked of them.

    Files of the owner's that nothing names yet are tried as well, but for those that begin with `_`, which
    are parts of others.
    """
    templates = Templates(config.templates)
    yield from _language_problems(config, templates)
    lines = {False: tuple(samples()), True: tuple(follow_up_samples())}
    wrong: dict[tuple[str, tuple[str, str, str, str]], None] = {}
    named = {(name, follow_up): each for each, name, follow_up in _named(config)}
    for (name, follow_up), integration in named.items():
        where = f"template {name} of integration {integration.name}"
        wrong |= {(where, each): None for each in _wrong(templates, name, integration, lines[follow_up])}
    for name in sorted(_own(config).difference(name for name, _ in named)):
        found = _wrong(templates, name, config.integrations[0], lines[False])
        wrong |= {(f"template {name}, which nothing names", each): None for each in found}
    for where, (file, line, what, hint) in wrong:
        yield _problem(config, where, TemplateError(f"{file}:{line}: {what}" if line else what, hint=hint))
    for integration in config.integrations:
        for where, alias in _variants(integration):
            for field, error in _field_errors(alias):
                yield _problem(config, f"integration {integration.name}, {where}, case.{field}", error)


def _language_problems(config: Config, templates: Templates) -> Iterator[Problem]:
    """Languages that neither a template nor the built-in words are there in: such a reply would be English.

    An owner's own template needs no edition of its own to be in one of the languages that we know.
    """
    asks = {
        (name, asked(alias.reply.language)[1]): f"integration {integration.name}, {where}"
        for integration in config.integrations
        for where, alias in _variants(integration)
        for name in _answering(alias)
    }
    for (name, language), where in asks.items():
        there = editions(templates, name)
        if not any(tag in there or tag in languages() for tag in shorter(language)):
            what = f"template {name} is not there in {language!r}: such a reply would be said to be English"
            cure = f"write one of {', '.join(sorted({*there, *languages()}))}, or make {name}.{language}.j2"
            yield Problem(str(config.path), 0, f"{where}, reply.language", what, cure)


def _wrong(
    templates: Templates, name: str, integration: Integration, lines: Iterable[dict[str, Any]]
) -> Iterator[tuple[str, str, str, str]]:
    """All that is wrong with a template over the lines and languages: file, line, what, hint."""
    for language in (*editions(templates, name), DEFAULT):
        for record in lines:
            stored = StoredLine(record)
            wording = Wording(language)
            try:
                preview(templates, name, stored, marker=MARKER, mailbox=integration.mailbox, wording=wording)
                errors = [*template_flaws(templates, name, stored, integration.mailbox, language)]
            except TemplateError as error:
                errors = [error]
            for each in errors:
                found = _PLACE.match(str(each))
                file, line, what = found.groups() if found else ("", "", str(each))
                yield file, line or "", what if line else str(each), each.hint


def _named(config: Config) -> Iterator[tuple[Integration, str, bool]]:
    """Each template, and whether it answers follow-ups."""
    for integration in config.integrations:
        for _, alias in _variants(integration):
            if alias.reply.template is not None:
                yield integration, alias.reply.template, False
            if alias.reply.follow_up_template is not None:
                yield integration, alias.reply.follow_up_template, True


def _own(config: Config) -> set[str]:
    """Names of the owner's templates; `NAME.de.j2` is an edition of NAME."""
    if config.templates is None or not config.integrations:
        return set()
    return {file.name.split(".")[0] for file in config.templates.glob("[!_.]*.j2")}


def _answering(alias: Alias) -> Iterator[str]:
    yield from filter(None, (alias.reply.template, alias.reply.follow_up_template))


def _variants(integration: Integration) -> Iterator[tuple[str, Alias]]:
    """Each alias as it stands, and as each of its rules changes it, with words that say which."""
    for alias in integration.aliases:
        yield f"alias {alias.address}", alias
        for name, changed in variants(alias):
            yield f"alias {alias.address}, {name}", changed


def _field_errors(alias: Alias) -> Iterator[tuple[str, TemplateError]]:
    """Case fields that cannot be rendered over a sample mail."""
    message = InboundMessage(fingerprint="", raw_sha256="", size=0, subject="A subject", text="A text")
    variables = field_variables(message, sender_of(message, alias), alias.workspace)
    case = alias.case
    names = ("subject", "category", "case_type", "priority", "status", "assigned_to")
    templates = {name: getattr(case, name) for name in names}
    templates |= {f"fields.{name}": value for name, value in case.fields.items()}
    for field, template in templates.items():
        if isinstance(template, str):
            try:
                render_field(template, variables)
            except TemplateError as error:
                yield field, error


def _problem(config: Config, where: str, error: TemplateError) -> Problem:
    """As what is wrong with a configuration; the file is the template's, where it has one."""
    found = _PLACE.match(str(error))
    place, line, what = found.groups() if found else (None, None, str(error))
    file = place if place and place.endswith(".j2") else str(config.path)
    number = int(line) if line and file == place else 0
    return Problem(file, number, where, what, error.hint or "correct the template")
