"""What stands in a case: fields of the mail, fields of the alias, templates that fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from emailint.case import FollowUp, StoredAttachment, Trace, message_block
from emailint.config.model import Alias, CaseDefaults
from emailint.config.rules import BusinessDays
from emailint.message.model import Authentication, Automatic, Kind, Signal
from emailint.routing.alias import AliasMatch
from emailint.routing.record import Arrival, make_case, make_follow_up, with_related
from emailint.routing.route import FollowUpTo
from emailint.routing.sender import sender_of
from emailint.routing.workspace import Workspace
from tests.support.routing import addresses, message

if TYPE_CHECKING:
    from emailint.case import Case
    from emailint.message.model import InboundMessage

NOW = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)
PLACE = Workspace(1201, "alias", (Trace("alias", 1201),))
FORM = frozenset({"noreply@forms.example.com"})


def case(
    mail: InboundMessage | None = None,
    fields: CaseDefaults | None = None,
    *stored: StoredAttachment,
    workspace: Workspace = PLACE,
    **alias: Any,
) -> Case:
    match = AliasMatch(Alias("desk@example.org", case=fields or CaseDefaults(), **alias), "To")
    arrival = Arrival(mail or message(), "desk", "locus", NOW, NOW)
    return make_case("CS-000042", arrival, match, workspace, stored, ("respond", None))


def test_a_case_holds_what_the_mail_says() -> None:
    mail = message(
        "Ann Lee <ann@client.example>",
        subject="Wrong hours",
        text="new",
        quoted="> old",
        kind=Kind.LIST,
        signals=(Signal("List-Id", Automatic.LIST), Signal("List-Id", Automatic.LIST)),
        authentication=Authentication("pass"),
        defects=("no date",),
    )
    found = case(mail, form="claim")
    assert (found.case_id, found.integration, found.alias, found.alias_matched_by, found.form) == (
        "CS-000042",
        "desk",
        "desk@example.org",
        "To",
        "claim",
    )
    assert (found.workspace, found.workspace_rule, found.routing) == (1201, "alias", PLACE.trace)
    assert (found.email_address, found.reported_by) == ("ann@client.example", "Ann Lee")
    assert (found.subject, found.issue, found.issue_quoted, found.issue_html) == (
        "Wrong hours",
        "new",
        "> old",
        None,
    )
    assert (found.kind, found.signals, found.defects) == ("list", ("List-Id",), ("no date",))
    assert found.authentication == Authentication("pass")
    assert (found.priority, found.status, found.communication_method) == (
        "Medium",
        "New",
        "Email Integration",
    )
    assert (found.category, found.case_type, found.assigned_to, found.due_at) == (None, None, None, None)
    assert (found.reply_decision, found.reply_reason) == ("respond", None)


@pytest.mark.parametrize(
    ("subject", "expected"), [("", "(no subject)"), ("Hello", "Hello"), ("x" * 2000, "x" * 1000)]
)
def test_subject(subject: str, expected: str) -> None:
    assert case(message(subject=subject)).subject == expected


@pytest.mark.parametrize(
    ("sender", "address", "reported"),
    [
        ("", None, None),
        ("ann@client.example", "ann@client.example", "ann@client.example"),
        ("Ann <ann@client.example>", "ann@client.example", "Ann"),
        ("Ann <>", None, "Ann"),
    ],
)
def test_who_reported(sender: str, address: str | None, reported: str | None) -> None:
    found = case(message(sender))
    assert (found.email_address, found.reported_by) == (address, reported)


FIELDS = [
    ("category", CaseDefaults(category="Pay"), "category", "Pay"),
    ("case_type", CaseDefaults(case_type="Question"), "case_type", "Question"),
    ("priority", CaseDefaults(priority="High"), "priority", "High"),
    ("status", CaseDefaults(status="Open"), "status", "Open"),
    ("assigned_to", CaseDefaults(assigned_to="team"), "assigned_to", "team"),
    ("subject of the mail", CaseDefaults(subject="URGENT {{ message.subject }}"), "subject", "URGENT Hi"),
    (
        "sender",
        CaseDefaults(category="{{ sender.name }}/{{ sender.address }}"),
        "category",
        "Ann/ann@c.example",
    ),
    ("workspace", CaseDefaults(category="W{{ workspace }}"), "category", "W1201"),
    (
        "kind and language",
        CaseDefaults(category="{{ message.kind }} {{ message.language }}"),
        "category",
        "person de",
    ),
    ("mail is never a template", CaseDefaults(category="{{ message.text }}"), "category", "{{ 7 * 7 }}"),
    ("due", CaseDefaults(due_in=timedelta(days=2)), "due_at", NOW + timedelta(days=2)),
    (
        "own fields keep their kinds",
        CaseDefaults(fields={"region": "{{ workspace }}", "count": 3, "flag": True, "none": None}),
        "fields",
        {"region": "1201", "count": 3, "flag": True, "none": None},
    ),
]


@pytest.mark.parametrize(
    ("fields", "name", "expected"), [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS]
)
def test_fields_that_the_alias_maps(fields: CaseDefaults, name: str, expected: object) -> None:
    mail = message("Ann <ann@c.example>", subject="Hi", text="{{ 7 * 7 }}", language="de")
    found = case(mail, fields)
    assert getattr(found, name) == expected
    assert found.defects == ()


def mapped(name: str, template: str) -> CaseDefaults:
    values: dict[str, Any] = {name: template}
    return CaseDefaults(**values)


BROKEN = [
    ("unknown name", "{{ message.nothing }}"),
    ("unknown variable", "{{ nothing }}"),
    ("syntax", "{{ message.subject"),
    ("outside of the sandbox", "{{ message.__class__.__mro__ }}"),
]


@pytest.mark.parametrize("template", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
@pytest.mark.parametrize(
    ("name", "fallback"),
    [
        ("subject", "Hi"),
        ("category", None),
        ("case_type", None),
        ("priority", "Medium"),
        ("status", "New"),
        ("assigned_to", None),
    ],
)
def test_a_template_that_fails_is_a_defect_and_the_field_falls_back(
    template: str, name: str, fallback: str | None
) -> None:
    mail = message(subject="Hi", defects=("first",))
    found = case(mail, mapped(name, template))
    assert getattr(found, name) == fallback
    assert found.defects[0] == "first"
    assert [defect.startswith(f"case field {name}: ") for defect in found.defects[1:]] == [True]


def test_a_field_of_ones_own_that_fails_is_null_and_the_others_stay() -> None:
    found = case(message(), CaseDefaults(category="Pay", fields={"bad": "{{ x }}", "good": "yes"}))
    assert found.fields == {"bad": None, "good": "yes"}
    assert found.category == "Pay"
    assert len(found.defects) == 1
    assert found.defects[0].startswith("case field fields.bad: ")


@pytest.mark.parametrize("name", ["subject", "priority", "status"])
def test_a_template_that_makes_nothing_leaves_the_usual_value(name: str) -> None:
    usual = getattr(case(message(subject="Hi")), name)
    assert getattr(case(message(subject="Hi"), mapped(name, "{{ '' }}")), name) == usual


SENDERS = [
    ("From", "ann@c.example", (), "ann@c.example"),
    ("From, though there is a Reply-To", "ann@c.example", ("bob@c.example",), "ann@c.example"),
    ("a trusted form", "noreply@forms.example.com", ("bob@c.example",), "bob@c.example"),
    ("a trusted form without case", "NoReply@Forms.example.com", ("bob@c.example",), "bob@c.example"),
    ("a trusted form without Reply-To", "noreply@forms.example.com", (), "noreply@forms.example.com"),
    ("nobody", "", ("bob@c.example",), None),
]


@pytest.mark.parametrize(
    ("sender", "reply_to", "expected"), [row[1:] for row in SENDERS], ids=[row[0] for row in SENDERS]
)
def test_sender(sender: str, reply_to: tuple[str, ...], expected: str | None) -> None:
    mail = message(sender, reply_to=addresses(*reply_to))
    alias = Alias("desk@example.org", trust_reply_to=FORM)
    found = sender_of(mail, alias)
    assert (found.address if found else None) == expected
    assert case(mail, trust_reply_to=FORM).email_address == expected


def test_sender_is_the_first_that_has_an_address() -> None:
    mail = replace(message(), senders=addresses("Nobody <>", "ann@c.example", "bob@c.example"))
    assert sender_of(mail, Alias("desk@example.org")) == mail.senders[1]


def picture(content_id: str | None, path: str = "attachments/ab/001-cd.png") -> StoredAttachment:
    return StoredAttachment("logo.png", path, "image/png", 3, "cd", inline=True, content_id=content_id)


PATH = "attachments/ab/001-cd.png"
INLINE = [
    ("no html", None, None),
    ("no picture", "<p>cid</p>", "<p>cid</p>"),
    ("by its id", '<img src="cid:a@x">', f'<img src="{PATH}">'),
    ("scheme in capitals", '<img alt="" src="CID:a@x">', f'<img alt="" src="{PATH}">'),
    ("percent-encoded (RFC 2392)", '<img src="cid:a%40x">', f'<img src="{PATH}">'),
    ("an id that is escaped in HTML", '<img src="cid:b&amp;&quot;c">', '<img src="attachments/b.png">'),
    ("twice", '<img src="cid:a@x"><img src="cid:a@x">', f'<img src="{PATH}"><img src="{PATH}">'),
    ("unknown id", '<img src="cid:zz@x">', '<img src="cid:zz@x">'),
    ("the case of an id counts", '<img src="cid:A@x">', '<img src="cid:A@x">'),
    ("a link", '<a href="cid:a@x">see</a>', f'<a href="{PATH}">see</a>'),
    ("text that looks so", '<p>src="cid:a@x"</p>', '<p>src="cid:a@x"</p>'),
    ("a value that looks so", """<p title=" src='cid:a@x'">t</p>""", """<p title=" src='cid:a@x'">t</p>"""),
    (
        "a value that ends so",
        """<p title="src=&quot;cid:a@x">t</p>""",
        """<p title="src=&quot;cid:a@x">t</p>""",
    ),
    ("another scheme", '<img src="data:cid:a@x">', '<img src="data:cid:a@x">'),
]


@pytest.mark.parametrize(("html", "expected"), [row[1:] for row in INLINE], ids=[row[0] for row in INLINE])
def test_inline_pictures_point_to_the_store(html: str | None, expected: str | None) -> None:
    stored = (
        picture(None, "attachments/none.png"),
        picture("a@x"),
        picture("<a@x>", "attachments/second.png"),
        picture('b&"c', "attachments/b.png"),
    )
    assert case(message(html=html), None, *stored).issue_html == expected


def test_a_path_cannot_leave_its_attribute() -> None:
    evil = picture("a@x", 'x" onload="y')
    assert (
        case(message(html='<img src="cid:a@x">'), None, evil).issue_html == '<img src="x%22%20onload%3D%22y">'
    )


def test_nothing_is_pointed_to_that_was_not_stored() -> None:
    html = '<img src="cid:a@x">'
    assert case(message(html=html), None, picture("a@x", "")).issue_html == html


def test_a_megabyte_of_html_is_done_at_once() -> None:
    html = '<img src="cid:a@x" ' + "alt=\"'" * 50_000 + '<p title=" cid:' * 20_000 + "<" * 100_000
    assert "cid:" in (case(message(html=html), None, picture("a@x")).issue_html or "")


def test_the_people_of_the_directory_stand_in_the_case() -> None:
    place = Workspace(
        1, "contact", (), client_contact="C-1", employee="E-1", reported_by="Ann of the directory"
    )
    found = case(message("Ann <ann@c.example>"), workspace=place)
    assert (found.client_contact, found.employee) == ("C-1", "E-1")
    assert (found.reported_by, found.email_address) == ("Ann of the directory", "ann@c.example")


def test_business_days_follow_the_calendar_of_the_alias() -> None:
    # 2026-11-24T18:00:05Z is already Wednesday in Tokyo; Thursday is a holiday, then comes the weekend
    found = case(
        None,
        CaseDefaults(due_in=BusinessDays(2)),
        timezone=ZoneInfo("Asia/Tokyo"),
        holidays=frozenset({date(2026, 11, 26)}),
    )
    assert found.due_at == datetime(2026, 11, 29, 18, 0, 5, tzinfo=UTC)


def test_what_only_some_cases_have_comes_last() -> None:
    plain = case()
    assert plain.extra == {}
    match = AliasMatch(
        Alias("desk@example.org"), "To", ("b@example.org",), rules=("late",), reply_template="urgent"
    )
    arrival = Arrival(message(), "desk", "locus", NOW, NOW)
    full = with_related(make_case("CS-000042", arrival, match, PLACE, (), ("respond", None)), "CS-000007")
    assert full.record() == {
        **plain.record(),
        "related_case": "CS-000007",
        "other_aliases": ["b@example.org"],
        "rules": ["late"],
        "reply_template": "urgent",
    }
    assert list(full.record())[-4:] == ["related_case", "other_aliases", "rules", "reply_template"]
    assert with_related(plain, None) is plain


def test_a_follow_up_holds_what_the_mail_says() -> None:
    mail = message(
        text="new",
        quoted="> old",
        html='<img src="cid:a@x">',
        kind=Kind.AUTO_REPLY,
        signals=(Signal("Auto-Submitted", Automatic.AUTO_SUBMITTED),) * 2,
        authentication=Authentication("pass"),
        defects=("no date",),
    )
    arrival = Arrival(mail, "desk", "locus", NOW, NOW)
    route = FollowUpTo(AliasMatch(Alias("desk@example.org"), "To"), "CS-000042", "References")
    found = make_follow_up("CS-000042-1", arrival, route, (picture("a@x"),))
    assert found == FollowUp(
        case_id="CS-000042",
        followup_id="CS-000042-1",
        created_at=NOW,
        integration="desk",
        issue="new",
        issue_quoted="> old",
        issue_html=f'<img src="{PATH}">',
        message=message_block(mail, "locus", NOW),
        kind="auto_reply",
        signals=("Auto-Submitted",),
        authentication=Authentication("pass"),
        defects=("no date",),
        matched_by="References",
        attachments=(picture("a@x"),),
    )
