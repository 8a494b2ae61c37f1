"""Replies made of samples and of mails in files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from emailint.config.model import ReplySettings
from emailint.errors import TemplateError, UsageError
from emailint.message import read_message
from emailint.message.model import InboundMessage, ReadSettings
from emailint.message.quoted import MARKER
from emailint.reply.compose import ReplyFacts, compose
from emailint.reply.language import AUTO, editions, languages, shorter
from emailint.reply.render import (
    SAMPLE_MAILBOX,
    Addressed,
    Wording,
    flaws_of,
    preview,
    sample,
)
from emailint.reply.stored import StoredLine
from emailint.routing.alias import match_alias
from emailint.routing.knowledge import knowledge_of
from emailint.routing.record import Arrival, make_case
from emailint.routing.workspace import find_workspace
from emailint.templating import Templates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.config.model import Alias, Config, Integration
    from emailint.reply.render import Rendered

_HTML_HINT: Final = "docs/reference/templates.md lists what mail programs show"
_NOT_SHOWN: Final = {"date", "message-id", "mime-version", "content-type", "content-transfer-encoding"}
SAMPLE_NUMBER = "000042"


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
    or a language that is not there.
    """
    if language is not None:
        _require_language(config, name, language)
    if raw is None:
        return Preview(config, name, _sample_to(config, alias), language)
    if config is None or not config.integrations:
        raise UsageError(
            "a reply to a mail needs a configuration, which says what its aliases are",
            hint="name it with -c FILE, or leave --message out for a sample",
        )
    return Preview(config, name, _stored(config, raw), language)


def _require_language(config: Config | None, name: str, language: str) -> None:
    there = {*editions(Templates(config.templates if config else None), name), *languages()}
    if not there.intersection(shorter(language)):
        raise UsageError(f"no reply is there in {language!r}", hint=f"there are: {', '.join(sorted(there))}")


def _sample_to(config: Config | None, address: str | None) -> StoredLine:
    if address is None:
        return StoredLine(sample())
    for integration in config.integrations if config else ():
        if any(alias.address == address.lower() for alias in integration.aliases):
            return StoredLine({**sample(), "alias": address.lower(), "integration": integration.name})
    raise UsageError(
        f"no integration has the alias {address!r}", hint="give one of those in the configuration"
    )


def template_flaws(
    templates: Templates, name: str, stored: StoredLine, mailbox: str, language: str
) -> Iterator[TemplateError]:
    """What is wrong with the HTML of one reply, by file and line. Raises TemplateError for the rest."""
    addressed = Addressed(str(stored.record.get("alias") or mailbox), mailbox)
    for flaw in flaws_of(templates, name, stored, addressed, Wording(language)):
        yield TemplateError(f"{flaw.place}: {flaw.what}" if flaw.place else flaw.what, hint=_HTML_HINT)


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
