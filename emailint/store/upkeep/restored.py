"""From a line of the JSON lines to the row that it was written from, as far as the line knows it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emailint.message import own_ids
from emailint.store.records import Disposition, Entry, Journal, KeptMail, Key, NewReply, ReplyState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

REBUILT = "the ledger was made anew from the JSON lines, which do not say whether it was sent"
REREAD = "reread"
_FAILED_TO_PARSE = "parse_failed"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What a line does not say of the mailbox that its mail came to.

    `scope` is that of its keys ("" for all mailboxes together), `account` where it is ("" if that is not
    known), `place` the folder there that is swept, `domain` that of our Message-IDs, `addresses` those of its
    aliases, the default one first; `answers_follow_ups`: some alias answers follow-ups.
    """

    scope: str
    account: str
    place: str
    domain: str
    addresses: tuple[str, ...] = ()
    answers_follow_ups: bool = False


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """Mailboxes by the names of their integrations, and those of integrations that were renamed."""

    by_name: Mapping[str, Mailbox]

    def find(self, integration: str, locus: str) -> Mailbox | None:
        """That of the integration of this name, else of one whose account the locus is in."""
        named = self.by_name.get(integration)
        if named is not None:
            return named
        within = (
            each for each in self.by_name.values() if each.account and locus.startswith(f"{each.account}/")
        )
        return next(within, None)

    @property
    def scopes(self) -> list[str]:
        """All scopes that keys may have or may have had, each once."""
        all_of_them = self.by_name.values()
        named = [address for each in all_of_them for address in each.addresses]
        return list(dict.fromkeys([*(each.scope for each in all_of_them), "", *named]))


@dataclass(frozen=True, slots=True)
class Restored:
    """The row of a line; `reread`: the line belongs to the row of its case."""

    entry: Entry
    reread: bool = False


def restored(
    said: Mapping[str, Any],
    line: bytes,
    mailbox: Mailbox,
    own_key: bytes,
    octets_kept: Callable[[Key], bool] = lambda _key: False,
) -> Restored:
    """The entry of a line of ours. Its reply, if one was due, is UNKNOWN: nothing is sent because of it."""
    message = said["message"]
    key = Key(mailbox.scope, str(message["fingerprint"]))
    created_at = moment(said["created_at"])
    received_at = moment(message.get("received_at")) if message.get("received_at") else created_at
    begins = "followup_id" not in said
    disposition = Disposition.FOLLOW_UP
    if begins:
        disposition = Disposition.QUARANTINED if _was_not_read(said) else Disposition.CASE
    waits = disposition is Disposition.QUARANTINED and octets_kept(key)
    entry = Entry(
        key=key,
        disposition=disposition,
        integration=str(said["integration"]),
        account=mailbox.place,
        locus=str(message["locus"]),
        created_at=created_at,
        case_id=str(said["case_id"]),
        journal=Journal.CASES if begins else Journal.FOLLOW_UPS,
        line=line,
        message_id=message.get("message_id"),
        participants=participants(message),
        reply=_reply(said, mailbox, own_key, received_at),
        kept=KeptMail(received_at, message.get("size"), read=False) if waits else None,
    )
    return Restored(entry, not begins and said.get("matched_by") == REREAD)


def moment(text: object) -> datetime:
    """A stamp of ours as a moment."""
    return datetime.fromisoformat(str(text))


def participants(message: Mapping[str, Any]) -> Sequence[str]:
    """The lower-case addresses of From, To and Cc that a line names."""
    first = message.get("from")
    everybody = [*([first] if first else []), *(message.get("to") or ()), *(message.get("cc") or ())]
    return tuple(dict.fromkeys(str(each["address"]).lower() for each in everybody if each.get("address")))


def _was_not_read(said: Mapping[str, Any]) -> bool:
    return any(str(defect).startswith(_FAILED_TO_PARSE) for defect in said.get("defects") or ())


def _reply(
    said: Mapping[str, Any], mailbox: Mailbox, own_key: bytes, received_at: datetime
) -> NewReply | None:
    """A follow-up's line does not speak of its reply: one may have been due where follow-ups are answered."""
    own_id = str(said.get("followup_id") or said["case_id"])
    decision = said.get("reply") or {"decision": "respond" if mailbox.answers_follow_ups else "withhold"}
    if said.get("matched_by") == REREAD:
        return None
    sender = (said["message"].get("from") or {}).get("address") or ""
    due = decision["decision"] == "respond"
    return NewReply(
        message_id=own_ids.make(own_id, own_key, mailbox.domain),
        recipient=str(said.get("email_address") or sender) if due else "",
        state=ReplyState.UNKNOWN if due else ReplyState.WITHHELD,
        reason=REBUILT if due else decision.get("reason"),
        alias=str(said.get("alias") or next(iter(mailbox.addresses), "")),
        received_at=received_at,
    )
