"""What would be made of a mail, and why: the same as a sweep makes, and without a trace."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from emailint.config.model import Alias, CaseDefaults, ReplySettings
from emailint.config.patterns import text_pattern
from emailint.config.rules import FieldRule, When
from emailint.errors import DirectoryError, MessageError, UsageError
from emailint.report.explanation import explanation_document, explanation_tree
from emailint.report.tree import plain_tree
from emailint.sweep.explain import Explanation, FieldSaid, ReplySaid, explain, explain_live
from tests.support.memory import letter
from tests.support.world import PAYROLL, World, make_world

if TYPE_CHECKING:
    from pathlib import Path

DIRECTORY = """type,id,name,address,work_address,domains,workspace,changed_at
employee,E-1,Ann Lee,,ann@example.com,,1300,2026-01-01
employee,E-2,Ann Lee,,ann@example.com,,1350,2026-03-01
contact,C-7,Bo Chen,bo@client.example.net,,,1400,2026-01-01
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    path = tmp_path / "directory.csv"
    path.write_text(DIRECTORY, encoding="utf-8")
    return make_world(tmp_path, monkeypatch, settings={"directory": path})


def told(world: World, raw: bytes, integration: str | None = None) -> Explanation:
    return explain(world.config(), raw, integration=integration, clock=world.clock)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


MAILS = [
    letter(1),
    letter(2, sender="bo@client.example.net", to="urgent@example.org"),
    letter(3, headers="Auto-Submitted: auto-replied\n"),
    letter(4, headers="List-Id: <news.example.org>\n", sender="zoe@elsewhere.example"),
    letter(5, to="nobody@example.org"),
]


@pytest.mark.parametrize("raw", MAILS)
def test_it_says_what_a_sweep_then_stores(world: World, raw: bytes) -> None:
    said = told(world, raw)
    assert not (world.folder / "data").exists()
    uid = world.source.deliver(raw)
    assert world.sweep().totals.cases == 1
    (case,) = world.lines()
    locus = case["message"].pop("locus")
    record = dict(said.record or {})
    record["message"] = {name: each for name, each in record["message"].items() if name != "locus"}
    assert (record, said.outcome, said.case_id) == (case, "case", "CS-000001")
    assert locus == world.source.locus(uid)
    assert said.reply is not None
    assert said.reply.decision == case["reply"]["decision"]
    assert said.reply.reason == case["reply"]["reason"]


def test_it_changes_nothing(world: World) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    before = digests(world.folder / "data")
    told(world, letter(2))
    told(world, letter(1))
    assert digests(world.folder / "data") == before


def test_each_workspace_rule_has_its_say(world: World) -> None:
    record = told(world, letter(1)).record or {}
    assert [(each["rule"], each["result"]) for each in record["routing"]] == [
        ("token", "no token"),
        (
            "employee",
            (
                "2 have this address: E-2 (1350, changed 2026-03-01), E-1 (1300, changed 2026-01-01);"
                " the one changed last counts"
            ),
        ),
        ("employee", 1350),
    ]


def rules() -> Alias:
    pattern = text_pattern("question")
    urgent = FieldRule(
        "urgent",
        When(subject=(pattern,)),
        MappingProxyType({"priority": "High", "fields": {"team": "night"}}),
        MappingProxyType({"template": None}),
    )
    fields = MappingProxyType({"region": "{{ workspace }}"})
    case = CaseDefaults(category="Payroll", subject="P: {{ message.subject }}", fields=fields)
    return Alias("payroll@example.org", default=True, workspace=7, case=case, rules=(urgent,))


def test_each_field_says_where_it_came_from(world: World) -> None:
    world.change(aliases=(rules(),))
    said = told(world, letter(1, sender="zoe@elsewhere.example"))
    assert said.fields == (
        FieldSaid("subject", "P: Question 1", "alias payroll@example.org"),
        FieldSaid("category", "Payroll", "alias payroll@example.org"),
        FieldSaid("case_type", None, "built in"),
        FieldSaid("priority", "High", "rule urgent"),
        FieldSaid("status", "New", "built in"),
        FieldSaid("assigned_to", None, "built in"),
        FieldSaid("due_at", None, "built in"),
        FieldSaid("fields.region", "7", "alias payroll@example.org"),
        FieldSaid("fields.team", "night", "rule urgent"),
    )
    assert said.reply == ReplySaid(
        "withhold", None, None, "no_template", "no template is set for it", "configuration"
    )


def test_a_subject_that_nothing_maps_is_the_mails_own(world: World) -> None:
    assert told(world, letter(1)).fields[0] == FieldSaid("subject", "Question 1", "the mail")


def test_a_reply_says_whom_it_answers_and_by_which_template(world: World) -> None:
    assert told(world, letter(1)).reply == ReplySaid("respond", "ann@example.com", "case-confirm")


def test_what_keeps_a_reply_back_is_cited(world: World) -> None:
    reply = told(world, letter(1, headers="Auto-Submitted: auto-replied\n")).reply
    assert reply is not None
    assert (reply.reason, reply.citation) == ("auto_submitted", "RFC 3834 section 5")


def test_a_mail_that_is_known_is_explained_as_if_it_were_new(world: World) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    said = told(world, letter(1))
    assert said.known is not None
    assert (said.known.disposition, said.known.case_id) == ("case", "CS-000001")
    assert said.case_id == "CS-000002"
    assert (said.record or {})["defects"] == []
    assert said.reply == ReplySaid("respond", "ann@example.com", "case-confirm")


def test_a_follow_up_says_what_ties_it_to_its_case(world: World) -> None:
    follow = ReplySettings(follow_up_template="case-confirm")
    world.change(aliases=(Alias("payroll@example.org", default=True, reply=follow),))
    world.source.deliver(letter(1))
    world.sweep()
    said = told(world, letter(2, headers="In-Reply-To: <1@example.com>\n"))
    assert (said.outcome, said.case_id, said.fields) == ("follow_up", "CS-000001", ())
    assert (said.record or {})["matched_by"] == "In-Reply-To"
    assert said.reply == ReplySaid("respond", "ann@example.com", "case-confirm")
    stranger = letter(3, sender="eve@evil.example", headers="In-Reply-To: <1@example.com>\n")
    assert (told(world, stranger).record or {})["related_case"] == "CS-000001"


HELD = replace(PAYROLL.aliases[0], unknown_sender="hold")
IGNORING = replace(PAYROLL.aliases[0], unknown_sender="ignore")
MADE_NOTHING = [
    ((HELD,), "held", "unknown_sender: zoe@elsewhere.example is not in the directory"),
    ((IGNORING,), "ignored", "unknown_sender: zoe@elsewhere.example is not in the directory"),
    ((Alias("urgent@example.org"),), "held", "no_alias: no alias fits a mail to payroll@example.org"),
]


@pytest.mark.parametrize(("aliases", "outcome", "detail"), MADE_NOTHING)
def test_why_nothing_is_made_of_a_mail(
    world: World, aliases: tuple[Alias, ...], outcome: str, detail: str
) -> None:
    world.change(aliases=aliases)
    said = told(world, letter(1, sender="zoe@elsewhere.example"))
    assert (said.outcome, said.record, said.reply) == (outcome, None, None)
    assert said.detail.startswith(detail)
    assert list(plain_tree(explanation_tree(said)))[-1] == "  reply: none, since nothing is made of the mail"
    assert json.loads(json.dumps(explanation_document(said)))["detail"] == said.detail


def test_a_mail_over_the_limit_is_explained_by_its_headers(world: World) -> None:
    world.settings["limits"] = replace(world.config().limits, message_size=1_000)
    record = told(world, letter(1, body="word " * 1_000)).record or {}
    assert (record["issue"], record["subject"]) == ("", "Question 1")
    assert record["message"]["size"] > 5_000
    assert record["defects"]


def test_a_mail_that_cannot_be_read_is_explained_as_it_would_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object) -> None:
        raise MessageError("its reader was ended by signal 11")

    monkeypatch.setattr("emailint.message.child.read_in_child", die)
    said = told(world, letter(1))
    assert (said.outcome, said.detail) == ("quarantined", "its reader was ended by signal 11")
    assert (said.record or {})["defects"][0].startswith("parse_failed")


def test_a_directory_that_cannot_be_asked_is_an_error(world: World) -> None:
    (world.folder / "directory.csv").write_text("type,id\nemployee\n", encoding="utf-8")
    with pytest.raises(DirectoryError):
        told(world, letter(1))


# Several mailboxes


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    benefits = replace(
        PAYROLL, name="benefits", mailbox="b@example.org", aliases=(Alias("b@example.org"), Alias("c@x.y"))
    )
    payroll = replace(PAYROLL, aliases=(Alias("payroll@example.org"), Alias("c@x.y")))
    return make_world(tmp_path, monkeypatch, integrations=(payroll, benefits))


@pytest.mark.parametrize(("to", "name"), [("payroll@example.org", "payroll"), ("B@example.org", "benefits")])
def test_of_several_the_one_whose_alias_the_mail_names(two: World, to: str, name: str) -> None:
    assert told(two, letter(1, to=to)).integration == name


@pytest.mark.parametrize("to", ["nobody@example.org", "payroll@example.org, b@example.org", "c@x.y"])
def test_where_that_is_not_clear_it_must_be_named(two: World, to: str) -> None:
    with pytest.raises(UsageError, match="which mailbox") as raised:
        told(two, letter(1, to=to))
    assert "payroll, benefits" in raised.value.hint
    assert told(two, letter(1, to=to), "benefits").integration == "benefits"


def test_an_integration_that_is_not_there(two: World) -> None:
    with pytest.raises(UsageError, match="no integration is named"):
        told(two, letter(1), "wages")


# In its mailbox


def test_a_message_where_it_lies_is_not_marked(two: World) -> None:
    source = two.sources["benefits"]
    uid = source.deliver(letter(1, to="b@example.org"), received_at=two.clock.now() - timedelta(days=5))
    said = explain_live(two.config(), source.locus(uid), clock=two.clock)
    assert (said.integration, said.outcome) == ("benefits", "case")
    assert said.reply is not None
    assert said.reply.reason == "old"
    assert (said.record or {})["message"]["locus"] == source.locus(uid)
    assert source.unread() == [uid]
    assert "mark" not in source.calls
    assert "list" not in source.calls
    assert two.sources["payroll"].calls == []


@pytest.mark.parametrize("locus", ["memory://b@example.org/INBOX;1/9", "imap://x@y/INBOX", ""])
def test_a_message_that_is_nowhere(two: World, locus: str) -> None:
    two.sources["benefits"].account = "memory://b@example.org"
    with pytest.raises(UsageError, match="no mailbox"):
        explain_live(two.config(), locus)


# What is shown


def test_the_tree_of_a_case(world: World) -> None:
    world.change(aliases=(rules(),))
    shown = list(plain_tree(explanation_tree(told(world, letter(1)))))
    until = shown.index("  would be stored")
    assert shown[:until] == [
        "Question 1: case CS-000001",
        "  integration: payroll",
        "  alias: payroll@example.org (named in To)",
        "  kind: person",
        "  follow-up: no",
        "  workspace: 1350 (by employee)",
        "    token: no token",
        (
            "    employee: 2 have this address: E-2 (1350, changed 2026-03-01), E-1 (1300, changed"
            " 2026-01-01); the one changed last counts"
        ),
        "    employee: 1350",
        "  fields, by rules: urgent",
        "    subject: P: Question 1 (alias payroll@example.org)",
        "    category: Payroll (alias payroll@example.org)",
        "    case_type: null (built in)",
        "    priority: High (rule urgent)",
        "    status: New (built in)",
        "    assigned_to: null (built in)",
        "    due_at: null (built in)",
        "    fields.region: 1350 (alias payroll@example.org)",
        "    fields.team: night (rule urgent)",
        "  reply: withheld, no_template",
        "    no template is set for it (configuration)",
    ]
    assert "    issue: Please help." in shown


def test_nothing_of_a_mail_reaches_the_terminal_alive(world: World) -> None:
    hostile = letter(1, body="\x1b[2J [/oops] \x9b31m").replace(b"Question 1", b"\x1b]52;c;eA==\x07 [red]")
    shown = "\n".join(plain_tree(explanation_tree(told(world, hostile))))
    assert not [letter for letter in shown if letter < " " and letter != "\n"]
    assert "\\x1b" in shown


def test_the_document_has_all_that_the_tree_says(world: World) -> None:
    world.change(aliases=(rules(), Alias("urgent@example.org")))
    raw = letter(1, to="urgent@example.org, payroll@example.org", headers="Precedence: bulk\n")
    document = json.loads(json.dumps(explanation_document(told(world, raw))))
    assert document["alias"] == {
        "address": "urgent@example.org",
        "matched_by": "To",
        "others": ["payroll@example.org"],
    }
    assert document["signals"] == [{"source": "Precedence", "reason": "list"}]
    assert (document["outcome"], document["known"], document["follow_up"]) == ("case", None, None)
    assert document["reply"]["reason"] == "list"
    assert document["record"]["case_id"] == "CS-000001"
    assert len(document["fields"]) == 7
