"""Which workspace a case belongs to; every rule that was tried has its say in the trace.

    always_use_default_workspace → token (CLID=, then WSID=) → employee → contact → organisation → alias

The first rule that answers decides; an alias may name fewer rules, and in another order. A rule that does not
answer says why, and one that had a choice names the candidates before its answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emailint.case import Trace
from emailint.routing.knowledge import Knowledge
from emailint.routing.sender import sender_of
from emailint.routing.tokens import listed, tokens_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from emailint.config.model import Alias
    from emailint.directory.model import Organisation, Person
    from emailint.message.model import InboundMessage

    WorkspaceId = int | str

ALWAYS: Final = "always_use_default_workspace"
_ADDRESS_SHOWN: Final = 100
_DIGITS: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace, the rule that gave it, and the rules tried on the way.

    `client_contact` and `employee` are the directory's ids of the sender in this workspace, whichever rule
    gave it; `reported_by` is the name that stands there.
    """

    value: int | str | None
    rule: str | None
    trace: tuple[Trace, ...]
    client_contact: str | None = None
    employee: str | None = None
    reported_by: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one rule says: a workspace or none, under the name of the rule that found it."""

    rule: str
    workspace: WorkspaceId | None
    says: tuple[Trace, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What rules are asked about."""

    alias: Alias
    message: InboundMessage | None
    knowledge: Knowledge
    address: str
    """The sender's address, lower case; "" where there is none."""
    doubt: str
    """Why the sender may be somebody else; "" where nothing says so."""


def _asked(alias: Alias, message: InboundMessage | None, knowledge: Knowledge) -> _Asked:
    sender = sender_of(message, alias) if message else None
    address = sender.address.lower() if sender else ""
    return _Asked(alias, message, knowledge, address, _doubt(message) if message else "")


def _doubt(message: InboundMessage) -> str:
    if message.authentication.dmarc == "fail":
        return "the sender is not verified: DMARC fail"
    several = len({each.address.lower() for each in message.senders if each.address}) > 1
    return "the sender is not certain: From names several addresses" if several else ""


def find_workspace(
    alias: Alias, message: InboundMessage | None = None, knowledge: Knowledge | None = None
) -> Workspace:
    """The first rule that answers. Without a message only the alias itself is asked.

    Raises DirectoryError where the directory cannot be asked.
    """
    asked = _asked(alias, message, knowledge or Knowledge())
    says: list[Trace] = [Trace("sender", asked.doubt)] if asked.doubt else []
    for answer in _answers(asked):
        says.extend(answer.says)
        if answer.workspace is not None:
            return _with_people(Workspace(answer.workspace, answer.rule, tuple(says)), asked)
    return Workspace(None, None, tuple(says))


def _answers(asked: _Asked) -> Iterator[Answer]:
    alias = asked.alias
    if alias.always_use_default_workspace and alias.workspace is not None:
        yield _found(ALWAYS, alias.workspace)
    for name in alias.workspace_rules if asked.message else ("alias",):
        yield from _RULES[name](asked)


def _found(rule: str, workspace: WorkspaceId, *says: str) -> Answer:
    return Answer(rule, workspace, (*(Trace(rule, each) for each in says), Trace(rule, workspace)))


def _none(rule: str, says: str) -> Answer:
    return Answer(rule, None, (Trace(rule, says),))


def _token(asked: _Asked) -> Iterator[Answer]:
    found = tokens_in(asked.message.text, asked.message.subject) if asked.message else None
    if not found:
        yield _none("token", "no token")
        return
    if asked.alias.tokens != "anyone":
        known = asked.knowledge.directory.knows(asked.address)
        why = asked.doubt or ("" if known else "the sender is not in the directory")
        if why:
            yield _none("token", f"{found} does not count: {why}")
            return
    if found.clid:
        yield _clid(found.clid, asked.knowledge)
    if found.wsid:
        yield _wsid(found.wsid, asked.knowledge)


def _clid(numbers: Sequence[str], knowledge: Knowledge) -> Answer:
    if len(numbers) > 1:
        return _none("clid", f"{len(numbers)} different tokens, none counts: {listed(numbers)}")
    clients = knowledge.directory.clients(numbers[0])
    if not clients:
        return _none("clid", f"CLID={numbers[0]}: no client has this number")
    return _organisation_answer("clid", clients, f"have the number {numbers[0]}")


def _wsid(names: Sequence[str], knowledge: Knowledge) -> Answer:
    if len(names) > 1:
        return _none("wsid", f"{len(names)} different tokens, none counts: {listed(names)}")
    workspace: WorkspaceId = int(names[0]) if _DIGITS.fullmatch(names[0]) else names[0]
    if not knowledge.has_workspace(workspace):
        return _none("wsid", f"WSID={names[0]}: there is no such workspace")
    return _found("wsid", workspace)


def _employee(asked: _Asked) -> Iterator[Answer]:
    yield _person("employee", asked.knowledge.directory.employees(asked.address), asked)


def _contact(asked: _Asked) -> Iterator[Answer]:
    yield _person("contact", asked.knowledge.directory.contacts(asked.address), asked)


def _person(rule: str, people: Sequence[Person], asked: _Asked) -> Answer:
    """Of several the one changed last."""
    if not asked.address:
        return _none(rule, "the mail names no sender")
    if not people:
        return _none(rule, f"no {rule} has the address {asked.address[:_ADDRESS_SHOWN]}")
    if len(people) == 1:
        return _found(rule, people[0].workspace)
    candidates = listed([_candidate(each) for each in people])
    how = "the one changed last counts"
    if people[0].changed_at == people[1].changed_at:
        how = "of equal ones the last in the directory counts"
    return _found(rule, people[0].workspace, f"{len(people)} have this address: {candidates}; {how}")


def _candidate(person: Person) -> str:
    changed = f", changed {person.changed_at:%Y-%m-%d}" if person.changed_at else ""
    return f"{person.id} ({person.workspace}{changed})"


def _organisation(asked: _Asked) -> Iterator[Answer]:
    rule = "organisation"
    domain, found = asked.knowledge.organisations(asked.address, subdomains=asked.alias.subdomains)
    if not domain:
        yield _none(rule, "the mail names no sender")
    elif found:
        yield _organisation_answer(rule, found, f"have the domain {domain}")
    elif asked.knowledge.is_public(domain):
        yield _none(rule, f"{domain[:_ADDRESS_SHOWN]} is a public mail domain")
    else:
        yield _none(rule, f"no organisation has the domain {domain[:_ADDRESS_SHOWN]}")


def _organisation_answer(rule: str, found: Sequence[Organisation], have: str) -> Answer:
    """Organisations that agree answer; of several workspaces none is better than another."""
    candidates = listed([f"{each.id} ({each.workspace})" for each in found])
    if len({each.workspace for each in found}) > 1:
        return _none(rule, f"{len(found)} {have}, none counts: {candidates}")
    if len(found) > 1:
        return _found(rule, found[0].workspace, f"{len(found)} {have}: {candidates}")
    return _found(rule, found[0].workspace)


def _alias(asked: _Asked) -> Iterator[Answer]:
    if asked.alias.workspace is None:
        yield _none("alias", "alias names no workspace")
    else:
        yield _found("alias", asked.alias.workspace)


_RULES: Final[dict[str, Callable[[_Asked], Iterator[Answer]]]] = {
    "token": _token,
    "employee": _employee,
    "contact": _contact,
    "organisation": _organisation,
    "alias": _alias,
}


def _with_people(found: Workspace, asked: _Asked) -> Workspace:
    """The sender as the directory has him in this workspace."""
    directory, address = asked.knowledge.directory, asked.address
    if not address:
        return found
    contact = _of_workspace(directory.contacts(address), found.value)
    employee = _of_workspace(directory.employees(address), found.value)
    person = contact or employee
    return Workspace(
        found.value,
        found.rule,
        found.trace,
        client_contact=contact.id if contact else None,
        employee=employee.id if employee else None,
        reported_by=(person.name or None) if person else None,
    )


def _of_workspace(people: Sequence[Person], workspace: WorkspaceId | None) -> Person | None:
    return next((person for person in people if person.workspace == workspace), None)
