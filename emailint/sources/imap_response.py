"""The few parts of IMAP responses that are read here, and UID sets (RFC 3501, RFC 4315, RFC 4731)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from emailint.errors import ProtocolFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Piece = bytes | tuple[bytes, bytes]
"""A piece of a response as imaplib leaves it: text, or text that ends in `{n}` and the literal itself."""

MAX_UIDS = 1_000_000
"""More than this in one answer is a server that lies: `1:4294967295` would fill the memory."""

_TEXT = 100_000
"""Octets of a FETCH response beside its literals; what is asked for here takes a few hundred."""

_SET_OCTETS = 4_000  # servers take lines of 8,000 octets (RFC 7162 section 4)
_SET_UIDS = 5_000  # so that a command ends in time on a slow server
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_INTERNAL_DATE = re.compile(r"(\d\d?)-([A-Z][a-z]{2})-(\d{4}) (\d\d):(\d\d):(\d\d)(?: ([+-]\d\d)(\d\d))?")
# A quoted string may lack its end: else each of a million quotes would be tried up to the end of the line.
_TOKEN = re.compile(rb'[()]|"(?:[^"\\]|\\.)*"?|[^\s()"]+', re.DOTALL)
# What may stand after a body. Anything else is the rest of a body whose size the server told too small.
_ATTRIBUTE = re.compile(
    rb"UID|FLAGS|INTERNALDATE|RFC822(?:\.\w+)?|(?:BODY|BINARY)[\[.].*|BODY(?:STRUCTURE)?|ENVELOPE|MODSEQ"
    rb"|EMAILID|THREADID|SAVEDATE|PREVIEW|ANNOTATION|X-[\w.-]+",
    re.DOTALL,
)
# How nearly all servers answer what is asked for here. Whatever looks otherwise is read token by token.
_USUAL_BODY = re.compile(rb"\d{1,10} \(UID (\d{1,10}) BODY\[\] \{\d{1,10}\}")
_USUAL_MEASURE = re.compile(
    rb'\d{1,10} \(UID (\d{1,10}) RFC822\.SIZE (\d{1,10}) INTERNALDATE "([^"\\]{1,40})"\)'
)
_ESEARCH_ALL = re.compile(rb" ALL ([\d:,]+)")
_COPY_UID = re.compile(rb"(\d+) ([\d:,]+) ([\d:,]+)")


@dataclass(frozen=True, slots=True)
class Fetched:
    """One FETCH response. `body` is None where the server sent none, or NIL (RFC 2180 section 4.1.2)."""

    uid: int | None
    size: int | None = None
    received_at: datetime | None = None
    body: bytes | None = None


def parse_fetch(pieces: Sequence[Piece]) -> Fetched:
    """Read `UID`, `RFC822.SIZE`, `INTERNALDATE` and `BODY[…]`, in any order, and pass over all else.

    Raises ProtocolFailed for what is no FETCH response, for a body that goes on after its end, and for one
    without a UID: nobody knows whose it is, and the message would seem to have vanished each time.
    """
    return _usual(pieces) or _parsed(pieces)


def _usual(pieces: Sequence[Piece]) -> Fetched | None:
    """The response by one look, where it is what was asked for and nothing else; it is read so often."""
    match pieces:
        case [bytes(measure)] if found := _USUAL_MEASURE.fullmatch(measure):
            return Fetched(
                int(found[1]), int(found[2]), parse_internal_date(found[3].decode("ascii", "replace"))
            )
        case [(bytes(text), bytes(body)), b")"] if found := _USUAL_BODY.fullmatch(text):
            return Fetched(int(found[1]), body=body)
        case _:
            return None


def _parsed(pieces: Sequence[Piece]) -> Fetched:
    found = dict(_attributes(pieces))
    body = next((value for name, value in found.items() if name.startswith(b"BODY[")), None)
    received_at = found.get(b"INTERNALDATE")
    uid, size = _number(found.get(b"UID")), found.get(b"RFC822.SIZE")
    if body is not None and uid is None:
        raise ProtocolFailed("the server sent a message without its UID; it was not taken")
    return Fetched(
        uid,
        None if size is None or size.startswith(b"-") else _number(size),
        parse_internal_date(received_at.decode("ascii", "replace")) if received_at else None,
        body,
    )


def parse_internal_date(text: str) -> datetime | None:
    """`24-Nov-2026 18:00:05 +0100` as an aware datetime; None where it is no date.

    Without a zone, as some servers have it, it is taken for UTC: better a day's edge off than no time at all.
    """
    match = _INTERNAL_DATE.fullmatch(text.strip())
    if not match or match[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(match[group]) for group in (1, 3, 4, 5, 6))
    hours, minutes = (int(match[7]), int(f"{match[7][0]}{match[8]}")) if match[7] else (0, 0)
    try:
        zone = timezone(timedelta(hours=hours, minutes=minutes))
        return datetime(year, _MONTHS.index(match[2]) + 1, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def parse_search(search: Iterable[Piece], esearch: Iterable[Piece]) -> list[int]:
    """UIDs of `* SEARCH` (over several lines, perhaps) or `* ESEARCH … ALL`, ascending.

    Raises ProtocolFailed for more than MAX_UIDS.
    """
    uids = {
        int(word) for line in search if isinstance(line, bytes) for word in line.split() if word.isdigit()
    }
    for line in esearch:
        match = _ESEARCH_ALL.search(line) if isinstance(line, bytes) else None
        if match:
            uids.update(expand(match[1]))
    return sorted(uids)


def parse_copy_uid(data: bytes) -> tuple[int, dict[int, int]] | None:
    """UIDVALIDITY and old → new UID of a COPYUID code (RFC 4315 section 3); None where it is no such code."""
    match = _COPY_UID.match(data)
    if not match:
        return None
    old, new = expand(match[2]), expand(match[3])
    return (int(match[1]), dict(zip(old, new, strict=True))) if len(old) == len(new) else None


def expand(uid_set: bytes) -> list[int]:
    """The UIDs of a set in its order; raises ProtocolFailed for more than MAX_UIDS, or no set."""
    uids: list[int] = []
    try:
        for part in uid_set.split(b","):
            first, colon, last = part.partition(b":")
            low, high = sorted((int(first), int(last if colon else first)))
            if high - low + len(uids) >= MAX_UIDS:
                raise ProtocolFailed(f"the server named more than {MAX_UIDS:,} messages at once")
            uids.extend(range(low, high + 1))
    except ValueError as error:
        raise ProtocolFailed("the server sent a set of messages that is none") from error
    return uids


def uid_sets(
    uids: Iterable[int], *, octets: int = _SET_OCTETS, most: int = _SET_UIDS
) -> Iterator[tuple[str, list[int]]]:
    """The UIDs as few sets of ranges, ascending, each with its UIDs.

    None is longer than `octets`, and none has more than `most` UIDs.
    """
    text, members = "", list[int]()
    for first, last in _ranges(sorted(set(uids)), most):
        item = str(first) if first == last else f"{first}:{last}"
        too_many = len(members) + last - first + 1 > most
        if text and (too_many or len(text) + 1 + len(item) > octets):
            yield text, members
            text, members = "", []
        text = f"{text},{item}" if text else item
        members.extend(range(first, last + 1))
    if text:
        yield text, members


def _ranges(uids: list[int], most: int) -> Iterator[tuple[int, int]]:
    start = 0
    for index, uid in enumerate(uids):
        at_end = index + 1 == len(uids) or uids[index + 1] != uid + 1
        if at_end or index + 1 - start == most:
            yield uids[start], uid
            start = index + 1


def _attributes(pieces: Sequence[Piece]) -> Iterator[tuple[bytes, bytes | None]]:
    """Name and value of each attribute; None for NIL and for lists."""
    if sum(len(piece[0]) if isinstance(piece, tuple) else len(piece) for piece in pieces) > _TEXT:
        raise ProtocolFailed("the server sent a FETCH response without end")
    tokens = list(_tokens(pieces))
    if len(tokens) < 3 or tokens[1] != b"(" or tokens[-1] != b")":
        raise ProtocolFailed("the server sent a FETCH response that is none")
    name, after_body = b"", False
    for token in _outermost(tokens[2:-1]):
        if name:
            yield name, _value(token)
            name, after_body = b"", after_body or name.startswith(b"BODY[")
            continue
        name = token.upper() if isinstance(token, bytes) else b"?"
        if after_body and not _ATTRIBUTE.fullmatch(name):
            break
    if after_body and name:
        raise ProtocolFailed("the server sent a message longer than it said; it was not taken")


def _outermost(tokens: Sequence[bytes | _String]) -> Iterator[bytes | _String]:
    """Those outside all parentheses; for what stands in a pair of them, its closing one."""
    depth = 0
    for token in tokens:
        if token == b"(":
            depth += 1
        elif token == b")":
            depth -= 1
        if depth == 0:
            yield token
        elif depth < 0:
            break
    if depth:
        raise ProtocolFailed("the server sent a FETCH response with parentheses that do not match")


@dataclass(frozen=True, slots=True)
class _String:
    """A quoted string or a literal, which is never a parenthesis, a name or NIL."""

    value: bytes


def _tokens(pieces: Sequence[Piece]) -> Iterator[bytes | _String]:
    for piece in pieces:
        text, literal = piece if isinstance(piece, tuple) else (piece, None)
        if literal is not None:
            text = text[: text.rindex(b"{")]
        for match in _TOKEN.finditer(text):
            token = match[0]
            quoted = token.startswith(b'"')
            yield _String(re.sub(rb"\\(.)", rb"\1", token[1:-1], flags=re.DOTALL)) if quoted else token
        if literal is not None:
            yield _String(literal)


def _value(token: bytes | _String) -> bytes | None:
    if isinstance(token, _String):
        return token.value
    return None if token == b")" or token.upper() == b"NIL" else token


def _number(value: bytes | None) -> int | None:
    if value is None:
        return None
    if not value.isdigit() or len(value) > 20:
        raise ProtocolFailed("the server sent a number that is none")
    return int(value)
