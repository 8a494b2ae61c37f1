"""Each workspace rule and each pair of them: who answers, and what every rule says."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest

from emailint.case import Trace
from emailint.config.model import Alias
from emailint.config.rules import WORKSPACE_RULES
from emailint.directory.model import Organisation, Person
from emailint.errors import DirectoryError
from emailint.message.model import Authentication
from emailint.routing.knowledge import Knowledge
from emailint.routing.workspace import Workspace, find_workspace
from tests.support.routing import People, addresses, message

if TYPE_CHECKING:
    from emailint.message.model import InboundMessage

ANN = "ann@client.example"
DEFAULT = 9


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


def person(identity: str, workspace: int | str, changed: int | None = None, name: str = "") -> Person:
    return Person(identity, name, workspace, day(changed) if changed else None)


def corp(identity: str, workspace: int | str) -> Organisation:
    return Organisation(identity, "", workspace)


def found(
    people: People | None = None,
    mail: InboundMessage | None = None,
    knows: Knowledge | None = None,
    **alias: Any,
) -> Workspace:
    settings = Alias("desk@example.org", **({"workspace": DEFAULT} | alias))
    knowledge = knows or Knowledge(people or People())
    return find_workspace(settings, mail or message(ANN), knowledge)


def says(workspace: Workspace, *rules: str) -> list[tuple[str, int | str]]:
    return [(step.rule, step.result) for step in workspace.trace if not rules or step.rule in rules]


# One world in which every rule has an answer of its own; a table turns them off one by one.
ANSWERS: dict[str, int | str] = {"token": 1, "employee": 2, "contact": 3, "organisation": 4, "alias": DEFAULT}


def world(*rules: str) -> People:
    """Only the named rules have an answer; Ann is in the directory in any case."""
    return People(
        employed={ANN: [person("E-1", 2)] if "employee" in rules else []},
        contact={ANN: [person("C-1", 3)] if "contact" in rules else []},
        domains={"client.example": [corp("O-1", 4)]} if "organisation" in rules else {},
        numbers={"7": [corp("O-7", 1)]} if "token" in rules else {},
    )


TOKEN_MAIL = message(ANN, text="Please see CLID=7, thanks")


@pytest.mark.parametrize("rule", [*WORKSPACE_RULES])
def test_each_rule_alone(rule: str) -> None:
    workspace = found(world(rule), TOKEN_MAIL)
    assert workspace.value == ANSWERS[rule]
    assert workspace.rule == ("clid" if rule == "token" else rule)
    assert says(workspace)[-1] == (workspace.rule, workspace.value)


@pytest.mark.parametrize(("first", "second"), list(combinations(WORKSPACE_RULES, 2)))
def test_of_each_pair_the_earlier_wins_and_the_order_may_be_turned(first: str, second: str) -> None:
    people = world(first, second)
    assert found(people, TOKEN_MAIL).value == ANSWERS[first]
    assert found(people, TOKEN_MAIL, workspace_rules=(first, second)).value == ANSWERS[first]
    assert found(people, TOKEN_MAIL, workspace_rules=(second, first)).value == ANSWERS[second]
    assert found(people, TOKEN_MAIL, workspace_rules=(second,)).value == ANSWERS[second]


def test_all_rules_have_their_say_in_order_up_to_the_one_that_answers() -> None:
    assert says(found()) == [
        ("token", "no token"),
        ("employee", "no employee has the address ann@client.example"),
        ("contact", "no contact has the address ann@client.example"),
        ("organisation", "no organisation has the domain client.example"),
        ("alias", DEFAULT),
    ]
    workspace = found(world("contact", "organisation"))
    assert says(workspace) == [
        ("token", "no token"),
        ("employee", "no employee has the address ann@client.example"),
        ("contact", 3),
    ]
    assert workspace.rule == "contact"


def test_rules_that_are_not_named_are_not_tried() -> None:
    people = world("employee", "organisation")
    workspace = found(people, TOKEN_MAIL, workspace_rules=("contact", "alias"))
    assert says(workspace) == [
        ("contact", "no contact has the address ann@client.example"),
        ("alias", DEFAULT),
    ]
    nothing = found(people, TOKEN_MAIL, workspace_rules=("contact",))
    assert (nothing.value, nothing.rule) == (None, None)


def test_always_use_default_workspace_ends_the_search() -> None:
    workspace = found(world(*WORKSPACE_RULES), TOKEN_MAIL, always_use_default_workspace=True)
    assert (workspace.value, workspace.rule) == (DEFAULT, "always_use_default_workspace")
    assert says(workspace) == [("always_use_default_workspace", DEFAULT)]


def test_always_use_default_workspace_without_one_asks_the_rules() -> None:
    workspace = found(world("contact"), always_use_default_workspace=True, workspace=None)
    assert (workspace.value, workspace.rule) == (3, "contact")


def test_an_alias_without_workspace_says_so() -> None:
    workspace = found(workspace=None)
    assert (workspace.value, workspace.rule) == (None, None)
    assert says(workspace)[-1] == ("alias", "alias names no workspace")


@pytest.mark.parametrize(
    ("workspace", "expected"),
    [
        (5, Workspace(5, "alias", (Trace("alias", 5),))),
        (None, Workspace(None, None, (Trace("alias", "alias names no workspace"),))),
    ],
)
def test_without_a_message_only_the_alias_is_asked(workspace: int | None, expected: Workspace) -> None:
    assert find_workspace(Alias("desk@example.org", workspace=workspace)) == expected


# Tokens

KNOWN = People(
    contact={ANN: [person("C-1", 3)]},
    numbers={
        "7": [corp("O-7", 1)],
        "8": [corp("O-8", 1), corp("O-9", 1)],
        "9": [corp("O-8", 1), corp("O-9", 2)],
        "A-1": [corp("A-1", 5)],
    },
    workspaces=frozenset({1201, "north"}),
)

TOKENS: list[tuple[str, str, tuple[int | str | None, str | None], list[tuple[str, int | str]]]] = [
    ("CLID", "CLID=7", (1, "clid"), [("clid", 1)]),
    ("any case", "clid=7", (1, "clid"), [("clid", 1)]),
    ("a number in letters", "see CLID=A-1.", (5, "clid"), [("clid", 5)]),
    ("WSID", "WSID=1201", (1201, "wsid"), [("wsid", 1201)]),
    ("WSID with zeros before", "WSID=01201", (1201, "wsid"), [("wsid", 1201)]),
    ("WSID by name", "(WSID=north)", (("north"), "wsid"), [("wsid", "north")]),
    ("CLID before WSID, wherever they stand", "WSID=1201 CLID=7", (1, "clid"), [("clid", 1)]),
    (
        "WSID when CLID finds nothing",
        "CLID=77 WSID=1201",
        (1201, "wsid"),
        [("clid", "CLID=77: no client has this number"), ("wsid", 1201)],
    ),
    (
        "unknown workspace",
        "WSID=4",
        (3, "contact"),
        [("wsid", "WSID=4: there is no such workspace"), ("contact", 3)],
    ),
    (
        "a name is not a number",
        "WSID=North",
        (3, "contact"),
        [("wsid", "WSID=North: there is no such workspace"), ("contact", 3)],
    ),
    ("twice the same", "CLID=7 CLID=7", (1, "clid"), [("clid", 1)]),
    (
        "two different ones",
        "CLID=7 CLID=A-1",
        (3, "contact"),
        [("clid", "2 different tokens, none counts: 7, A-1"), ("contact", 3)],
    ),
    (
        "two different workspaces",
        "WSID=1201 WSID=north",
        (3, "contact"),
        [("wsid", "2 different tokens, none counts: 1201, north"), ("contact", 3)],
    ),
    (
        "two clients of one number that agree",
        "CLID=8",
        (1, "clid"),
        [("clid", "2 have the number 8: O-8 (1), O-9 (1)"), ("clid", 1)],
    ),
    (
        "two clients of one number that do not",
        "CLID=9",
        (3, "contact"),
        [("clid", "2 have the number 9, none counts: O-8 (1), O-9 (2)"), ("contact", 3)],
    ),
    ("a blank after the sign", "CLID= 7", (3, "contact"), [("token", "no token"), ("contact", 3)]),
    ("a blank before the sign", "CLID =7", (3, "contact"), [("token", "no token"), ("contact", 3)]),
    ("within a word", "XCLID=7", (3, "contact"), [("token", "no token"), ("contact", 3)]),
    ("without a value", "CLID=, WSID=", (3, "contact"), [("token", "no token"), ("contact", 3)]),
    ("other digits", "CLID=\u0667", (3, "contact"), [("token", "no token"), ("contact", 3)]),
]


@pytest.mark.parametrize(
    ("text", "expected", "trace"), [row[1:] for row in TOKENS], ids=[row[0] for row in TOKENS]
)
def test_tokens(
    text: str, expected: tuple[int | str | None, str | None], trace: list[tuple[str, int | str]]
) -> None:
    workspace = found(KNOWN, message(ANN, text=text))
    assert (workspace.value, workspace.rule) == expected
    assert says(workspace, "token", "clid", "wsid", "contact") == trace


def test_a_workspace_that_only_the_configuration_names_may_be_asked_for() -> None:
    knowledge = Knowledge(KNOWN, workspaces=frozenset({55}))
    assert found(knows=knowledge, mail=message(ANN, text="WSID=55")).value == 55


@pytest.mark.parametrize("where", ["quoted", "subject"])
def test_tokens_count_in_the_new_text_only(where: str) -> None:
    mail = message(ANN, text="new", **{where: "CLID=7"})
    assert says(found(KNOWN, mail), "token") == [("token", "no token")]


STRANGERS: list[tuple[str, dict[str, Any], str]] = [
    ("a stranger", {"sender": "eve@evil.example"}, "the sender is not in the directory"),
    ("a colleague who is not listed", {"sender": "joe@client.example"}, "the sender is not in the directory"),
    ("nobody", {"sender": ""}, "the sender is not in the directory"),
    ("forged", {"authentication": Authentication(dmarc="fail")}, "the sender is not verified: DMARC fail"),
    (
        "two in From",
        {"senders": addresses(ANN, "eve@evil.example")},
        "the sender is not certain: From names several addresses",
    ),
]


@pytest.mark.parametrize(("given", "why"), [row[1:] for row in STRANGERS], ids=[row[0] for row in STRANGERS])
def test_tokens_do_not_count_from(given: dict[str, Any], why: str) -> None:
    mail = message(**({"sender": ANN, "text": "CLID=7 WSID=1201"} | given))
    workspace = found(KNOWN, mail)
    assert says(workspace, "token", "clid", "wsid") == [("token", f"CLID=7, WSID=1201 does not count: {why}")]
    assert workspace.rule != "clid"
    anyone = found(KNOWN, mail, tokens="anyone")
    assert (anyone.value, anyone.rule) == (1, "clid")


@pytest.mark.parametrize("verdict", ["pass", "none", "temperror", None])
def test_any_other_verdict_is_no_doubt(verdict: str | None) -> None:
    mail = message(ANN, text="CLID=7", authentication=Authentication(dmarc=verdict))
    workspace = found(KNOWN, mail)
    assert workspace.rule == "clid"
    assert says(workspace, "sender") == []


def test_a_doubt_is_said_before_all_rules() -> None:
    mail = message(ANN, authentication=Authentication(dmarc="fail"))
    workspace = found(KNOWN, mail)
    assert says(workspace)[0] == ("sender", "the sender is not verified: DMARC fail")
    assert workspace.value == 3


def test_a_thousand_tokens_are_not_all_told() -> None:
    mail = message("eve@evil.example", text=" ".join(f"CLID={number}" for number in range(1_000)))
    ((_, told),) = says(found(KNOWN, mail), "token")
    first = "CLID=0, CLID=1, CLID=2, CLID=3, CLID=4 and 995 more"
    assert told == f"{first} does not count: the sender is not in the directory"


# People

LAST = "the one changed last counts"
EQUAL = "of equal ones the last in the directory counts"
OLD, NEW, NEVER = person("P-1", 1, 10), person("P-2", 2, 20), person("P-3", "x")
SEVERAL: list[tuple[str, list[Person], str, int]] = [
    ("one", [OLD], "", 1),
    (
        "the one changed last, as the directory sorts them",
        [NEW, OLD, NEVER],
        f"3 have this address: P-2 (2, changed 2026-11-20), P-1 (1, changed 2026-11-10), P-3 (x); {LAST}",
        2,
    ),
    (
        "none says when it was changed",
        [person("P-2", 2), person("P-1", 1)],
        f"2 have this address: P-2 (2), P-1 (1); {EQUAL}",
        2,
    ),
    (
        "changed at the same time",
        [person("P-9", 9, 20), NEW],
        f"2 have this address: P-9 (9, changed 2026-11-20), P-2 (2, changed 2026-11-20); {EQUAL}",
        9,
    ),
    (
        "no more than a few are named",
        [NEW, *[OLD] * 6],
        "7 have this address: P-2 (2, changed 2026-11-20)"
        + ", P-1 (1, changed 2026-11-10)" * 4
        + f" and 2 more; {LAST}",
        2,
    ),
]


@pytest.mark.parametrize("rule", ["employee", "contact"])
@pytest.mark.parametrize(
    ("people", "told", "value"), [row[1:] for row in SEVERAL], ids=[row[0] for row in SEVERAL]
)
def test_several_people_of_one_address(rule: str, people: list[Person], told: str, value: int) -> None:
    directory = People(employed={ANN: people}) if rule == "employee" else People(contact={ANN: people})
    workspace = found(directory, message("Ann <ANN@client.example>"))
    assert (workspace.value, workspace.rule) == (value, rule)
    assert says(workspace, rule) == ([(rule, told)] if told else []) + [(rule, value)]


@pytest.mark.parametrize(
    ("contacts", "employees", "expected"),
    [
        ([person("C-1", 1, name="Ann L.")], [], ("C-1", None, "Ann L.")),
        ([], [person("E-1", 1, name="Ann E.")], (None, "E-1", "Ann E.")),
        ([person("C-1", 1)], [person("E-1", 1)], ("C-1", "E-1", None)),
        ([person("C-1", 1, name="Ann C.")], [person("E-1", 1, name="Ann E.")], ("C-1", "E-1", "Ann C.")),
        ([person("C-1", 2, name="Ann C.")], [person("E-1", 1, name="Ann E.")], (None, "E-1", "Ann E.")),
        ([person("C-2", 2, 9), person("C-1", 1, 8)], [person("E-1", 1)], ("C-1", "E-1", None)),
        ([], [], (None, None, None)),
    ],
)
def test_the_sender_as_the_directory_has_him_in_the_workspace(
    contacts: list[Person], employees: list[Person], expected: tuple[str | None, str | None, str | None]
) -> None:
    people = People(employed={ANN: employees}, contact={ANN: contacts})
    workspace = found(people, workspace=1)
    assert workspace.value == 1
    assert (workspace.client_contact, workspace.employee, workspace.reported_by) == expected


def test_a_token_for_another_client_names_none_of_its_people() -> None:
    workspace = found(KNOWN, message(ANN, text="CLID=7"))
    assert (workspace.value, workspace.client_contact) == (1, None)


# Organisations

DOMAINS = {
    "client.example": [corp("O-1", 1)],
    "two.example": [corp("O-2", 2), corp("O-3", 3)],
    "same.example": [corp("O-2", 2), corp("O-3", 2)],
    "deep.client.example": [corp("O-4", 4)],
    "gmail.com": [corp("O-5", 5)],
    "isp.example": [corp("O-6", 6)],
    "example": [corp("O-7", 7)],
}
ORGANISATIONS: list[tuple[str, bool, list[int | str], int]] = [
    ("a@client.example", False, [1], 1),
    ("a@CLIENT.example", False, [1], 1),
    ("a@mail.client.example", False, ["no organisation has the domain mail.client.example"], DEFAULT),
    ("a@mail.client.example", True, [1], 1),
    ("a@x.deep.client.example", True, [4], 4),
    ("a@evilclient.example", True, ["no organisation has the domain evilclient.example"], DEFAULT),
    ("a@gmail.com", False, ["gmail.com is a public mail domain"], DEFAULT),
    ("a@GMail.com", True, ["gmail.com is a public mail domain"], DEFAULT),
    ("a@x.gmail.com", True, ["no organisation has the domain x.gmail.com"], DEFAULT),
    ("a@isp.example", True, ["isp.example is a public mail domain"], DEFAULT),
    ("a@two.example", False, ["2 have the domain two.example, none counts: O-2 (2), O-3 (3)"], DEFAULT),
    ("a@same.example", False, ["2 have the domain same.example: O-2 (2), O-3 (2)", 2], 2),
    ("a@unknown.example", True, ["no organisation has the domain unknown.example"], DEFAULT),
    ("nobody", False, ["the mail names no sender"], DEFAULT),
    ("", False, ["the mail names no sender"], DEFAULT),
]


@pytest.mark.parametrize(("sender", "subdomains", "trace", "value"), ORGANISATIONS)
def test_organisations(sender: str, subdomains: bool, trace: list[int | str], value: int) -> None:
    knowledge = Knowledge(People(domains=DOMAINS), public_domains=frozenset({"isp.example"}))
    workspace = found(knows=knowledge, mail=message(sender), subdomains=subdomains)
    assert workspace.value == value
    assert says(workspace, "organisation") == [("organisation", each) for each in trace]


def test_a_sender_of_a_web_form_is_the_one_in_reply_to() -> None:
    mail = message("noreply@forms.example.com", reply_to=addresses(ANN))
    workspace = found(world("contact"), mail, trust_reply_to=frozenset({"noreply@forms.example.com"}))
    assert (workspace.value, workspace.rule, workspace.client_contact) == (3, "contact", "C-1")


def test_long_addresses_are_cut_in_the_trace() -> None:
    workspace = found(mail=message("x" * 5_000 + "@" + "y" * 5_000))
    assert max(len(str(result)) for _, result in says(workspace)) < 200


def test_a_directory_that_cannot_be_asked_is_told() -> None:
    class Broken(People):
        def employees(self, address: str) -> list[Person]:
            raise DirectoryError(address)

    with pytest.raises(DirectoryError):
        found(Broken())
