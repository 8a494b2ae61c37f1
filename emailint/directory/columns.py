"""The columns of a directory file, and what one row says.

| column          | employee | contact  | organisation | holds                                               |
|-----------------|----------|----------|--------------|-----------------------------------------------------|
| type            | required | required | required     | `employee`, `contact` or `organisation`             |
| id              | required | required | required     | your own id; it is what a case names                |
| name            | optional | optional | optional     | shown as the one who reported                       |
| workspace       | required | required | required     | the client account; all digits are a number         |
| work_address    | optional |          |              | a mail address                                      |
| private_address | optional |          |              | a mail address                                      |
| address         |          | required |              | a mail address                                      |
| domains         |          |          | optional     | mail domains, with blanks or semicolons between     |
| client_number   |          |          | optional     | what `CLID=` names; the id where there is none      |
| changed_at      | optional | optional | optional     | ISO 8601 date or time, UTC unless it says otherwise |

What does not belong to a row's type must be empty. Any other column is refused, but those whose name begins
with `x-` or `x_`: they are yours. Names of columns and types are read without case.
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from emailint.config.problems import Wrong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.directory.model import Workspace

COLUMNS: Final = (
    "type",
    "id",
    "name",
    "workspace",
    "work_address",
    "private_address",
    "address",
    "domains",
    "client_number",
    "changed_at",
)
TYPES: Final = ("employee", "contact", "organisation")
EMPLOYEE: Final = 0
CONTACT: Final = 1

Cells = tuple[str, ...]
"""The texts of one row in the order of COLUMNS; "" where there is nothing."""

_ADDRESS: Final = re.compile(r"[^\s@<>(),;:\"\\]+@[^\s@<>(),;:\"\\]+")
_DOMAIN: Final = re.compile(r"[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)*")
_BETWEEN: Final = re.compile(r"[\s;,]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DIGITS: Final = re.compile(r"[0-9]{1,18}")


class Refused(Wrong):
    """A row that cannot be taken, and the column to blame."""

    def __init__(self, column: str, what: str, cure: str) -> None:
        super().__init__(what, cure)
        self.column = column


class PersonRow(NamedTuple):
    """An employee or contact; `changed` is in microseconds since 1970, None where nothing is said."""

    kind: int
    id: str
    name: str
    workspace: Workspace
    changed: int | None
    addresses: tuple[str, ...]


class OrganisationRow(NamedTuple):
    """An organisation; `number` is what `CLID=` names."""

    id: str
    name: str
    workspace: Workspace
    number: str
    domains: tuple[str, ...]


def column(name: str) -> str | None:
    """The column that a heading means, None for one of the owner's own; raises Refused for a wrong one."""
    found = name.strip().lower()
    if found in COLUMNS:
        return found
    if found.startswith(("x-", "x_")):
        return None
    near = difflib.get_close_matches(found, COLUMNS, n=1)
    known = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(COLUMNS)}"
    raise Refused(found[:60] or "(empty)", "unknown column", f"{known}; begin your own with `x-`")


def parse(cells: Cells) -> PersonRow | OrganisationRow:
    """What a row says. Raises Refused."""
    kind, identity, name, workspace, work, private, address, domains, number, changed = cells
    match kind.lower():
        case "employee":
            _empty(("address", address), ("domains", domains), ("client_number", number))
            addresses = _addresses(("work_address", work), ("private_address", private))
            found = EMPLOYEE
        case "contact":
            _empty(("work_address", work), ("private_address", private), ("domains", domains))
            _empty(("client_number", number))
            if not address:
                raise Refused("address", "a contact has no address", "fill it in, or take the row out")
            addresses = _addresses(("address", address))
            found = CONTACT
        case "organisation":
            _empty(("work_address", work), ("private_address", private), ("address", address))
            _moment(changed)
            return _organisation((identity, name, workspace, number, domains))
        case _:
            raise _unknown_type(kind)
    return PersonRow(
        found, _line("id", identity, kind), _name(name), _workspace(workspace), _moment(changed), addresses
    )


def _organisation(cells: tuple[str, str, str, str, str]) -> OrganisationRow:
    identity, name, workspace, number, domains = cells
    client = _line("id", identity, "row")
    number = _line("client_number", number, "row") if number else client
    return OrganisationRow(client, _name(name), _workspace(workspace), number, _domains(domains))


def _unknown_type(kind: str) -> Refused:
    if not kind:
        return Refused("type", "is empty", f"write one of {', '.join(TYPES)}")
    near = difflib.get_close_matches(kind.lower(), TYPES, n=1)
    cure = f"did you mean {near[0]}?" if near else f"use one of {', '.join(TYPES)}"
    return Refused("type", f"{kind[:60]!r} is not known", cure)


def _empty(*cells: tuple[str, str]) -> None:
    for name, value in cells:
        if value:
            raise Refused(name, "does not belong to a row of this type", "leave it empty here")


def _line(name: str, value: str, what: str) -> str:
    if not value:
        raise Refused(name, f"is empty, and every {what} needs it", "fill it in, or take the row out")
    if _CONTROL.search(value):
        raise Refused(name, "holds a line break or another control character", "take it out")
    return value


def _name(value: str) -> str:
    return _CONTROL.sub(" ", value) if _CONTROL.search(value) else value


def _workspace(value: str) -> Workspace:
    return int(value) if _DIGITS.fullmatch(value) else _line("workspace", value, "row")


def _addresses(*cells: tuple[str, str]) -> tuple[str, ...]:
    found = []
    for name, value in cells:
        if not value:
            continue
        if not _ADDRESS.fullmatch(value):
            raise Refused(
                name, f"{value[:60]!r} is not a mail address", "write name@domain, or leave it empty"
            )
        lower = value.lower()
        if lower not in found:
            found.append(lower)
    return tuple(found)


def _domains(value: str) -> tuple[str, ...]:
    found: Sequence[str] = [each for each in _BETWEEN.split(value.lower()) if each]
    for each in found:
        if not _DOMAIN.fullmatch(each):
            raise Refused(
                "domains", f"{each[:60]!r} is not a mail domain", "write them as example.com example.org"
            )
    return tuple(dict.fromkeys(found))


def _moment(value: str) -> int | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        what = f"{value[:60]!r} is not a date or time"
        raise Refused("changed_at", what, "write it like 2026-11-24 or 2026-11-24T18:00:05Z") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round((aware - _EPOCH).total_seconds() * 1_000_000)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
