"""A reply as its reader will see it: subject, text and HTML, from a template and a stored line.

What a template may name:

    case        the line of `cases.jsonl` (or `followups.jsonl`) with all of its fields, as
                `emailint schema case` documents them: case.case_id, case.subject, case.fields.region
    message     the block `message` of that line, and also message.subject (the sender's own subject, as far
                as the line keeps it) and message.text (the new text)
    sender      sender.name (at most 100 characters, may be ""), sender.address
    workspace   the workspace, "" where there is none
    alias       the address that the message was sent to
    mailbox     the address of the mailbox
    marker      the line above which an answer is to be written
    follow_up   true when the message was added to a case that existed
    due         when the case is due, in words of the language; "" where it is not, or overdue already
    language    the language of the reply, such as en or de
    direction   of writing in that language: ltr or rtl
    phrases     what the built-in replies say in that language: phrases.greeting, phrases.closing …

A template has three blocks. `subject` becomes one line, and no value in it has more than 100 characters.
`text` is plain. In `html` every value is escaped; an html block that is empty makes a reply of text alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final

from emailint.case import Case, FollowUp
from emailint.errors import TemplateError
from emailint.message.clean import lines, one_line, without_surrogates
from emailint.message.model import Authentication
from emailint.reply.language import AUTO, edition, in_words, phrases
from emailint.reply.markup import flaws
from emailint.reply.stored import StoredLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emailint.reply.language import Edition
    from emailint.reply.markup import Flaw
    from emailint.templating import Templates

THEIRS: Final = 100
"""Characters that any value may have in a subject: what strangers write is not carried on at length."""
SUBJECT_LENGTH: Final = 300

_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_HIDDEN: Final = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Rendered:
    """One reply. `subject` is one line; `text` and `html` end with a line feed; `html` may be empty.

    `template` and `language`: the file and the language that served.
    """

    subject: str
    text: str
    html: str
    template: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Addressed:
    """Where the message came in: the alias it was sent to, and the mailbox that was swept."""

    alias: str
    mailbox: str


@dataclass(frozen=True, slots=True)
class Wording:
    """How a reply is worded: `language` as `reply.language` says it, times in `timezone`.

    `now`: aware, the moment of the reply; what is due must be later. None: when the line was made.
    """

    language: str = AUTO
    timezone: tzinfo = UTC
    now: datetime | None = None


def render(
    templates: Templates,
    name: str,
    stored: StoredLine,
    addressed: Addressed,
    marker: str,
    wording: Wording = Wording(),
) -> Rendered:
    """The reply to a stored line. Raises TemplateError, with file and line."""
    serves = edition(templates, name, wording.language, stored.language)
    variables = variables_of(stored, addressed, marker) | _worded(stored, serves, wording)
    name = serves.template
    subject = clean_subject(templates.render_block(name, "subject", shortened(variables)))
    text = _body(templates.render_block(name, "text", variables))
    if not subject or not text:
        raise TemplateError(
            f"template {name}: the block {'text' if subject else 'subject'!r} makes nothing",
            hint="a reply needs a subject and a text",
        )
    html = _body(templates.render_block(name, "html", variables, html=True))
    return Rendered(subject, text, html, name, serves.language)


def flaws_of(
    templates: Templates, name: str, stored: StoredLine, addressed: Addressed, wording: Wording
) -> tuple[Flaw, ...]:
    """What is wrong with the HTML of a reply, by the lines of its templates. Raises TemplateError."""
    serves = edition(templates, name, wording.language, stored.language)
    variables = variables_of(stored, addressed, "===") | _worded(stored, serves, wording)
    return flaws(templates.render_marked(serves.template, "html", variables))


def preview(
    templates: Templates,
    name: str,
    stored: StoredLine | None = None,
    *,
    marker: str,
    mailbox: str | None = None,
    wording: Wording = Wording(),
) -> Rendered:
    """The reply for a real line, or for a sample case. Raises TemplateError."""
    line = stored or StoredLine(sample())
    alias = str(line.record.get("alias") or mailbox or SAMPLE_MAILBOX)
    return render(templates, name, line, Addressed(alias, mailbox or alias), marker, wording)


def variables_of(stored: StoredLine, addressed: Addressed, marker: str) -> dict[str, Any]:
    """What a template may name of the mail and its case; see the head of this module."""
    record = stored.record
    name, address = stored.sender
    workspace = record.get("workspace")
    return {
        "case": {**record, "subject": record.get("subject") or stored.subject},
        "message": {**stored.message, "subject": stored.subject, "text": record.get("issue") or ""},
        "sender": {"name": name, "address": address},
        "workspace": "" if workspace is None else workspace,
        "alias": addressed.alias,
        "mailbox": addressed.mailbox,
        "marker": marker,
        "follow_up": stored.follow_up,
    }


def _worded(stored: StoredLine, serves: Edition, wording: Wording) -> dict[str, Any]:
    """What a template may name of the language."""
    due = _due(stored, wording)
    said = in_words(due, serves.language) if due else ""
    return {
        "due": said,
        "language": serves.language,
        "direction": serves.direction,
        "phrases": phrases(serves.language, case_id=stored.case_id, due=said),
    }


def _due(stored: StoredLine, wording: Wording) -> datetime | None:
    """When the case is due, in the zone that is shown; None where it is not, or no more ahead."""
    due = _moment(stored.record.get("due_at"))
    now = wording.now or _moment(stored.record.get("created_at"))
    return due.astimezone(wording.timezone) if due and (now is None or now < due) else None


def _moment(stamp: object) -> datetime | None:
    """What `case.stamp` wrote; None for anything else, which a line of an owner's own may hold."""
    try:
        moment = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def shortened(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The same with every text on one line and cut to what a subject may hold of it."""
    return {name: _short(value) for name, value in variables.items()}


def clean_subject(text: str) -> str:
    """One line without anything that breaks a header, hides, or turns the direction of writing."""
    return one_line(_HIDDEN.sub("", text))[:SUBJECT_LENGTH].rstrip()


def _short(value: object) -> object:
    if isinstance(value, str):
        whole = clean_subject(value[: 4 * THEIRS])
        return whole if len(whole) <= THEIRS else whole[: THEIRS - 1].rstrip() + "…"
    if isinstance(value, dict):
        return shortened(value)
    if isinstance(value, list):
        return [_short(each) for each in value]
    return value


def _body(text: str) -> str:
    """Plain line ends, no control characters, no blank lines around; "" stays ""."""
    stripped = _CONTROLS.sub("", without_surrogates(lines(text))).strip("\n \t")
    return stripped + "\n" if stripped else ""


SAMPLE_MAILBOX: Final = "payroll@example.org"


def sample() -> dict[str, Any]:
    """The record that templates are shown and checked with; it has every field, and awkward ones too."""
    moment = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)
    return Case(
        case_id="CS-000042",
        created_at=moment,
        integration="payroll",
        alias=SAMPLE_MAILBOX,
        alias_matched_by="To",
        workspace=1201,
        workspace_rule="alias",
        email_address="ann.lee@example.com",
        reported_by="Ann Lee",
        subject='Wrong hours on my slip & "overtime" <week 47>',
        issue="Hello,\n\nmy slip says 32 hours, and I worked 40.\n\nAnn",
        issue_quoted="",
        issue_html=None,
        message=_sample_message(moment),
        kind="person",
        signals=(),
        authentication=Authentication(dmarc="pass", spf="pass", dkim="pass"),
        defects=(),
        reply_decision="respond",
        reply_reason=None,
        category="Payroll",
        case_type="Question",
        assigned_to="payroll-team",
        due_at=moment.replace(day=26),
        fields={"region": "North"},
    ).record()


def samples() -> Iterator[dict[str, Any]]:
    """The sample, and what strangers make of it: no name, a long subject, other scripts, markup."""
    plain = sample()
    yield plain
    subjects = ("s" * 2000, "שעות שגויות בתלוש השכר", "Hours 👩‍👧 🧾", '"><script>x</script>&<img src=//x>')
    for subject in subjects:
        block = {**plain["message"], "subject": subject, "from": {"name": "", "address": "a@example.com"}}
        yield {**plain, "subject": subject, "reported_by": None, "due_at": None, "message": block}


def follow_up_samples() -> Iterator[dict[str, Any]]:
    """The same as messages that were added to a case: such a line has fewer fields."""
    for case in samples():
        message = {"subject": case["subject"], **case["message"], "in_reply_to": "<reply@example.org>"}
        yield FollowUp(
            case_id=case["case_id"],
            followup_id=f"{case['case_id']}-F1",
            created_at=datetime.fromisoformat(case["created_at"]),
            integration=case["integration"],
            issue=case["issue"],
            issue_quoted="",
            issue_html=None,
            message=message,
            kind="person",
            signals=(),
            authentication=Authentication(dmarc="pass", spf="pass", dkim="pass"),
            defects=(),
            matched_by="in_reply_to",
        ).record()


def _sample_message(moment: datetime) -> dict[str, Any]:
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "message_id": "<sample@example.com>",
        "in_reply_to": None,
        "references": [],
        "date": stamp,
        "received_at": stamp,
        "from": {"name": "Ann Lee", "address": "ann.lee@example.com"},
        "reply_to": [],
        "to": [{"name": "Payroll", "address": SAMPLE_MAILBOX}],
        "cc": [],
        "size": 1834,
        "raw_sha256": "0" * 64,
        "locus": "maildir:/var/mail/payroll/sample",
        "fingerprint": "1:" + "0" * 64,
    }
