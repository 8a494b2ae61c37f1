"""`emailint explain` as a tree and as a JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from emailint.case import SCHEMA
from emailint.report.sheet import Tone
from emailint.report.tree import Node
from emailint.terminal import clip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emailint.sweep.explain import Explanation

LENGTH: Final = 160
"""Characters of a value that are shown; the document has them all."""

_OUTCOMES: Final = {
    "case": ("case {}", Tone.GOOD),
    "follow_up": ("follow-up of {}", Tone.GOOD),
    "held": ("held for a person", Tone.WARNING),
    "ignored": ("ignored", Tone.QUIET),
    "quarantined": ("case {} of its headers alone, quarantined", Tone.BAD),
}


def explanation_document(said: Explanation) -> dict[str, Any]:
    """What `explain --json` prints."""
    record = said.record or {}
    match, known, message = said.match, said.known, said.message
    return {
        "schema": SCHEMA,
        "integration": said.integration,
        "known": known and {"disposition": known.disposition.value, "case_id": known.case_id},
        "outcome": said.outcome,
        "detail": said.detail,
        "case_id": said.case_id,
        "alias": match
        and {"address": match.alias.address, "matched_by": match.matched_by, "others": list(match.others)},
        "kind": message.kind.value,
        "signals": [{"source": each.source, "reason": each.reason.value} for each in message.signals],
        "follow_up": {"case_id": said.case_id, "matched_by": record["matched_by"]}
        if said.outcome == "follow_up"
        else None,
        "related_case": record.get("related_case"),
        "workspace": record.get("workspace"),
        "workspace_rule": record.get("workspace_rule"),
        "routing": record.get("routing", []),
        "rules": record.get("rules", []),
        "fields": [asdict(each) for each in said.fields],
        "reply": said.reply and asdict(said.reply),
        "record": said.record,
    }


def explanation_tree(said: Explanation) -> Node:
    """The same for people, in the order in which it is decided."""
    words, tone = _OUTCOMES[said.outcome]
    subject = clip(said.message.subject, LENGTH) or "(no subject)"
    return Node(f"{subject}: {words.format(said.case_id)}", tone, tuple(_branches(said)))


def _branches(said: Explanation) -> Iterator[Node]:
    yield from _known(said)
    yield Node(f"integration: {said.integration}")
    yield _alias(said)
    yield _kind(said)
    if said.detail and said.outcome in {"held", "ignored", "quarantined"}:
        yield Node(f"why: {clip(said.detail, LENGTH)}", Tone.WARNING)
    yield from _follow_up(said)
    record = said.record or {}
    if "routing" in record:
        yield _workspace(record)
        yield _fields(said)
    yield from _reply(said)
    if record:
        stored = (Node(f"{name}: {_short(value)}", Tone.QUIET) for name, value in record.items())
        yield Node("would be stored", below=tuple(stored))


def _known(said: Explanation) -> Iterator[Node]:
    if said.known is not None:
        of = f" ({said.known.case_id})" if said.known.case_id else ""
        became = said.known.disposition.value.replace("_", "-")
        yield Node(f"known already: {became}{of}; a sweep makes nothing of it again", Tone.WARNING)


def _alias(said: Explanation) -> Node:
    if said.match is None:
        return Node("alias: none", Tone.WARNING)
    others = ", ".join(said.match.others)
    below = (Node(f"also names: {clip(others, LENGTH)}"),) if others else ()
    found = "by default" if said.match.matched_by == "default" else f"named in {said.match.matched_by}"
    return Node(f"alias: {said.match.alias.address} ({found})", below=below)


def _kind(said: Explanation) -> Node:
    signals = tuple(Node(f"{each.source}: {each.reason.value}") for each in said.message.signals)
    return Node(f"kind: {said.message.kind.value}", below=signals)


def _follow_up(said: Explanation) -> Iterator[Node]:
    record = said.record or {}
    if said.outcome == "follow_up":
        yield Node(f"follow-up: of {said.case_id}, by {record['matched_by']}", Tone.GOOD)
    elif record:
        related = record.get("related_case")
        yield Node(f"follow-up: no{f'; it speaks of {related}' if related else ''}")


def _workspace(record: Mapping[str, Any]) -> Node:
    trace = tuple(Node(f"{each['rule']}: {clip(str(each['result']), LENGTH)}") for each in record["routing"])
    if record["workspace_rule"] is None:
        return Node("workspace: none", Tone.WARNING, trace)
    return Node(f"workspace: {record['workspace']} (by {record['workspace_rule']})", below=trace)


def _fields(said: Explanation) -> Node:
    below = tuple(Node(f"{each.name}: {_short(each.value)} ({each.origin})") for each in said.fields)
    rules = ", ".join((said.record or {}).get("rules", ()))
    return Node(f"fields{f', by rules: {rules}' if rules else ''}", below=below)


def _reply(said: Explanation) -> Iterator[Node]:
    reply = said.reply
    if reply is None:
        yield Node("reply: none, since nothing is made of the mail", Tone.QUIET)
    elif reply.reason is None:
        yield Node(f"reply: to {reply.to}, from template {reply.template}", Tone.GOOD)
    else:
        below = (Node(f"{reply.text} ({reply.citation})"),)
        yield Node(f"reply: withheld, {reply.reason}", Tone.QUIET, below)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clip(" ".join(text.split()), LENGTH)
