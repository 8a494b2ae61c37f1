"""Authentication-Results: whose verdict counts, and which of several."""

from __future__ import annotations

from typing import Final

import pytest

from emailint.message import read_message
from emailint.message.authentication import read
from emailint.message.headers import Headers
from emailint.message.model import Authentication, ReadSettings
from tests.support.timing import assert_within

OURS = "mx.example.org"
M365 = "topmost-without-id"
NOTHING = Authentication()


def headers(*values: str, name: str = "Authentication-Results") -> Headers:
    return Headers([(name, value.encode()) for value in values])


def verdict(dmarc: str | None = None, spf: str | None = None, dkim: str | None = None) -> Authentication:
    return Authentication(dmarc=dmarc, spf=spf, dkim=dkim)


ALL_PASS = verdict("pass", "pass", "pass")

# From RFC 8601 appendix B the forms, with names of our own.
ONE_FIELD = [
    ("plain", f"{OURS}; dmarc=pass; spf=pass; dkim=pass", ALL_PASS),
    ("none", f"{OURS}; none", NOTHING),
    ("version and none", f"{OURS} 1; none", NOTHING),
    ("version 1", f"{OURS} 1; dmarc=pass", verdict("pass")),
    ("unknown version", f"{OURS} 2; dmarc=pass", NOTHING),
    ("method version 1", f"{OURS}; dmarc/1=pass", verdict("pass")),
    ("unknown method version", f"{OURS}; dmarc/2=pass; spf=fail", verdict(None, "fail")),
    ("case of id, method and result", "MX.Example.ORG; DMARC=Pass; SPF=FAIL", verdict("pass", "fail")),
    ("quoted id", f'"{OURS}"; dmarc=pass', verdict("pass")),
    ("quoted id with escape", '"mx\\.example.org"; dmarc=pass', verdict("pass")),
    ("comment before id", f"(made here) {OURS}; dmarc=pass", verdict("pass")),
    ("comment after id", f"{OURS} (host 7); dmarc=pass", verdict("pass")),
    ("comment before version", f"{OURS} (v) 1; dmarc=pass", verdict("pass")),
    ("comment around equals", f"{OURS}; dmarc (a) = (b) pass", verdict("pass")),
    (
        "nested comment",
        f"{OURS}; dmarc=fail (p=none (sp=(none)) dmarc=pass); spf=pass",
        verdict("fail", "pass"),
    ),
    ("semicolon in comment", f"{OURS}; spf=fail (a; dmarc=pass); dkim=none", verdict(None, "fail", "none")),
    (
        "escaped parenthesis in comment",
        f"{OURS}; spf=fail (a \\) ; dmarc=pass); dkim=none",
        verdict(None, "fail", "none"),
    ),
    ("quote in comment", f'{OURS}; spf=pass (it is "half); dmarc=pass', verdict("pass", "pass")),
    ("unclosed comment hides the rest", f"{OURS}; spf=pass (oops; dmarc=pass", verdict(None, "pass")),
    (
        "reason with semicolon",
        f'{OURS}; dmarc=fail reason="x; dmarc=pass"; spf=pass',
        verdict("fail", "pass"),
    ),
    ("reason with parenthesis", f'{OURS}; dmarc=fail reason="(" ; spf=pass', verdict("fail", "pass")),
    (
        "unclosed quote hides the rest",
        f'{OURS}; spf=pass smtp.mailfrom="a; dmarc=pass',
        verdict(None, "pass"),
    ),
    (
        "folded",
        f"{OURS};\r\n\tdmarc=pass\r\n (p=reject)\r\n header.from=example.com;\r\n spf=pass",
        verdict("pass", "pass"),
    ),
    ("blanks everywhere", f"  {OURS}  ;  dmarc  =  pass  ;  ", verdict("pass")),
    ("no blanks", f"{OURS};dmarc=pass;spf=pass;dkim=pass", ALL_PASS),
    ("empty sections", f"{OURS};;; dmarc=pass;;", verdict("pass")),
    (
        "other methods are not ours",
        f"{OURS}; iprev=pass; auth=pass; arc=pass; x-dmarc=pass; bimi=pass",
        NOTHING,
    ),
    ("property named as a method", f"{OURS}; iprev=pass policy.dmarc=pass dmarc=pass", NOTHING),
    (
        "several dkim, one passes",
        f"{OURS}; dkim=fail header.d=a.example; dkim=pass header.d=b.example",
        verdict(dkim="pass"),
    ),
    (
        "several dkim, none passes",
        f"{OURS}; dkim=permerror header.d=a.example; dkim=fail header.d=b.example",
        verdict(dkim="permerror"),
    ),
    (
        "spf of the envelope before HELO",
        f"{OURS}; spf=pass smtp.helo=h.example; spf=fail smtp.mailfrom=a@b.example",
        verdict(spf="fail"),
    ),
    ("spf of HELO alone", f"{OURS}; spf=neutral smtp.helo=h.example", verdict(spf="neutral")),
    (
        "spf of both in one",
        f"{OURS}; spf=pass smtp.mailfrom=b.example smtp.helo=h.example",
        verdict(spf="pass"),
    ),
    ("two dmarc that disagree", f"{OURS}; dmarc=pass; dmarc=fail", verdict("fail")),
    ("two dmarc that agree", f"{OURS}; dmarc=pass; dmarc=pass", verdict("pass")),
    (
        "temperror",
        f"{OURS}; dmarc=temperror; spf=temperror; dkim=temperror",
        verdict("temperror", "temperror", "temperror"),
    ),
    ("bestguesspass is no pass", f"{OURS}; dmarc=bestguesspass", verdict("bestguesspass")),
    (
        "base64 in properties",
        f"{OURS}; dkim=pass header.i=@e.example header.b=ab/c=+d; dmarc=pass",
        verdict("pass", None, "pass"),
    ),
    ("result without value", f"{OURS}; dmarc=; spf=pass", verdict(None, "pass")),
    ("method without result", f"{OURS}; dmarc; spf=pass", verdict(None, "pass")),
    ("foreign id", "mx.elsewhere.example; dmarc=pass", NOTHING),
    ("id as a prefix", f"{OURS}.evil.example; dmarc=pass", NOTHING),
    ("id as a suffix", f"evil.{OURS}; dmarc=pass", NOTHING),
    ("id in a comment", f"evil.example ({OURS}); dmarc=pass", NOTHING),
    ("id in a later section", f"evil.example; {OURS}; dmarc=pass", NOTHING),
    ("no id", "dmarc=pass; spf=pass", NOTHING),
    ("empty", "", NOTHING),
    ("only semicolons", ";;;;", NOTHING),
    ("only a comment", "(nothing)", NOTHING),
]


@pytest.mark.parametrize(
    ("value", "expected"), [row[1:] for row in ONE_FIELD], ids=[row[0] for row in ONE_FIELD]
)
def test_one_field(value: str, expected: Authentication) -> None:
    assert read(headers(value), OURS) == expected


MICROSOFT_365 = (
    "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=e.example; dkim=pass (signature was verified)\r\n"
    " header.d=e.example;dmarc=pass action=none header.from=e.example;compauth=pass reason=100"
)

SEVERAL_FIELDS = [
    ("the topmost of ours", [f"{OURS}; dmarc=fail", f"{OURS}; dmarc=pass"], OURS, verdict("fail")),
    (
        "a forged one adds nothing",
        [f"{OURS}; spf=fail", f"{OURS}; dmarc=pass; dkim=pass"],
        OURS,
        verdict(None, "fail"),
    ),
    ("none on top ends it", [f"{OURS}; none", f"{OURS}; dmarc=pass"], OURS, NOTHING),
    ("unknown version on top ends it", [f"{OURS} 2; spf=pass", f"{OURS}; dmarc=pass"], OURS, NOTHING),
    (
        "foreign on top is passed over",
        ["relay.example; dmarc=fail", f"{OURS}; dmarc=pass"],
        OURS,
        verdict("pass"),
    ),
    (
        "foreign below is not read",
        [f"{OURS}; spf=pass", "mx.evil.example; dmarc=pass"],
        OURS,
        verdict(None, "pass"),
    ),
    ("without id below ours", [f"{OURS}; spf=pass", "dmarc=pass"], OURS, verdict(None, "pass")),
    ("nobody is trusted", [f"{OURS}; dmarc=pass"], None, NOTHING),
    ("nobody is trusted, no id", ["dmarc=pass"], None, NOTHING),
    ("id given with blanks and capitals", [f"{OURS}; dmarc=pass"], " MX.EXAMPLE.ORG ", verdict("pass")),
    ("an empty id trusts nobody", ["dmarc=pass"], "", NOTHING),
    ("no field", [], OURS, NOTHING),
    ("no field, Microsoft", [], M365, NOTHING),
    (
        "Microsoft 365",
        [
            MICROSOFT_365,
        ],
        M365,
        ALL_PASS,
    ),
    (
        "Microsoft, only the topmost",
        ["spf=fail; dmarc=fail", "spf=pass; dmarc=pass"],
        M365,
        verdict("fail", "fail"),
    ),
    ("Microsoft, the topmost has an id", ["relay.example; dmarc=fail", "dmarc=pass"], M365, NOTHING),
    ("Microsoft, the id stands alone", ["relay.example", "dmarc=pass"], M365, NOTHING),
    ("Microsoft, comment first", ["(note) dmarc=pass"], M365, verdict("pass")),
    ("Microsoft, none", ["none"], M365, NOTHING),
]


@pytest.mark.parametrize(
    ("values", "authserv_id", "expected"),
    [row[1:] for row in SEVERAL_FIELDS],
    ids=[row[0] for row in SEVERAL_FIELDS],
)
def test_whose_field_counts(values: list[str], authserv_id: str | None, expected: Authentication) -> None:
    assert read(headers(*values), authserv_id) == expected


@pytest.mark.parametrize("name", ["ARC-Authentication-Results", "X-Authentication-Results", "Received-SPF"])
def test_other_fields_are_never_read(name: str) -> None:
    assert read(headers(f"{OURS}; dmarc=pass; spf=pass; dkim=pass", name=name), OURS) == NOTHING


@pytest.mark.parametrize(
    "piece", ["(", ")", '"', '"\\', "\\", "(\\", ";", "=", "a=", "dkim=pass;", "\\(", "/"]
)
def test_hostile_fields_take_linear_time(piece: str) -> None:
    value = f"{OURS}; {piece * 200_000}"
    assert_within(0.2, lambda: read(headers(value), OURS))


JUNK: Final = "this line is no header, and ends them for others"
FORGED: Final = f"Authentication-Results: {OURS}; dmarc=pass"
HEADS: Final = [
    ("plain", ["From: ann@example.com", FORGED], "pass"),
    ("behind a line that is no header", ["From: ann@example.com", JUNK, FORGED], None),
    (
        "and below one of another",
        ["Authentication-Results: a.b; spf=pass", "From: a@b.c", JUNK, FORGED],
        None,
    ),
    ("above such a line", [FORGED, "From: ann@example.com", JUNK, "To: bob@example.com"], "pass"),
    ("a blank before the colon", ["From: ann@example.com", FORGED.replace(":", " :", 1)], None),
    ("a tab before the colon", [FORGED.replace(":", "\t:", 1), "From: ann@example.com"], None),
    (
        "a blank before the colon, ours below",
        [FORGED.replace(":", " :", 1), FORGED.replace("pass", "fail")],
        "fail",
    ),
    (
        "behind a blank line",
        ["Received: by a.b", "To: b@c.de", "", "From: a@b.c", "Subject: x", FORGED],
        None,
    ),
    ("a blank before another colon", ["Subject : Hours", FORGED, "From: ann@example.com"], "pass"),
]


@pytest.mark.parametrize(("lines", "dmarc"), [row[1:] for row in HEADS], ids=[row[0] for row in HEADS])
def test_a_field_that_mail_servers_do_not_see_is_not_trusted(lines: list[str], dmarc: str | None) -> None:
    mail = "\n".join([*lines, "", "My hours are wrong.", ""]).encode()
    message = read_message(mail, ReadSettings(authserv_id=OURS))
    assert message.authentication.dmarc == dmarc
