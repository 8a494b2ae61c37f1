"""Field rules, lists of senders, calendars: what they mean, and what wrong ones are told."""

from __future__ import annotations

import builtins
import time as clock
from datetime import UTC, date, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from emailint.config.patterns import LONGEST, Searched, sender_pattern, text_pattern
from emailint.config.problems import Wrong
from emailint.config.rules import BusinessDays, FieldRule, Hours, When

if TYPE_CHECKING:
    from collections.abc import Callable

    from emailint.config.model import Alias, Config
    from emailint.config.problems import Problem

    Load = Callable[..., Config]
    Problems = Callable[..., tuple[Problem, ...]]

HEAD = """\
integrations:
- name: desk
  mailbox: desk@example.org
  protocol: maildir
  path: mail
  outbound: {type: none}
"""
FIRST = len(HEAD.splitlines()) + 1


def alias_of(load_text: Load, keys: str) -> Alias:
    return load_text(HEAD + keys).integrations[0].aliases[0]


def test_a_rule_is_read_whole(load_text: Load) -> None:
    alias = alias_of(
        load_text,
        r"""
  rules:
  - name: late
    when:
      subject: [Invoice, '/\bINV-\d+$/']
      body: garnishment
      from: ["*@client.example", Boss@client.example]
      has_attachment: yes
      kind: [person, auto_reply]
      workspace: [1201, north]
      hours: [18:00-8:00, 12-13]
      days: [mon-fri, sun]
    set:
      category: Late
      case_type: Question
      priority: High
      status: Open
      assigned_to: night
      due_in: 2bd
      subject: "!{{ message.subject }}"
      reply_template: none
      fields: {shift: 3}
  - set: {due_in: 4h}
  - when: {}
  rules_match: all
""",
    )
    assert alias.rules_match == "all"
    late, second, third = alias.rules
    assert (late.name, second.name, third.name) == ("late", "rules[1]", "rules[2]")
    assert late.when == When(
        subject=(text_pattern("Invoice"), text_pattern(r"/\bINV-\d+$/")),
        body=(text_pattern("garnishment"),),
        sender=(sender_pattern("*@client.example"), sender_pattern("Boss@client.example")),
        has_attachment=True,
        kind=frozenset({"person", "auto_reply"}),
        workspace=frozenset({1201, "north"}),
        hours=(Hours(time(18), time(8)), Hours(time(12), time(13))),
        days=frozenset({0, 1, 2, 3, 4, 6}),
    )
    assert dict(late.case) == {
        "category": "Late",
        "case_type": "Question",
        "priority": "High",
        "status": "Open",
        "assigned_to": "night",
        "due_in": BusinessDays(2),
        "subject": "!{{ message.subject }}",
        "fields": {"shift": 3},
    }
    assert dict(late.reply) == {"template": None}
    assert (dict(second.case), dict(second.reply)) == ({"due_in": timedelta(hours=4)}, {})
    assert third == FieldRule("rules[2]")


def test_an_alias_without_any_of_it(load_text: Load) -> None:
    alias = alias_of(load_text, "")
    assert (alias.rules, alias.rules_match, alias.allow, alias.deny) == ((), "first", (), ())
    assert alias.workspace_rules == ("token", "employee", "contact", "organisation", "alias")
    assert (alias.subdomains, alias.timezone, alias.holidays) == (False, UTC, frozenset())
    assert load_text(HEAD).public_domains == frozenset()


VALUES: list[tuple[str, str, object]] = [
    ("workspace_rules: [contact, alias]", "workspace_rules", ("contact", "alias")),
    ("workspace_rules: [organisation, token]", "workspace_rules", ("organisation", "token")),
    ("subdomains: true", "subdomains", True),
    ("allow: client.example", "allow", (sender_pattern("client.example"),)),
    ("deny: ['/^x$/', a@b.example]", "deny", (sender_pattern("/^x$/"), sender_pattern("a@b.example"))),
    ("timezone: America/New_York", "timezone", ZoneInfo("America/New_York")),
    ("timezone: utc", "timezone", UTC),
    ("holidays: 2026-12-25", "holidays", frozenset({date(2026, 12, 25)})),
    ("holidays: [2026-12-25, 2027-01-01]", "holidays", frozenset({date(2026, 12, 25), date(2027, 1, 1)})),
]


@pytest.mark.parametrize(("keys", "name", "expected"), VALUES, ids=[row[0] for row in VALUES])
def test_values_beside_rules(load_text: Load, keys: str, name: str, expected: object) -> None:
    assert getattr(alias_of(load_text, f"  {keys}\n"), name) == expected


def test_lists_are_inherited_and_replaced_as_wholes(load_text: Load) -> None:
    text = (
        "defaults: {deny: [x.example], rules: [{set: {category: A}}], holidays: [2026-12-25]}\n"
        + HEAD
        + "  aliases:\n"
        + "  - {address: a@example.org}\n"
        + "  - {address: b@example.org, deny: [y.example],\n"
        + "     rules: [{set: {category: B}}, {set: {category: C}}]}\n"
        + "  - {address: c@example.org, rules: null, deny: null}\n"
    )
    first, second, third = load_text(text).integrations[0].aliases
    assert [[rule.case["category"] for rule in each.rules] for each in (first, second, third)] == [
        ["A"],
        ["B", "C"],
        [],
    ]
    assert [[entry.source for entry in each.deny] for each in (first, second, third)] == [
        ["x.example"],
        ["y.example"],
        [],
    ]
    assert second.holidays == {date(2026, 12, 25)}


def test_public_domains_are_lower_case(load_text: Load) -> None:
    assert load_text(f"public_domains: [ISP.example, '@net.example']\n{HEAD}").public_domains == {
        "isp.example",
        "net.example",
    }


def test_variables_and_dollars_in_patterns(load_text: Load) -> None:
    (rule,) = alias_of(load_text, "  rules: [{when: {subject: ['/x$/', '/^${HALF}$/', '/a$$/']}}]\n").rules
    assert [each.source for each in rule.when.subject] == ["/x$/", "/^halb$/", "/a$/"]


WRONG: list[tuple[str, str, str]] = [
    ("rules: {when: {}}", "rules", "must be a list"),
    ("rules: [text]", "rules[0]", "must be a mapping"),
    ("rules: [{whem: {}}]", "rules[0].whem", "unknown key"),
    ("rules: [{when: {form: x}}]", "rules[0].when.form", "unknown key"),
    ("rules: [{set: {form: x}}]", "rules[0].set.form", "unknown key"),
    ("rules: [{when: [a]}]", "rules[0].when", "must be a mapping"),
    (
        "rules: [{}, {when: {subject: '/(/'}}]",
        "rules[1].when.subject",
        "'/(/' is no regular expression of RE2: missing ): (",
    ),
    (
        "rules: [{when: {subject: '/(?=x)/'}}]",
        "rules[0].when.subject",
        "'/(?=x)/' is no regular expression of RE2: invalid perl operator: (?=",
    ),
    (
        r"rules: [{when: {body: '/(a)\1/'}}]",
        "rules[0].when.body",
        r"'/(a)\\1/' is no regular expression of RE2: invalid escape sequence: \1",
    ),
    (
        "rules: [{when: {body: '/(x{100}){100}/'}}]",
        "rules[0].when.body",
        "'/(x{100}){100}/' is no regular expression of RE2: invalid repetition size: {100}",
    ),
    (
        "rules: [{when: {body: '/.{900}.{900}.{900}/'}}]",
        "rules[0].when.body",
        "'/.{900}.{900}.{900}/' is too large a regular expression",
    ),
    ("rules: [{when: {body: ' '}}]", "rules[0].when.body", "' ' is blank"),
    ("rules: [{when: {body: []}}]", "rules[0].when.body", "is an empty list"),
    (
        "rules: [{when: {body: [ok, '/[/']}}]",
        "rules[0].when.body",
        "holds '/[/', which is no regular expression of RE2: missing ]: [",
    ),
    ("rules: [{when: {from: a b}}]", "rules[0].when.from", "'a b' is neither address nor domain"),
    ("rules: [{when: {kind: robot}}]", "rules[0].when.kind", "'robot' is not known here"),
    ("rules: [{when: {hours: 25:00-26:00}}]", "rules[0].when.hours", "'25:00-26:00' is no span of hours"),
    (
        "rules: [{when: {hours: 8-8}}]",
        "rules[0].when.hours",
        "'8-8' is no span of hours: it begins where it ends",
    ),
    (
        "rules: [{when: {hours: 8-24:30}}]",
        "rules[0].when.hours",
        "'8-24:30' is no span of hours: a day ends at 24:00",
    ),
    ("rules: [{when: {days: monday}}]", "rules[0].when.days", "'monday' is not known here"),
    (
        "rules: [{when: {has_attachment: some}}]",
        "rules[0].when.has_attachment",
        "'some' is neither true nor false",
    ),
    ("rules: [{set: {due_in: 0bd}}]", "rules[0].set.due_in", "'0bd' is no time at all"),
    ("rules: [{set: {due_in: 2w}}]", "rules[0].set.due_in", "'2w' is not a duration"),
    (
        "rules: [{set: {reply_template: ../x}}]",
        "rules[0].set.reply_template",
        "'../x' cannot be used as a name here",
    ),
    ("rules_match: one", "rules_match", "'one' is not known here"),
    ("workspace_rules: token", "workspace_rules", "'token' is not a list"),
    ("workspace_rules: [clid]", "workspace_rules", "holds 'clid', which is not known here"),
    (
        "workspace_rules: [alias, contact]",
        "workspace_rules",
        "has rules behind `alias`, which answers always",
    ),
    ("allow: [ann@]", "allow", "holds 'ann@', which is neither address nor domain"),
    ("deny: '*@*@x'", "deny", "'*@*@x' is neither address nor domain"),
    ("timezone: Mars/Olympus", "timezone", "'Mars/Olympus' is no time zone that is known here"),
    ("timezone: ../../etc/passwd", "timezone", "'../../etc/passwd' is no time zone that is known here"),
    ("holidays: [25.12.2026]", "holidays", "holds '25.12.2026', which is not a date"),
    ("case: {due_in: bd}", "case.due_in", "'bd' is not a duration"),
]


@pytest.mark.parametrize(("keys", "path", "what"), WRONG, ids=[row[0] for row in WRONG])
def test_wrong_ones_are_told_with_line_and_path(
    problems_of: Problems, keys: str, path: str, what: str
) -> None:
    (problem,) = problems_of(f"{HEAD}  {keys}\n")
    assert (problem.line, problem.path, problem.what) == (FIRST, f"integrations[0].{path}", what)
    assert problem.cure


def test_wrong_public_domains_are_told(problems_of: Problems) -> None:
    (problem,) = problems_of(f"public_domains: [gmail]\n{HEAD}")
    assert (problem.path, problem.what) == ("public_domains", "holds 'gmail', which is not a mail domain")


def test_each_wrong_rule_is_told_and_the_others_keep_their_places(problems_of: Problems) -> None:
    text = "  rules:\n  - set: {due_in: soon}\n  - when: {kind: x}\n    set: {due_in: 2h}\n  - {whne: {}}\n"
    found = problems_of(HEAD + text)
    assert [(problem.line - FIRST, problem.path.removeprefix("integrations[0].")) for problem in found] == [
        (1, "rules[0].set.due_in"),
        (2, "rules[1].when.kind"),
        (4, "rules[2].whne"),
    ]


MATCHES: list[tuple[str, str, bool]] = [
    ("invoice", "My Invoice no. 7", True),
    ("my invoice", "MY\n  invoice", True),
    ("invoice", "inv oice", False),
    ("straße", "STRASSE", True),
    ("a.c", "abc", False),
    ("/a.c/", "xABCx", True),
    ("/^abc$/", "abc\nx", False),
    ("/(?m)^abc$/", "x\nabc\nx", True),
    ("/^größe/", "GRÖSSE", False),
    ("/größe/", "GRÖßE", True),
    ("/", "a/b", True),
    ("//", "a//b", True),
    (r"/\d{3}/", "12", False),
    ("x", "", False),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_text_patterns(pattern: str, text: str, expected: bool) -> None:
    assert text_pattern(pattern).matches(Searched(text)) is expected


SENDERS: list[tuple[str, str, bool]] = [
    ("ann@client.example", "ANN@Client.example", True),
    ("Ann@client.example", "ann@client.example", True),
    ("ann@client.example", "joann@client.example", False),
    ("client.example", "ann@client.example", True),
    ("@client.example", "ann@client.example", True),
    ("client.example", "ann@mail.client.example", False),
    ("client.example", "ann@evilclient.example", False),
    ("*.client.example", "ann@mail.client.example", True),
    ("*.client.example", "ann@client.example", False),
    ("*@client.example", "ann@client.example", True),
    ("billing-?@client.example", "billing-7@client.example", True),
    ("billing-?@client.example", "billing-77@client.example", False),
    ("*client.example", "ann@evilclient.example", True),
    ("[ab]@client.example", "a@client.example", False),
    ("[ab]*@client.example", "[ab]c@client.example", True),
    ("/^(ann|bob)@/", "bob@x.example", True),
    ("*@*", "", False),
    ("/.*/", "", False),
]


@pytest.mark.parametrize(("pattern", "address", "expected"), SENDERS)
def test_sender_patterns(pattern: str, address: str, expected: bool) -> None:
    assert sender_pattern(pattern).matches(address) is expected


@pytest.mark.parametrize(
    ("pattern", "exact"),
    [
        ("a@b.example", True),
        ("*@b.example", False),
        ("b.example", False),
        ("/a@b/", False),
        ("a?@b.example", False),
    ],
)
def test_which_sender_patterns_are_exact(pattern: str, exact: bool) -> None:
    assert sender_pattern(pattern).exact is exact


HOSTILE: list[tuple[str, str]] = [
    ("/(x+x+)+y/", "x" * 1_000_000),
    ("/(a*)*b/", "a" * 1_000_000),
    ("/(.*)(.*)(.*)(.*)(.*)z/", "a" * 1_000_000),
    ("/(?:a|b)*a(?:a|b){900}c/", "ab" * 500_000),
    ("/(?:.{0,100}a){2}c/", "ab" * 500_000),
    ("word " * 100, "word " * 200_000),
]


@pytest.mark.parametrize(("pattern", "text"), HOSTILE, ids=[row[0][:30] for row in HOSTILE])
def test_no_pattern_runs_away(pattern: str, text: str) -> None:
    compiled = text_pattern(pattern)
    begun = clock.process_time()
    compiled.matches(Searched(text))
    assert clock.process_time() - begun < 3.0


def test_no_glob_runs_away() -> None:
    compiled = sender_pattern("*a*a*a*a*a*a*a*a*a*a*a*a*b@*.example")
    begun = clock.process_time()
    assert not compiled.matches("a" * 100_000 + "@x.example")
    assert clock.process_time() - begun < 1.0


def test_a_pattern_has_a_longest_length() -> None:
    text_pattern("x" * LONGEST)
    with pytest.raises(Wrong, match="longer than"):
        text_pattern("x" * (LONGEST + 1))


def test_without_re2_an_expression_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *given: Any, **named: Any) -> object:
        if name == "re2":
            raise ImportError(name)
        return original(name, *given, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Wrong) as caught:
        text_pattern("/a/")
    assert (caught.value.what, caught.value.cure) == (
        "is a regular expression, and RE2 is not installed",
        "run: pip install 'emailint[patterns]', or write the words to look for",
    )
    assert text_pattern("a").matches(Searched("a"))


@pytest.mark.parametrize(
    ("span", "inside", "outside"),
    [
        (Hours(time(8), time(17, 30)), ["08:00", "17:29:59"], ["07:59:59", "17:30", "00:00"]),
        (Hours(time(18), time(8)), ["18:00", "23:59", "00:00", "07:59"], ["08:00", "17:59"]),
        (Hours(time(17), time(0)), ["17:00", "23:59"], ["00:00", "16:59"]),
    ],
)
def test_hours(span: Hours, inside: list[str], outside: list[str]) -> None:
    assert [span.hold(time.fromisoformat(each)) for each in inside] == [True] * len(inside)
    assert [span.hold(time.fromisoformat(each)) for each in outside] == [False] * len(outside)
