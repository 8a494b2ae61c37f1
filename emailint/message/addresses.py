"""Address lists (RFC 5322 section 3.4), read so that they cannot be made to say another address.

An address in angle brackets is the address; everything else of that entry is its name. What no grammar
allows is kept and said (`problem`), never guessed away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from emailint.message import words
from emailint.message.clean import one_line
from emailint.message.model import Address

_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"\\]|\\.)*+(?:"|\\?\Z))
      | (?P<angle><[<\s]*[^<>]*(?:>[>\s]*|\Z))
      | (?P<word>=\?[^?\s]{0,60}\?[bBqQ]\?[^?]*\?=)
      | (?P<space>\s+)
      | (?P<mark>[,;:()<>])
      | (?P<atom>[^\s",;:()<>]+)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BLANKS = " \t\r\n\v\f"
_BLANK = re.compile(f"[{_BLANKS}]+")
_AROUND_AT = re.compile(r"\s*@\s*", re.ASCII)
_ADDRESS_LIKE = re.compile(r"[^\s@]@[^\s@]", re.ASCII)
_PLAIN = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9!#$%&'*+=?^_{}~-]|\.(?=[^.@])){0,63}"
    r"@(?=.{1,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,59})"
)


@dataclass(frozen=True, slots=True)
class AddressList:
    """The addresses of one field, in order; `group` tells of group syntax, `problem` of what is broken."""

    addresses: tuple[Address, ...] = ()
    group: bool = False
    problem: str | None = None


def is_plain(address: str) -> bool:
    """Whether mail can be sent there without doubt: dot-atom, host name with a dot, ASCII, no literal."""
    return _PLAIN.fullmatch(address) is not None


@lru_cache(maxsize=64)
def parse(raw: bytes, hint: str | None = None) -> AddressList:
    """The addresses of a From, To, Cc, Reply-To or like field, from its raw value."""
    text = words.one_charset(raw, hint).decode("latin-1")
    if "\n" in text or "\r" in text:
        text = text.replace("\r", "").replace("\n", "")
    return _Reader(text, hint).run()


class _Reader:
    """Takes a list apart, entry by entry."""

    def __init__(self, text: str, hint: str | None) -> None:
        self.text, self.hint = text, hint
        self.found: list[Address] = []
        self.group = False
        self.problem: str | None = None
        self.depth = 0
        self.prefix = ""
        self.last_semicolon = text.rfind(";")
        self._clear()

    def _clear(self) -> None:
        self.words: list[str] = []
        self.comments: list[str] = []
        self.angles: list[str] = []

    def run(self) -> AddressList:
        """Read all entries."""
        self._read(self.text)
        if self.depth:
            self._broken("a parenthesis is not closed")
        self._entry()
        self._flush_prefix()
        return AddressList(tuple(self.found), self.group, self.problem)

    def _read(self, text: str) -> None:
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup or ""
            if kind == "quoted" and (len(match[0]) < 2 or not match[0].endswith('"')):
                self._broken("a quote is not closed")
                self._read(match[0].replace('"', " "))
            elif kind == "mark":
                self._mark(match[0], match.end())
            elif self.depth:
                self.comments.append(match[0])
            elif kind == "angle":
                self._angle(match[0])
            else:
                self.words.append(" " if kind == "space" else match[0])

    def _angle(self, text: str) -> None:
        self.angles.append(text.strip("<> \t"))
        if not text.rstrip(_BLANKS).endswith(">"):
            self._broken("an angle bracket is not closed")

    def _broken(self, what: str) -> None:
        self.problem = self.problem or what

    def _mark(self, mark: str, after: int) -> None:
        if mark == "(":
            self.depth += 1
        elif mark == ")" and self.depth:
            self.depth -= 1
        elif self.depth:
            self.comments.append(mark)
        elif mark in ",;":
            self._entry()
        elif mark == ":":
            self._colon(after)
        else:
            self._broken(f"a {mark!r} stands alone")
            self.words.append(" ")

    def _colon(self, after: int) -> None:
        """A colon ends a group's name where a semicolon follows; else it belongs to the display name."""
        if not self.angles and (after <= self.last_semicolon or not self.text[after:].strip(_BLANKS)):
            self.group = True
            self.prefix = ""
            self._clear()
        elif len(self.words) < 4 and "".join(self.words).strip(_BLANKS).lower() == "mailto":
            self.words.clear()
        else:
            self.words.append(":")

    def _entry(self) -> None:
        """One entry of the list ends here."""
        text = "".join(self.words).strip(_BLANKS)
        if self.angles:
            self._bracketed(text)
        elif "@" in text:
            self._bare(text)
        elif text:
            self.prefix = f"{self.prefix}, {text}" if self.prefix else text
        self._clear()

    def _bracketed(self, text: str) -> None:
        bare = _unquoted(text).strip("' ") if "@" in text else ""
        if _ADDRESS_LIKE.search(bare) and [bare.lower()] != [angle.lower() for angle in self.angles]:
            self._broken("the display name holds another address")
        if self.prefix:
            text = f"{self.prefix}, {text}"
            self.prefix = ""
        name = self._name(text or "".join(self.comments))
        real = [angle for angle in self.angles if angle]
        if len(real) > 1:
            self._broken("one entry has several addresses")
        for angle in real or [""]:
            self._add(name, _route(angle))

    def _bare(self, text: str) -> None:
        """An entry without angle brackets: the word that holds an at-sign is the address."""
        inner = _inside_quotes(text)
        if inner is not None:
            again = parse(inner.encode("latin-1"), self.hint)
            self._flush_prefix()
            self.found += again.addresses
            self.problem = self.problem or again.problem
            return
        if not any(_complete(word) for word in _BLANK.split(text)):
            text = _AROUND_AT.sub("@", text)
        pieces = _BLANK.split(text) if not text.startswith('"') else [text]
        holding = [piece for piece in pieces if "@" in piece]
        if len(holding) > 1:
            self._broken("one entry has several addresses")
        name = " ".join(piece for piece in pieces if "@" not in piece) or "".join(self.comments)
        self._flush_prefix()
        for piece in holding:
            self._add(self._name(name), piece)

    def _flush_prefix(self) -> None:
        if not self.prefix:
            return
        decoded = self._name(self.prefix)
        self.prefix = ""
        if "@" in decoded and "=?" in self.text:
            self._broken("the address stands inside an encoded word")
            self.found += parse(decoded.replace("=?", "").encode()).addresses
        elif decoded:
            self.found.append(_nameless(decoded))

    def _name(self, text: str) -> str:
        text = text.strip(_BLANKS)
        if '"' in text:
            text = _QUOTED.sub(lambda match: _ESCAPED.sub(r"\1", match[1]), text)
        name = one_line(words.decode_text(text, self.hint))
        if len(name) > 1 and name[0] == name[-1] == "'":
            name = name[1:-1].strip()
        return name

    def _add(self, name: str, address: str) -> None:
        address = one_line(words.plain(address.encode("latin-1", "replace"), self.hint))
        if len(address) > 2 and address[0] == address[-1] == "'":
            address = address[1:-1]
        if address.lower().startswith("mailto:"):
            address = address[7:]
        self.found.append(Address(name, address.rstrip(".")))


def _nameless(text: str) -> Address:
    """An entry without an at-sign: one word may be a local address, several are a name."""
    return Address("", text) if " " not in text and "," not in text else Address(text, "")


def _unquoted(text: str) -> str:
    return _QUOTED.sub("", text) if '"' in text else text


def _inside_quotes(text: str) -> str | None:
    """The inside of an entry that is one quoted string as a whole."""
    if len(text) > 2 and text[0] == text[-1] == '"' and '"' not in text[1:-1].replace('\\"', ""):
        return text[1:-1].replace('\\"', "")
    return None


def _complete(word: str) -> bool:
    local, _, domain = word.partition("@")
    return bool(local and domain)


def _route(angle: str) -> str:
    """Without an obsolete source route (RFC 5322 section 4.4)."""
    if angle.startswith("@") and ":" in angle:
        return angle.rpartition(":")[2].strip(_BLANKS)
    return angle


def sender_problem(fields: list[AddressList]) -> str | None:
    """Why the author cannot be answered, from all From fields of a message; None when he can.

    There must be one field with one address that means one thing (RFC 5322 section 3.6.2).
    """
    found = [address for each in fields for address in each.addresses]
    broken = next((each.problem for each in fields if each.problem), None)
    if not any(address.address for address in found):
        return "From has no address" if fields else "there is no From"
    if broken:
        return f"From is broken: {broken}"
    if len(fields) > 1:
        return "there are several From fields"
    if any(each.group for each in fields):
        return "From names a group"
    if len(found) > 1:
        return "From has several addresses"
    return None if is_plain(found[0].address) else "the address of From is not one that can be answered"
