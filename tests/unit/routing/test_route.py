"""The route of a message before the ledger is asked: a case, held, ignored, or no alias fits."""

from __future__ import annotations

from typing import Any

import pytest

from emailint.config.model import Alias
from emailint.config.patterns import sender_pattern
from emailint.directory.model import Organisation, Person
from emailint.message.model import Kind
from emailint.routing.alias import AliasMatch
from emailint.routing.knowledge import Knowledge, knowledge_of
from emailint.routing.route import Hold, Ignore, NewCase, decide
from tests.support.routing import People, addresses, message

DESK = "desk@example.org"
PEOPLE = People(
    employed={"emma@home.example": [Person("E-1", "", 1)]},
    contact={"carl@other.example": [Person("C-1", "", 1)]},
    domains={"client.example": [Organisation("O-1", "", 1)], "gmail.com": [Organisation("O-2", "", 2)]},
)
KNOWLEDGE = Knowledge(PEOPLE)


def patterns(*sources: str) -> tuple[Any, ...]:
    return tuple(sender_pattern(source) for source in sources)


@pytest.mark.parametrize(
    ("kind", "ignored"),
    [(Kind.PERSON, False), (Kind.BOUNCE, True), (Kind.LIST, False), (Kind.AUTO_REPLY, False)],
)
def test_automatic_mail_by_kind(kind: Kind, ignored: bool) -> None:
    alias = Alias(DESK, automatic={"bounce": "ignore", "list": "case"})
    match = AliasMatch(alias, "To")
    expected = Ignore(match, f"automatic: bounce is ignored by alias {DESK}") if ignored else NewCase(match)
    assert decide(message(kind=kind), (alias,)) == expected


def test_no_alias_says_whom_the_mail_named() -> None:
    mail = message(recipients={"To": ("Else@x.example", "a@x.example"), "Cc": ("a@x.example", "b@x.example")})
    named = "else@x.example, a@x.example, b@x.example"
    assert decide(mail, (Alias(DESK),), KNOWLEDGE) == Hold(None, f"no_alias: no alias fits a mail to {named}")
    nobody = Hold(None, "no_alias: no alias fits a mail to nobody")
    assert decide(message(recipients={}), (Alias(DESK),), KNOWLEDGE) == nobody


SENDERS = [
    ("an employee", "Emma@home.example", {}, True),
    ("a contact", "carl@other.example", {}, True),
    ("somebody of an organisation", "joe@client.example", {}, True),
    ("of a subdomain", "joe@mail.client.example", {}, False),
    ("of a subdomain that counts", "joe@mail.client.example", {"subdomains": True}, True),
    ("of a public domain that an organisation claims", "joe@gmail.com", {}, False),
    ("a stranger", "eve@evil.example", {}, False),
    ("nobody", "", {}, False),
    ("an allowed address", "eve@evil.example", {"allow": patterns("EVE@evil.example")}, True),
    ("an allowed domain", "eve@evil.example", {"allow": patterns("evil.example")}, True),
    ("an allowed glob", "eve@mail.evil.example", {"allow": patterns("*.evil.example")}, True),
    ("another allowed one", "eve@evil.example", {"allow": patterns("ann@evil.example")}, False),
]


@pytest.mark.parametrize(
    ("sender", "alias", "known"), [row[1:] for row in SENDERS], ids=[row[0] for row in SENDERS]
)
@pytest.mark.parametrize("policy", ["accept", "hold", "ignore"])
def test_unknown_senders(sender: str, alias: dict[str, Any], known: bool, policy: Any) -> None:
    desk = Alias(DESK, unknown_sender=policy, **alias)
    route = decide(message(sender), (desk,), KNOWLEDGE)
    match = AliasMatch(desk, "To")
    if known or policy == "accept":
        assert route == NewCase(match)
        return
    kind, verb = {"hold": (Hold, "holds"), "ignore": (Ignore, "ignores")}[policy]
    who = sender or "nobody"
    reason = f"unknown_sender: {who} is not in the directory, and alias {DESK} {verb} such mail"
    assert route == kind(match, reason, unless_follow_up=True)


def test_without_knowledge_nobody_is_a_stranger() -> None:
    desk = Alias(DESK, unknown_sender="ignore")
    assert decide(message("eve@evil.example"), (desk,)) == NewCase(AliasMatch(desk, "To"))


def test_nobody_is_looked_up_where_everybody_is_accepted() -> None:
    people = People()
    decide(message("eve@evil.example"), (Alias(DESK),), Knowledge(people))
    assert people.asked == []


LISTS = [
    ("an address", ["eve@evil.example"], [], "eve@evil.example"),
    ("a domain", ["evil.example"], [], "evil.example"),
    ("a glob", ["*@evil.*"], [], "*@evil.*"),
    ("an expression", ["/^eve@/"], [], "/^eve@/"),
    ("another", ["bob@evil.example", "other.example"], [], None),
    ("deny before allow of one kind", ["eve@evil.example"], ["eve@evil.example"], "eve@evil.example"),
    ("deny before allow of domains", ["evil.example"], ["*@evil.example"], "evil.example"),
    ("an allowed address within a denied domain", ["evil.example"], ["eve@evil.example"], None),
    ("a denied address within an allowed domain", ["eve@evil.example"], ["evil.example"], "eve@evil.example"),
]


@pytest.mark.parametrize(
    ("deny", "allow", "entry"), [row[1:] for row in LISTS], ids=[row[0] for row in LISTS]
)
@pytest.mark.parametrize("policy", ["accept", "hold"])
def test_deny_and_allow(deny: list[str], allow: list[str], entry: str | None, policy: Any) -> None:
    desk = Alias(DESK, deny=patterns(*deny), allow=patterns(*allow), unknown_sender=policy)
    route = decide(message("Eve@Evil.example"), (desk,), KNOWLEDGE)
    match = AliasMatch(desk, "To")
    if entry is not None:
        reason = f"deny: Eve@Evil.example is on the deny list of alias {DESK} ({entry})"
        assert route == Ignore(match, reason, unless_follow_up=False)
    elif policy == "accept" or allow:
        assert route == NewCase(match)
    else:
        assert isinstance(route, Hold)


def test_deny_goes_before_automatic_mail_and_automatic_mail_before_strangers() -> None:
    desk = Alias(DESK, deny=patterns("evil.example"), unknown_sender="hold", automatic={"list": "ignore"})
    first = decide(message("eve@evil.example", kind=Kind.LIST), (desk,), KNOWLEDGE)
    second = decide(message("zoe@x.example", kind=Kind.LIST), (desk,), KNOWLEDGE)
    third = decide(message("zoe@x.example", kind=Kind.BOUNCE), (desk,), KNOWLEDGE)
    assert isinstance(first, Ignore)
    assert first.reason.startswith("deny: ")
    assert isinstance(second, Ignore)
    assert second.reason.startswith("automatic: ")
    assert isinstance(third, Hold)


def test_lists_look_at_the_sender_of_a_trusted_form() -> None:
    desk = Alias(DESK, deny=patterns("evil.example"), trust_reply_to=frozenset({"form@x.example"}))
    mail = message("form@x.example", reply_to=addresses("eve@evil.example"))
    assert isinstance(decide(mail, (desk,), KNOWLEDGE), Ignore)


def test_knowledge_of_a_configuration(tmp_path: Any) -> None:
    from emailint.config.model import Config, Integration  # noqa: PLC0415 - of this test alone

    aliases = (
        Alias("a@x.example", workspace=1),
        Alias("b@x.example", workspace="north"),
        Alias("c@x.example"),
    )
    integration = Integration("desk", "a@x.example", aliases=aliases)
    config = Config(tmp_path, "", tmp_path, (integration,), public_domains=frozenset({"isp.example"}))
    knowledge = knowledge_of(config, PEOPLE)
    assert (knowledge.directory, knowledge.workspaces) == (PEOPLE, frozenset({1, "north"}))
    assert [knowledge.is_public(each) for each in ("ISP.example", "gmail.com", "client.example")] == [
        True,
        True,
        False,
    ]
    assert [knowledge.has_workspace(each) for each in (1, "north", 2)] == [True, True, False]
