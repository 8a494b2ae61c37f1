"""Replies made of samples and of mails in files: for `render-template` and `check`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from emailint.config.model import ReplySettings
from emailint.config.problems import Problem
from emailint.errors import TemplateError, UsageError
from emailint.message import read_message
from emailint.message.model import InboundMessage, ReadSettings
from emailint.message.quoted import MARKER
from emailint.reply.compose import ReplyFacts, compose
from emailint.reply.language import AUTO, DEFAULT, asked, editions, languages, shorter
from emailint.reply.render import (
    SAMPLE_MAILBOX,
    Addressed,
    Wording,
    flaws_of,
    follow_up_samples,
    preview,
    sample,
    samples,
)
from emailint.reply.stored import StoredLine
from emailint.routing.alias import match_alias
from emailint.routing.knowledge import knowledge_of
from emailint.routing.record import Arrival, field_variables, make_case
from emailint.routing.rules import variants
from emailint.routing.sender import sender_of
from emailint.routing.workspace import find_workspace
from emailint.templating import Templates, render_field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emailint.config.model import Alias, Config, Integration
    from emailint.reply.render import Rendered

_HTML_HINT: Final = "docs/reference/templates.md lists what mail programs show"
_NOT_SHOWN: Final = {"date", "message-id", "mime-version", "content-type", "content-transfer-encoding"}
SAMPLE_NUMBER = "000042"
_PLACE: Final = re.compile(r"(.+?\.j2|field template)(?::(\d+))?: (.+)", re.DOTALL)
"""What stands before the words of an error: a template's file, or what a field's template is called."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A template, and the stored line (a sample's, or a real mail's) that it answers."""

    config: Config | None
    name: str
    stored: StoredLine
    language: str | None = None

    def parts(self) -> Rendered:
        """Subject, text and HTML. Raises TemplateError with file and line, for HTML that is broken too."""
        alias = self._alias
        wording = Wording(
            self.language or (alias.reply.language if alias else AUTO), alias.timezone if alias else UTC
        )
        reply = preview(
            self._templates, self.name, self.stored, marker=MARKER, mailbox=self._mailbox, wording=wording
        )
        flawed = [*template_flaws(self._templates, self.name, self.stored, self._mailbox, wording.language)]
        if flawed:
            more = f"\n(and {len(flawed) - 1} more)" if len(flawed) > 1 else ""
            raise TemplateError(f"{flawed[0]}{more}", hint=flawed[0].hint)
        return reply

    def headers(self) -> list[tuple[str, str]]:
        """Those that a reader may see or act on, decoded, the subject first. Raises TemplateError.

        Left out are the date and the id, which a reply gets when it is sent, and those of the parts' form.
        """
        from email import message_from_bytes, policy  # noqa: PLC0415 - for what is shown whole alone

        mail = message_from_bytes(self.mail(), policy=policy.default)
        shown = [(name, str(value)) for name, value in mail.items() if name.lower() not in _NOT_SHOWN]
        return sorted(shown, key=lambda each: each[0] != "Subject")

    def mail(self) -> bytes:
        """The whole mail as it would leave, CRLF line ends. Raises TemplateError."""
        alias = str(self.stored.record.get("alias") or self._mailbox)
        found = self._alias
        settings = found.reply if found else ReplySettings()
        settings = replace(settings, template=self.name, follow_up_template=self.name)
        settings = replace(settings, language=self.language or settings.language)
        facts = ReplyFacts(
            message_id="<preview@localhost>",
            recipient=self.stored.sender[1],
            mailbox=self._mailbox,
            alias=alias,
            date=datetime.now(UTC),
            marker=MARKER,
            timezone=found.timezone if found else UTC,
        )
        return compose(self.stored, settings, facts, self._templates).content

    @property
    def _templates(self) -> Templates:
        return Templates(self.config.templates if self.config else None)

    @property
    def _integrations(self) -> tuple[Integration, ...]:
        return self.config.integrations if self.config else ()

    @property
    def _mailbox(self) -> str:
        name = self.stored.record.get("integration")
        found = [each.mailbox for each in self._integrations if each.name == name]
        return next(iter(found), SAMPLE_MAILBOX)

    @property
    def _alias(self) -> Alias | None:
        address = str(self.stored.record.get("alias") or self._mailbox)
        aliases = [alias for each in self._integrations for alias in each.aliases]
        return next((alias for alias in aliases if alias.address == address), None)


def preview_of(
    config: Config | None,
    name: str,
    raw: bytes | None,
    *,
    alias: str | None = None,
    language: str | None = None,
) -> Preview:
    """The preview for the octets of a mail, or for a sample case that was sent to `alias`.

    Raises UsageError for a mail without a configuration, for one that no alias of it fits, and for an alias
    that is not there.
    """
    if raw is None:
        return Preview(config, name, _sample_to(config, alias), language)
    if config is None or not config.integrations:
        raise UsageError(
            "a reply to a mail needs a configuration, which says what its aliases are",
            hint="name it with -c FILE, or leave --message out for a sample",
        )
    return Preview(config, name, _stored(config, raw), language)


def _sample_to(config: Config | None, address: str | None) -> StoredLine:
    if address is None:
        return StoredLine(sample())
    for integration in config.integrations if config else ():
        if any(alias.address == address.lower() for alias in integration.aliases):
            return StoredLine({**sample(), "alias": address.lower(), "integration": integration.name})
    raise UsageError(
        f"no integration has the alias {address!r}", hint="give one of those in the configuration"
    )


def template_problems(config: Config) -> Iterator[Problem]:
    """What is wrong with the templates that are named, and with the languages that are asked of them."""
    templates = Templates(config.templates)
    yield from _language_problems(config, templates)
    lines = {False: tuple(samples()), True: tuple(follow_up_samples())}
    wrong: dict[tuple[str, tuple[str, str, str, str]], None] = {}
    for (name, follow_up), integration in {(name, on): each for each, name, on in _named(config)}.items():
        where = f"template {name} of integration {integration.name}"
        wrong |= {(where, each): None for each in _wrong(templates, name, integration, lines[follow_up])}
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


def template_flaws(
    templates: Templates, name: str, stored: StoredLine, mailbox: str, language: str
) -> Iterator[TemplateError]:
    """What is wrong with the HTML of one reply, by file and line. Raises TemplateError for the rest."""
    addressed = Addressed(str(stored.record.get("alias") or mailbox), mailbox)
    for flaw in flaws_of(templates, name, stored, addressed, Wording(language)):
        yield TemplateError(f"{flaw.place}: {flaw.what}" if flaw.place else flaw.what, hint=_HTML_HINT)


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


def _stored(config: Config, raw: bytes) -> StoredLine:
    """The case that a sweep would make of this mail, as a stored line."""
    message = read_message(raw, ReadSettings(own_addresses=config.own_addresses))
    integration = _integration_for(config, message)
    match = match_alias(message.recipients, integration.aliases)
    if match is None:
        raise UsageError(
            f"no alias of integration {integration.name!r} fits this mail: it would be held, not answered",
            hint="give one of the aliases default: true",
        )
    now = datetime.now(UTC)
    arrival = Arrival(message, integration.name, "", now, now)
    workspace = find_workspace(match.alias, message, knowledge_of(config))
    case_id = f"{config.case_prefix}-{SAMPLE_NUMBER}"
    return StoredLine(make_case(case_id, arrival, match, workspace, (), ("respond", None)).record())


def _integration_for(config: Config, message: InboundMessage) -> Integration:
    """The first whose address or alias the mail names, else the first."""
    for integration in config.integrations:
        match = match_alias(message.recipients, integration.aliases)
        if match is not None and match.matched_by != "default":
            return integration
    return config.integrations[0]


def _problem(config: Config, where: str, error: TemplateError) -> Problem:
    """As what is wrong with a configuration; the file is the template's, where it has one."""
    found = _PLACE.match(str(error))
    place, line, what = found.groups() if found else (None, None, str(error))
    file = place if place and place.endswith(".j2") else str(config.path)
    number = int(line) if line and file == place else 0
    return Problem(file, number, where, what, error.hint or "correct the template")
