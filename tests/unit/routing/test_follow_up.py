"""Which mail belongs to a case that exists, and which only speaks of one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emailint.config.model import Alias
from emailint.message import own_ids
from emailint.message.model import Authentication, Bounce, Kind
from emailint.routing.alias import AliasMatch
from emailint.routing.follow_up import MOST_IDS, MOST_TAGS, Belongs, Related, Terms, follow_up, with_follow_up
from emailint.routing.route import FollowUpTo, Hold, Ignore, NewCase, Route
from tests.support.routing import addresses, message

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
NOW = datetime(2026, 11, 24, 18, tzinfo=UTC)
TERMS = Terms(KEY, NOW)
DESK = Alias("desk@example.org", trust_reply_to=frozenset({"form@x.example"}))
ANN, EVE = "ann@client.example", "eve@evil.example"


@dataclass(frozen=True, slots=True)
class Facts:
    created_at: datetime
    participants: frozenset[str]


@dataclass(slots=True)
class Ledger:
    """CS-000042 is Ann's and young, CS-000007 Bob's, CS-000001 Ann's and old."""

    facts: dict[str, Facts] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def case_facts(self, case_id: str) -> Facts | None:
        return self.facts.get(case_id)

    def case_of(self, message_ids: Iterable[str]) -> str | None:
        asked = list(message_ids)
        self.asked += asked
        return next((self.ids[each] for each in asked if each in self.ids), None)


def ledger() -> Ledger:
    return Ledger(
        facts={
            "CS-000042": Facts(NOW - timedelta(days=1), frozenset({ANN, "desk@example.org"})),
            "CS-000007": Facts(NOW - timedelta(days=2), frozenset({"bob@client.example"})),
            "CS-000001": Facts(NOW - timedelta(days=91), frozenset({ANN})),
        },
        ids={
            "<ann-1@client.example>": "CS-000042",
            "<bob@client.example>": "CS-000007",
            "<old@client.example>": "CS-000001",
        },
    )


def own(case_id: str, key: bytes = KEY) -> str:
    return own_ids.make(case_id, key, "example.org")


TABLE: list[tuple[str, str, dict[str, Any], Belongs | Related | None]] = [
    ("nothing", ANN, {}, None),
    ("our id", ANN, {"in_reply_to": (own("CS-000042"),)}, Belongs("CS-000042", "In-Reply-To")),
    ("our id from anybody", EVE, {"in_reply_to": (own("CS-000042"),)}, Belongs("CS-000042", "In-Reply-To")),
    (
        "our id, though DMARC failed",
        EVE,
        {"in_reply_to": (own("CS-000042"),), "authentication": Authentication("fail")},
        Belongs("CS-000042", "In-Reply-To"),
    ),
    ("our id from nobody", "", {"in_reply_to": (own("CS-000042"),)}, Belongs("CS-000042", "In-Reply-To")),
    (
        "our id in References",
        EVE,
        {"references": ("<x@y>", own("CS-000042"))},
        Belongs("CS-000042", "References"),
    ),
    (
        "our id of a follow-up's reply",
        EVE,
        {"references": (own("CS-000042-3"),)},
        Belongs("CS-000042", "References"),
    ),
    ("our id of a case that is gone", ANN, {"in_reply_to": (own("CS-000099"),)}, None),
    ("our id of an old case", ANN, {"in_reply_to": (own("CS-000001"),)}, Related("CS-000001")),
    ("an id made with another key", EVE, {"in_reply_to": (own("CS-000042", OTHER_KEY),)}, None),
    (
        "our id goes before a nearer reference",
        ANN,
        {"in_reply_to": ("<bob@client.example>",), "references": (own("CS-000042"),)},
        Belongs("CS-000042", "References"),
    ),
    (
        "an old case of ours, and a young one by reference",
        ANN,
        {"in_reply_to": (own("CS-000001"),), "references": ("<ann-1@client.example>",)},
        Belongs("CS-000042", "References"),
    ),
    (
        "a reference by a participant",
        ANN,
        {"in_reply_to": ("<ann-1@client.example>",)},
        Belongs("CS-000042", "In-Reply-To"),
    ),
    (
        "without case",
        "ANN@Client.example",
        {"references": ("<ann-1@client.example>",)},
        Belongs("CS-000042", "References"),
    ),
    ("a reference by a stranger", EVE, {"in_reply_to": ("<ann-1@client.example>",)}, Related("CS-000042")),
    ("a reference by nobody", "", {"in_reply_to": ("<ann-1@client.example>",)}, Related("CS-000042")),
    (
        "a reference by a forged participant",
        ANN,
        {"in_reply_to": ("<ann-1@client.example>",), "authentication": Authentication("fail")},
        Related("CS-000042"),
    ),
    (
        "a reference by one whom nobody vouches for",
        ANN,
        {"in_reply_to": ("<ann-1@client.example>",), "authentication": Authentication("none")},
        Belongs("CS-000042", "In-Reply-To"),
    ),
    (
        "a participant and a stranger in From",
        ANN,
        {"in_reply_to": ("<ann-1@client.example>",), "senders": addresses(ANN, EVE)},
        Related("CS-000042"),
    ),
    ("a reference to an old case", ANN, {"in_reply_to": ("<old@client.example>",)}, Related("CS-000001")),
    (
        "the nearest reference of several",
        "bob@client.example",
        {"references": ("<ann-1@client.example>", "<bob@client.example>")},
        Belongs("CS-000007", "References"),
    ),
    (
        "another reference where the nearest does not count",
        ANN,
        {"references": ("<ann-1@client.example>", "<bob@client.example>")},
        Belongs("CS-000042", "References"),
    ),
    (
        "the nearest of those that do not count",
        EVE,
        {"references": ("<ann-1@client.example>", "<bob@client.example>")},
        Related("CS-000007"),
    ),
    (
        "a tag by a participant",
        ANN,
        {"subject": "Re: [CS-000042] hours"},
        Belongs("CS-000042", "subject tag"),
    ),
    (
        "a tag in small letters",
        ANN,
        {"subject": "re: [cs-000042] hours"},
        Belongs("CS-000042", "subject tag"),
    ),
    ("a tag by a stranger", EVE, {"subject": "[CS-000042]"}, Related("CS-000042")),
    (
        "a tag by a forged participant",
        ANN,
        {"subject": "[CS-000042]", "authentication": Authentication("fail")},
        Related("CS-000042"),
    ),
    ("a tag of an old case", ANN, {"subject": "[CS-000001]"}, Related("CS-000001")),
    ("a tag of no case", ANN, {"subject": "[CS-000099]"}, None),
    ("a number without brackets", ANN, {"subject": "CS-000042"}, None),
    ("a short number", ANN, {"subject": "[CS-42]"}, None),
    ("another prefix", ANN, {"subject": "[XX-000042]"}, None),
    ("the second tag", ANN, {"subject": "[CS-000007] [CS-000042]"}, Belongs("CS-000042", "subject tag")),
    (
        "a reference before a tag",
        ANN,
        {"subject": "[CS-000007]", "references": ("<ann-1@client.example>",)},
        Belongs("CS-000042", "References"),
    ),
    (
        "a tag where the reference does not count",
        ANN,
        {"subject": "[CS-000042]", "references": ("<bob@client.example>",)},
        Belongs("CS-000042", "subject tag"),
    ),
    (
        "a bounce of our reply",
        "mailer-daemon@x.example",
        {"kind": Kind.BOUNCE, "bounces": (Bounce("a@x"), Bounce(ANN, original_message_id=own("CS-000042")))},
        Belongs("CS-000042", "bounce"),
    ),
    (
        "a bounce of somebody's mail",
        "mailer-daemon@x.example",
        {"kind": Kind.BOUNCE, "bounces": (Bounce(ANN, original_message_id="<ann-1@client.example>"),)},
        Related("CS-000042"),
    ),
    (
        "in the name of the mailbox, which takes part in every case",
        DESK.address,
        {"subject": "[CS-000042]", "kind": Kind.OWN},
        Related("CS-000042"),
    ),
    (
        "in the name of the mailbox, and proven",
        DESK.address,
        {"subject": "[CS-000042]", "kind": Kind.OWN, "authentication": Authentication("pass")},
        Belongs("CS-000042", "subject tag"),
    ),
    (
        "a web form, by the sender in Reply-To",
        "form@x.example",
        {"subject": "[CS-000042]", "reply_to": addresses(ANN)},
        Belongs("CS-000042", "subject tag"),
    ),
    (
        "a Reply-To that nobody trusts",
        EVE,
        {"subject": "[CS-000042]", "reply_to": addresses(ANN)},
        Related("CS-000042"),
    ),
]


@pytest.mark.parametrize(
    ("sender", "given", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_where_a_mail_belongs(sender: str, given: dict[str, Any], expected: Belongs | Related | None) -> None:
    mail = message(sender, **given)
    assert follow_up(mail, DESK, ledger(), TERMS) == expected
    new = NewCase(AliasMatch(DESK, "To"))
    route: Route = new
    if isinstance(expected, Belongs):
        route = FollowUpTo(new.match, expected.case_id, expected.matched_by)
    elif isinstance(expected, Related):
        route = replace(new, related_case=expected.case_id)
    assert with_follow_up(new, mail, ledger(), TERMS) == route


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(days=90), Belongs("CS-000042", "subject tag")),
        (timedelta(days=90, seconds=1), Related("CS-000042")),
        (timedelta(days=-1), Belongs("CS-000042", "subject tag")),
    ],
)
def test_age(age: timedelta, expected: Belongs | Related) -> None:
    cases = Ledger(facts={"CS-000042": Facts(NOW - age, frozenset({ANN}))})
    assert follow_up(message(ANN, subject="[CS-000042]"), DESK, cases, TERMS) == expected


def test_the_age_is_configured() -> None:
    mail = message(ANN, subject="[CS-000042]")
    assert follow_up(mail, DESK, ledger(), replace(TERMS, max_age=timedelta(hours=1))) == Related("CS-000042")


@pytest.mark.parametrize("prefix", ["HELP", "Help", "X"])
def test_the_prefix_is_configured(prefix: str) -> None:
    case_id = f"{prefix}-000042"
    cases = Ledger(facts={case_id: Facts(NOW, frozenset({ANN}))})
    terms = replace(TERMS, prefix=prefix)
    assert follow_up(message(ANN, subject=f"[{case_id}]"), DESK, cases, terms) == Belongs(
        case_id, "subject tag"
    )
    assert follow_up(message(ANN, subject="[CS-000042]"), DESK, cases, terms) is None


MATCH = AliasMatch(DESK, "To")
ROUTES: list[tuple[Route, bool]] = [
    (Hold(MATCH, "unknown_sender: …", unless_follow_up=True), True),
    (Ignore(MATCH, "unknown_sender: …", unless_follow_up=True), True),
    (Hold(MATCH, "other"), False),
    (Ignore(MATCH, "deny: …"), False),
    (Hold(None, "no_alias: …"), False),
    (FollowUpTo(MATCH, "CS-000007", "bounce"), False),
]


@pytest.mark.parametrize(("route", "may_be_one"), ROUTES)
def test_routes_that_a_follow_up_goes_before(route: Route, may_be_one: bool) -> None:
    mail = message(EVE, in_reply_to=(own("CS-000042"),))
    expected = FollowUpTo(MATCH, "CS-000042", "In-Reply-To") if may_be_one else route
    assert with_follow_up(route, mail, ledger(), TERMS) == expected
    assert with_follow_up(route, message(EVE, subject="[CS-000042]"), ledger(), TERMS) == route


def test_no_mail_asks_without_end() -> None:
    cases = ledger()
    mail = message(
        ANN,
        references=tuple(f"<{number}@x>" for number in range(5_000)),
        subject="[CS-000009]" * 1_000 + "[CS-000042]",
    )
    assert follow_up(mail, DESK, cases, TERMS) is None
    assert len(cases.asked) == MOST_IDS
    assert cases.asked[0] == "<4999@x>"
    assert follow_up(
        replace(mail, subject="[CS-000009]" * (MOST_TAGS - 1) + "[CS-000042]"), DESK, cases, TERMS
    )


def test_each_id_is_asked_for_once() -> None:
    cases = ledger()
    follow_up(
        message(ANN, in_reply_to=("<a@x>",), references=("<b@x>", "<a@x>", "<b@x>")), DESK, cases, TERMS
    )
    assert cases.asked == ["<a@x>", "<b@x>"]
