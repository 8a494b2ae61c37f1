"""The keys of field rules, as people write them."""

from emailint.config.keys_base import Keys, key
from emailint.config.kinds import Fields, Flag, Line, Template, Text
from emailint.config.rule_kinds import (
    DaySpans,
    Due,
    HourSpans,
    KindNames,
    SenderPatterns,
    TextPatterns,
    Workspaces,
)

_PATTERN = "words that stand in it, or /…/, a regular expression (RE2); of a list any one"


class CaseKeys(Keys):
    """Fields of the cases that are made; texts may be templates over message, sender and workspace."""

    category: Text | None = key("category of the case", examples=["Payroll"])
    case_type: Text | None = key("type of the case", examples=["Question"])
    priority: Text | None = key("priority of the case", default="Medium", examples=["High"])
    status: Text | None = key("status of the new case", default="New")
    assigned_to: Text | None = key("who has to see to it", examples=["payroll-team"])
    due_in: Due | None = key("time until the case is due; 2bd are business days", examples=["2d", "2bd"])
    subject: Text | None = key(
        "subject of the case; the mail's subject unless said", examples=["URGENT {{ message.subject }}"]
    )
    fields: Fields | None = key("fields of your own", examples=[{"region": "{{ workspace }}"}])


class WhenKeys(Keys):
    """What a mail must be: all of what is given."""

    subject: TextPatterns | None = key(f"the subject: {_PATTERN}", examples=["invoice"])
    body: TextPatterns | None = key(f"the new text: {_PATTERN}", examples=[["garnishment", "/W-?2/"]])
    sender: SenderPatterns | None = key(
        "the sender: addresses, domains, globs of them, or /…/; of a list any one",
        alias="from",
        examples=["*@client.example"],
    )
    has_attachment: Flag | None = key("whether there are attachments, pictures within the text not counted")
    kind: KindNames | None = key("the kind of mail; of a list any one", examples=["person"])
    workspace: Workspaces | None = key("the workspace of the case; of a list any one", examples=[1201])
    hours: HourSpans | None = key("when it came, by the clock of `timezone`", examples=["18:00-08:00"])
    days: DaySpans | None = key("the days of the week on which it came", examples=["mon-fri", ["sat", "sun"]])


class SetKeys(CaseKeys):
    """What cases of these mails get."""

    priority: Text | None = key("priority of the case", examples=["High"])
    status: Text | None = key("status of the new case")
    reply_template: Template = key("the template of the reply, by name; `none`: nobody is answered")


class RuleKeys(Keys):
    """A rule for the fields of some cases."""

    name: Line | None = key("a name of your own, for `explain` and the case")
    when: WhenKeys | None = key("what a mail must be; any unless said")
    set: SetKeys | None = key("what its case gets; nothing unless said, which ends `rules_match: first`")
