"""Header blocks cut from bytes (RFC 5322 section 2.2), also those that no parser should have to take.

Recovered, and said in the defects: a leading blank line, a byte-order mark, an mbox `From ` line, blanks
before the colon, lines that are none among the headers, CR as the only line end, NULs, a blank line in the
middle, a missing blank line before the body.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emailint.message.headers import Headers

if TYPE_CHECKING:
    from emailint.message.model import Limits

_BLANK_LINE = re.compile(rb"\n\r*\n")
_FIELD = re.compile(rb"([!-9;-~]+)([ \t]*):[ \t]*(.*)", re.DOTALL)
_LIKE_FIELD = re.compile(rb"[^\s:]{0,40}:")
_LEADING = re.compile(rb"(?:[ \t\r]*\n)+")
_MBOX = re.compile(rb">?From (?![ \t]*:)[^\n]*\n")
_LATE = re.compile(rb"\r?\n(?=Content-(?:Type|Disposition|Transfer-Encoding)[ \t]*:)", re.IGNORECASE)
_KNOWN_PREFIX = (b"x-", b"content-", b"list-", b"resent-", b"arc-", b"received")
_KNOWN = frozenset(
    b"from to cc bcc subject date sender reply-to message-id in-reply-to references return-path "
    b"delivered-to envelope-to mime-version authentication-results dkim-signature domainkey-signature "
    b"auto-submitted precedence comments keywords organization user-agent importance priority sensitivity "
    b"thread-topic thread-index disposition-notification-to errors-to mailing-list feedback-id status "
    b"lines newsgroups path nntp-posting-host xref followup-to expires approved control".split()
)
_ESSENTIAL = frozenset({b"from", b"subject"})
_LISTS = frozenset({b"to", b"cc", b"bcc", b"from", b"reply-to", b"delivered-to", b"resent-to", b"references"})


@dataclass(frozen=True, slots=True)
class Block:
    """The header fields, where the body starts, what was wrong, and whether a limit was hit.

    `hidden` are the names (lower case) of fields that stand only behind a line that ends the headers for
    other programs: a mail server that checked the author did not see such a From.
    """

    headers: Headers
    body: int
    defects: tuple[str, ...] = ()
    over: bool = False
    hidden: frozenset[str] = frozenset()


def prepare(raw: bytes) -> tuple[bytes, list[str]]:
    """The message with lines that can be cut at LF, and what had to be changed for it."""
    defects: list[str] = []
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raw = raw.decode("utf-16", "replace").encode()
        defects.append("the whole mail is UTF-16, converted to UTF-8")
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
        defects.append("the mail begins with a byte-order mark, left out")
    if b"\r" in raw[:65536] and b"\n" not in raw[:65536]:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        defects.append("lines end in CR alone")
    beginning = raw[:65536].removesuffix(b"\n")
    first = beginning.partition(b"\n")[0]
    if first and b"\r" not in first and 0 < beginning.count(b"\n") == beginning.count(b"\n\r"):
        raw = raw.replace(b"\n\r", b"\n")
        defects.append("lines end in LF and CR, the wrong way round")
    return raw, defects


def read(raw: bytes, limits: Limits) -> Block:
    """The header block at the top of a message that `prepare` went over."""
    start, defects = _beginning(raw)
    reader = _Reader(raw, start, len(raw), limits)
    body = reader.run(top=True)
    while body < len(raw) and not reader.names & _ESSENTIAL and len(reader.blocks) < 4:
        again = _Reader(raw, body + len(_leading(raw, body)), len(raw), limits)
        further = again.run(top=True)
        if again.junk or not again.names & _ESSENTIAL or len(again.names & _KNOWN) < 2:
            break
        reader.unseen |= set(range(len(reader.fields), len(reader.fields) + len(again.fields)))
        reader.fields += again.fields
        reader.hidden |= again.names - reader.names
        reader.names |= again.names
        reader.blocks.append(body)
        reader.defects.append("a blank line stands among the headers")
        body = further
    return reader.block(body, defects)


def read_part(raw: bytes, start: int, end: int, limits: Limits) -> Block:
    """The header block of a part; one without any known field is text that has no headers."""
    late = _LATE.match(raw, start, end)
    if late is not None:
        block = read_part(raw, late.end(), end, limits)
        return replace(block, defects=("a blank line stands before the headers of a part", *block.defects))
    reader = _Reader(raw, start, end, limits)
    return reader.block(reader.run(top=False), [])


def _leading(raw: bytes, position: int) -> bytes:
    match = _LEADING.match(raw, position)
    return match[0] if match else b""


def _beginning(raw: bytes) -> tuple[int, list[str]]:
    """Where the first header line starts, and what stands before it."""
    defects: list[str] = []
    start = 0
    leading = len(_leading(raw, 0))
    after = _MBOX.match(raw, leading)
    if leading and (after or _known_line(raw[leading : leading + 1000])):
        defects.append("the mail begins with a blank line")
        start = leading
    while after and start == after.start():
        defects.append("the mail begins with an mbox From line")
        start = after.end()
        after = _MBOX.match(raw, start)
    return start, defects


def _known_line(line: bytes) -> bool:
    match = _FIELD.match(line)
    return match is not None and _known(match[1].lower())


def _known(name: bytes) -> bool:
    return name in _KNOWN or name.startswith(_KNOWN_PREFIX)


class _Reader:
    """Reads one block line by line."""

    def __init__(self, raw: bytes, start: int, end: int, limits: Limits) -> None:
        self.raw, self.start, self.end, self.limits = raw, start, end, limits
        self.fields: list[tuple[str, bytes]] = []
        self.names: set[bytes] = set()
        self.hidden: set[bytes] = set()
        self.unseen: set[int] = set()  # the numbers of fields that other programs may not take for such
        self.defects: list[str] = []
        self.blocks: list[int] = [start]
        self.junk = 0
        self.ended = False
        self.over = False

    def run(self, *, top: bool) -> int:
        """Read the fields; the answer is where the body starts."""
        stop, body = self._extent()
        if stop == self.start:
            return body
        lines = self._lines(stop)
        ended = self._collect(lines)
        if self.fields and not any(_known(name) for name in self.names):
            self.fields, ended = [], 0
            self.unseen.clear()
        if ended is None:
            return body
        if top or ended or lines[0].strip():
            self.defects.append("no blank line stands between headers and text")
        return self.start + sum(len(line) + 1 for line in lines[:ended])

    def _extent(self) -> tuple[int, int]:
        """Where the block stops and the body starts."""
        raw, start, end = self.raw, self.start, self.end
        if raw.startswith(b"\n", start, end):
            return start, start + 1
        if raw.startswith(b"\r\n", start, end):
            return start, start + 2
        blank = _BLANK_LINE.search(raw, start, end)
        return (blank.start(), blank.end()) if blank else (end, end)

    def _lines(self, stop: int) -> list[bytes]:
        most = self.start + self.limits.header_block
        if stop > most:
            self._limit(f"headers are over {self.limits.header_block:,} octets, the rest was left out")
            return self.raw[self.start : most].split(b"\n")[:-1] or [self.raw[self.start : most]]
        return self.raw[self.start : stop].split(b"\n")

    def _limit(self, defect: str) -> None:
        self.over = True
        self.defects.append(defect)

    def _collect(self, lines: list[bytes]) -> int | None:
        """Make fields of lines; the answer is the line where text begins, None when there is none."""
        last_known: int | None = None
        name, pieces = b"", list[bytes]()
        for number, line in enumerate(lines):
            if line[:1] in (b" ", b"\t") and name:
                pieces.append(line)
                continue
            match = _FIELD.match(line) or (_FIELD.match(line.strip()) if not name else None)
            if match is None:
                if last_known is None:
                    last_known = _last_known(lines)
                if number >= last_known:
                    self._field(name, pieces)
                    return number
                self._junk(line, name, pieces)
                continue
            if not self._field(name, pieces):
                return None
            name, pieces = match[1], [match[3]]
            if match[2]:
                self.unseen.add(len(self.fields))  # its number, as `_field` takes it up next
                self.defects.append(f"white space before the colon of {name[:40].decode('ascii')}")
        self._field(name, pieces)
        return None

    def _junk(self, line: bytes, name: bytes, pieces: list[bytes]) -> None:
        """A line that is no header: a subject goes on in it, from anything else it is left out."""
        if name.lower() == b"subject" and line.strip() and not _LIKE_FIELD.match(line):
            pieces.append(b" " + line)
            self.defects.append("a further line of the subject is not indented")
        elif line.strip():
            self.junk += 1
            self.ended = self.ended or bool(name)
            if self.junk == 1:
                shown = line[:40].decode("ascii", "replace")
                self.defects.append(f"a line among the headers is none and was left out: {shown!r}")

    def _field(self, name: bytes, pieces: list[bytes]) -> bool:
        """Take up one field; False when there are too many."""
        if not name:
            return True
        if len(self.fields) >= self.limits.headers:
            self._limit(f"more than {self.limits.headers:,} header fields, the rest was left out")
            return False
        value = b"\n".join(pieces) if len(pieces) > 1 else pieces[0]
        lower = name.lower()
        if len(value) > self.limits.header:
            shown = name[:40].decode("ascii")
            self.defects.append(f"header {shown} is over {self.limits.header:,} octets and was cut")
            value = value[: self.limits.header]
            value = value.rpartition(b",")[0] or value if lower in _LISTS else value
        if b"\0" in value:
            value = value.replace(b"\0", b"")
        if self.ended:
            self.unseen.add(len(self.fields))
            if lower not in self.names:
                self.hidden.add(lower)
        self.names.add(lower)
        self.fields.append((name[:200].decode("ascii"), value.rstrip(b"\r\n \t")))
        return True

    def block(self, body: int, before: list[str]) -> Block:
        """What was read."""
        defects = tuple(dict.fromkeys(before + self.defects))
        hidden = frozenset(name.decode("ascii") for name in self.hidden)
        headers = Headers(self.fields, unseen=frozenset(self.unseen))
        return Block(headers, body, defects, self.over, hidden)


def _last_known(lines: list[bytes]) -> int:
    """The number of the last line that is a known header; -1 when none is."""
    for number in range(len(lines) - 1, -1, -1):
        if _known_line(lines[number]):
            return number
    return -1
