"""Replies made of samples and of mails in files: for `render-template` and `check`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from emailint.config.model import ReplySettings
from emailint.config.problems import Problem
from emailint.errors import TemplateError, UsageError
from emailint.message import read_message
from emailint.message.model import InboundMessage, ReadSettings
from emailint.message.quoted import MARKER
from emailint.reply.compose import ReplyFacts, compose
from emailint.reply.render import SAMPLE_MAILBOX, preview, sample
from emailint.reply.stored import StoredLine
from emailint.routing.alias import match_alias
from emailint.routing.knowledge import knowledge_of
from emailint.routing.record import Arrival, field_variables, make_case
from emailint.routing.rules import variants
from emailint.routing.sender import sender_of
from emailint.routing.workspace import find_workspace
from emailint.templating import Templates, render_field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.config.model import Alias, Config, Integration
    from emailint.reply.render import Rendered

SAMPLE_NUMBER = "000042"
_PLACE: Final = re.compile(r"(.+?\.j2|field template)(?::(\d+))?: (.+)", re.DOTALL)
"""What stands before the words of an error: a template's file, or what a field's template is called."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A template, and the stored line (a sample's, or a real mail's) that it answers."""

    config: Config | None
    name: str
    stored: StoredLine

    def parts(self) -> Rendered:
        """Subject, text and HTML. Raises TemplateError with file and line."""
        return preview(self._templates, self.name, self.stored, marker=MARKER, mailbox=self._mailbox)

    def mail(self) -> bytes:
        """The whole mail as it would leave, CRLF line ends. Raises TemplateError."""
        alias = str(self.stored.record.get("alias") or self._mailbox)
        settings = replace(self._reply_settings(alias), template=self.name, follow_up_template=self.name)
        facts = ReplyFacts(
            message_id="<preview@localhost>",
            recipient=self.stored.sender[1],
            mailbox=self._mailbox,
            alias=alias,
            date=datetime.now(UTC),
            marker=MARKER,
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

    def _reply_settings(self, address: str) -> ReplySettings:
        aliases = [alias for each in self._integrations for alias in each.aliases]
        return next((alias.reply for alias in aliases if alias.address == address), ReplySettings())


def preview_of(config: Config | None, name: str, raw: bytes | None) -> Preview:
    """The preview for the octets of a mail, or for a sample case.

    Raises UsageError for a mail without a configuration, and for one that no alias of it fits.
    """
    if raw is None:
        return Preview(config, name, StoredLine(sample()))
    if config is None or not config.integrations:
        raise UsageError(
            "a reply to a mail needs a configuration, which says what its aliases are",
            hint="name it with -c FILE, or leave --message out for a sample",
        )
    return Preview(config, name, _stored(config, raw))


def template_problems(config: Config) -> Iterator[Problem]:
    """What is wrong with the templates that the configuration names."""
    templates = Templates(config.templates)
    for name, integration in {name: each for each, name in _named(config)}.items():
        try:
            preview(templates, name, marker=MARKER, mailbox=integration.mailbox)
        except TemplateError as error:
            yield _problem(config, f"template {name} of integration {integration.name}", error)
    for integration in config.integrations:
        for where, alias in _variants(integration):
            for field, wrong in _field_errors(alias):
                yield _problem(config, f"integration {integration.name}, {where}, case.{field}", wrong)


def _named(config: Config) -> Iterator[tuple[Integration, str]]:
    for integration in config.integrations:
        for _, alias in _variants(integration):
            for name in (alias.reply.template, alias.reply.follow_up_template):
                if name is not None:
                    yield integration, name


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
