"""Whether a message belongs to a case that exists.

Our own keyed id in In-Reply-To or References suffices: nobody can make one who did not get our reply. Any
other reference to a message of a case, and a `[CS-000042]` tag, can be guessed or copied, and counts only if
everybody in From takes part in that case and DMARC did not fail. What does not count, or is too late, is said
as the related case of a new one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol, assert_never

from emailint.message import own_ids
from emailint.message.model import Kind
from emailint.routing.alias import AliasMatch
from emailint.routing.route import FollowUpTo, Hold, Ignore, NewCase, Route
from emailint.routing.sender import sender_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emailint.config.model import Alias
    from emailint.message.model import InboundMessage

MOST_IDS: Final = 100
"""So many of a message's references are looked up, the nearest first."""
BOUNCE: Final = "bounce"
"""What ties a delivery report to its case: the Message-ID of the mail that came back."""
MOST_TAGS: Final = 10


class CaseFacts(Protocol):
    """What a follow-up is judged by."""

    @property
    def created_at(self) -> datetime: ...

    @property
    def participants(self) -> frozenset[str]:
        """Lower-case addresses of From, To and Cc of the case's messages."""
        ...


class Cases(Protocol):
    """The cases there are, as a ledger's open batch knows them."""

    def case_facts(self, case_id: str) -> CaseFacts | None:
        """Facts of a case by its id."""
        ...

    def case_of(self, message_ids: Iterable[str]) -> str | None:
        """The case that one of these Message-IDs belongs to."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """The key of our own ids, the time, how old a case may be to be followed up, and its ids' prefix."""

    key: bytes
    now: datetime
    max_age: timedelta = timedelta(days=90)
    prefix: str = "CS"


@dataclass(frozen=True, slots=True)
class Belongs:
    """The message belongs to this case; `matched_by` is a header, `bounce` or `subject tag`."""

    case_id: str
    matched_by: str


@dataclass(frozen=True, slots=True)
class Related:
    """The message speaks of this case, and does not belong to it for certain."""

    case_id: str


def with_follow_up(route: Route, message: InboundMessage, cases: Cases, terms: Terms) -> Route:
    """The route that is left once the cases there are have been asked.

    A new case may become a follow-up or get its related case; mail of strangers that would be held or ignored
    may be a follow-up.
    """
    match route:
        case NewCase(match=match):
            found = follow_up(message, match.alias, cases, terms)
            if isinstance(found, Related):
                return replace(route, related_case=found.case_id)
        case (
            Hold(match=AliasMatch() as match, unless_follow_up=True)
            | Ignore(match=match, unless_follow_up=True)
        ):
            found = follow_up(message, match.alias, cases, terms)
        case Hold() | Ignore() | FollowUpTo():
            return route
        case _:
            assert_never(route)
    return FollowUpTo(match, found.case_id, found.matched_by) if isinstance(found, Belongs) else route


def follow_up(message: InboundMessage, alias: Alias, cases: Cases, terms: Terms) -> Belongs | Related | None:
    """The case that a message belongs to, else the first one that it speaks of, else None."""
    related: str | None = None
    for case_id, matched_by, proven in _candidates(message, cases, terms):
        facts = cases.case_facts(case_id)
        if facts is None:
            continue
        in_time = terms.now - facts.created_at <= terms.max_age
        if in_time and (proven or _takes_part(message, alias, facts)):
            return Belongs(case_id, matched_by)
        related = related or case_id
    return Related(related) if related else None


def _candidates(message: InboundMessage, cases: Cases, terms: Terms) -> Iterator[tuple[str, str, bool]]:
    """Case, what names it, and whether that proves anything: proofs first, then the nearest reference."""
    references = list(islice(_references(message), MOST_IDS))
    for message_id, source in references:
        own = own_ids.case_of(message_id, terms.key)
        if own is not None:
            yield own, source, True
    for message_id, source in references:
        case_id = cases.case_of([message_id])
        if case_id is not None:
            yield case_id, source, False
    for match in islice(_tag(terms.prefix).finditer(message.subject), MOST_TAGS):
        yield match[1].upper() if terms.prefix.isupper() else match[1], "subject tag", False


@cache
def _tag(prefix: str) -> re.Pattern[str]:
    """The tag of a case in a subject."""
    return re.compile(rf"\[({re.escape(prefix)}-[0-9]{{6,12}})\]", re.IGNORECASE)


def _references(message: InboundMessage) -> Iterator[tuple[str, str]]:
    """Ids that the message refers to, the nearest first, each once, with what names them."""
    named: dict[str, str] = {}
    for message_id in message.in_reply_to:
        named.setdefault(message_id, "In-Reply-To")
    for message_id in reversed(message.references):
        named.setdefault(message_id, "References")
    for bounce in message.bounces:
        if bounce.original_message_id:
            named.setdefault(bounce.original_message_id, BOUNCE)
    yield from named.items()


def _takes_part(message: InboundMessage, alias: Alias, facts: CaseFacts) -> bool:
    """Whether all that the mail claims to be from take part in the case, and nothing says it is forged.

    The mailbox itself stands in To of every case, so who writes in its name must have proven it.
    """
    verdict = message.authentication.dmarc
    if verdict == "fail" or (message.kind is Kind.OWN and verdict != "pass"):
        return False
    sender = sender_of(message, alias)
    claimed = {each.address.lower() for each in message.senders if each.address}
    if sender is not None and sender.address.lower() not in claimed:
        claimed = {sender.address.lower()}
    return bool(claimed) and claimed <= facts.participants
