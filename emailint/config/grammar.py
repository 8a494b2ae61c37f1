"""What single values of the configuration look like: text in, value out, or `Wrong`.

Every scalar of the file arrives as its text, so that YAML 1.1 has no say in `no`, `012` or `10:30`.
"""

from __future__ import annotations

import difflib
import math
import re
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from emailint.config.model import AUTOMATIC_KINDS
from emailint.config.problems import Wrong
from emailint.config.secrets import GivenSecret, SecretCommand, SecretFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from emailint.config.secrets import SecretSource

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SIZES: Final = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_MOST_BITS: Final = 1_024
"""Of a whole number in a field: most readers of JSON know no larger one, nor does Python write any."""
_TRUE: Final = ("true", "yes", "on")
_FALSE: Final = ("false", "no", "off")

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DURATION: Final = re.compile(r"([0-9]{1,8}) ?([smhd])")
_SIZE: Final = re.compile(r"([0-9]{1,12}) ?(|B|[kK]B|MB|GB)")
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z){_NAME}\.?")
_IPV6: Final = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_ATEXT: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_ADDRESS: Final = re.compile(rf"(?!-)(?=[^@]{{1,64}}@.{{1,253}}\Z){_ATEXT}+(?:\.{_ATEXT}+)*@{_NAME}")
_NAMED_ADDRESS: Final = re.compile(r'(?:"[^"\\<>]*"|[^"\\<>@,;:]*?) ?<([^<>]+)>')
REPLY_LANGUAGE: Final = r"auto|(auto/)?[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}"
TEMPLATE_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"


def text(value: object) -> str:
    """Any text but the empty one."""
    if isinstance(value, GivenSecret):
        raise Wrong("must not be a secret", "write it as plain text")
    if not isinstance(value, str):
        kind = "mapping" if isinstance(value, dict) else "list"
        raise Wrong(f"must be one value, not a {kind}", "put it on one line behind the key")
    if not value:
        raise Wrong("is empty", "give a value, or leave the key out")
    return value


def line(value: object) -> str:
    """Text on one line, without control characters (RFC 3501 takes no CR, LF or NUL in a folder name)."""
    found = text(value)
    if _CONTROL.search(found):
        raise Wrong("holds a line break or another control character", "take it out")
    return found


def duration(value: object) -> timedelta:
    """`50s`, `5m`, `2h`, `2d`."""
    match = _DURATION.fullmatch(text(value))
    if not match or not int(match[1]):
        raise Wrong("is not a duration", "write a whole number and a unit: 50s, 5m, 2h or 2d")
    if match[2] == "d" and len(match[1]) > 6:
        raise Wrong("is longer than anybody lives", "write a shorter duration, say 90d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def size(value: object) -> int:
    """`16MB` is 16·10⁶ octets."""
    match = _SIZE.fullmatch(text(value))
    if not match or not int(match[1]):
        raise Wrong("is not a size", "write a whole number and a unit: 500kB, 16MB (16 million bytes) or 1GB")
    return int(match[1]) * _SIZES[match[2].upper()]


def whole(low: int, high: int) -> Callable[[object], int]:
    """A whole number between two bounds, both included."""

    def parse(value: object) -> int:
        found = text(value)
        if not re.fullmatch(r"[0-9]{1,15}", found) or not low <= int(found) <= high:
            raise Wrong(f"is not a whole number from {low} to {high}", "write one in digits")
        return int(found)

    return parse


def boolean(value: object) -> bool:
    """`true` or `false`, in YAML's other spellings too."""
    found = text(value).lower()
    if found not in _TRUE + _FALSE:
        raise Wrong("is neither true nor false", "write true or false")
    return found in _TRUE


def choice(*allowed: str) -> Callable[[object], str]:
    """One of several words."""

    def parse(value: object) -> str:
        found = text(value)
        if found in allowed:
            return found
        near = difflib.get_close_matches(found.lower(), allowed, n=1)
        words = ", ".join(allowed)
        raise Wrong(
            "is not known here",
            f"did you mean {near[0]}? (one of {words})" if near else f"use one of {words}",
        )

    return parse


def day(value: object) -> date:
    """`2026-11-01`."""
    try:
        return date.fromisoformat(text(value))
    except ValueError as error:
        if isinstance(error, Wrong):
            raise
        raise Wrong("is not a date", "write year-month-day, like 2026-11-01") from None


def address(value: object) -> str:
    """An addr-spec (RFC 5322 section 3.4.1) of ASCII atoms, as written."""
    found = text(value)
    if not _ADDRESS.fullmatch(found):
        raise Wrong("is not an e-mail address", "write name@domain, in ASCII (a domain in its xn-- form)")
    return found


def named_address(value: object) -> str:
    """An address, or a display name and an address in angle brackets."""
    found = line(value)
    match = _NAMED_ADDRESS.fullmatch(found)
    if not _ADDRESS.fullmatch(match[1] if match else found):
        raise Wrong("is not an e-mail address", "write name@domain or Name <name@domain>")
    return found


def bare_address(named: str) -> str:
    """The address in what `named_address` took."""
    match = _NAMED_ADDRESS.fullmatch(named)
    return match[1] if match else named


def reverse_path(value: object) -> str:
    """An address, or `<>` for the null reverse-path (RFC 5321 section 4.5.5), which is given as ""."""
    return "" if value == "<>" else address(value)


def host(value: object) -> str:
    """A host name or an IP address, lower case."""
    found = text(value)
    if "://" in found:
        raise Wrong("is an address with a scheme", "write the host name alone")
    if re.fullmatch(r"[^:]+:[0-9]+", found):
        raise Wrong("holds a port", "write the host name alone, and the number under `port`")
    if not (_HOST.fullmatch(found) or _IPV6.fullmatch(found)):
        raise Wrong("is not a host name", "write a name like mail.example.org, or an IP address")
    return found.lower().removesuffix(".")


def https_url(value: object) -> str:
    """An address that begins with https, without user, query or fragment; no slash at its end."""
    found = line(value)
    try:
        parts = urlsplit(found)
    except ValueError:  # `https://[`, and letters that would turn into others
        parts = urlsplit("")
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise Wrong("is no https address", "write it as https://login.microsoftonline.com")
    return found.rstrip("/")


def workspace(value: object) -> int | str:
    """All digits: a number; else a name."""
    found = line(value)
    return int(found) if re.fullmatch(r"[0-9]{1,18}", found) else found


def named(pattern: str, cure: str) -> Callable[[object], str]:
    """A name of a given grammar."""
    compiled = re.compile(pattern)

    def parse(value: object) -> str:
        found = text(value)
        if not compiled.fullmatch(found):
            raise Wrong("cannot be used as a name here", cure)
        return found

    return parse


def template(value: object) -> str | None:
    """The name of a template; `none` is None."""
    if value is None:
        raise Wrong("is empty", "name a template, or write `none` for no replies")
    found = named(TEMPLATE_NAME, "write its name alone, without folder and ending, like case-confirm")(value)
    return None if found == "none" else found


def reply_language(value: object) -> str:
    """`auto`, a language tag (RFC 5646) or `auto/de`, in lower case."""
    found = text(value).lower()
    if not re.fullmatch(REPLY_LANGUAGE, found):
        raise Wrong(
            "is no language", "write auto, a language such as de, or auto/de: the mail's, else German"
        )
    return found


def breaker(value: object) -> tuple[int, timedelta]:
    """`1000/10m`: cases of one mailbox, and in which time."""
    count, slash, window = text(value).partition("/")
    if not slash or not re.fullmatch(r"[0-9]{1,9}", count) or not int(count):
        raise Wrong("is not a rate", "write a number of cases, a slash and a duration: 1000/10m")
    return int(count), duration(window)


def path(value: object) -> Path:
    """A path; `~` is the home folder."""
    found = line(value)
    if found.startswith("~") and not found.startswith("~/"):
        raise Wrong("names the home folder of somebody else", "write the whole path")
    return Path(found)


def argv(value: object) -> tuple[str, ...]:
    """A program and its arguments, as a list; no shell ever sees them."""
    if isinstance(value, str):
        raise Wrong("is one text", "write a list, [program, argument, …]; no shell is used")
    if not isinstance(value, list) or not value:
        raise Wrong("is not a list", "write a list, [program, argument, …]")
    if not all(isinstance(part, str) for part in value) or not value[0]:
        raise Wrong("holds what is not text", "write a list of texts, [program, argument, …]")
    return tuple(value)


def automatic(value: object) -> dict[str, str]:
    """`case` or `ignore` for each kind of automatic mail that was named."""
    if isinstance(value, str):
        return dict.fromkeys(AUTOMATIC_KINDS, choice("case", "ignore")(value))
    if not isinstance(value, dict):
        raise Wrong(
            "must be case, ignore, or a mapping", "write {bounce: ignore, auto_reply: case, list: case}"
        )
    for kind, disposal in value.items():
        if kind not in AUTOMATIC_KINDS:
            raise Wrong(f"knows no kind {kind!r}", f"use one of {', '.join(AUTOMATIC_KINDS)}")
        if disposal not in ("case", "ignore"):
            raise Wrong(f"is neither case nor ignore for {kind}", "write case or ignore")
    return dict(value)


def fields(value: object) -> dict[str, str | int | float | bool | None]:
    """Case fields of one's own: a name, and a template, number or truth value."""
    if not isinstance(value, dict):
        raise Wrong("must be a mapping", "write {name: value}")
    for key, found in value.items():
        if not isinstance(found, str | int | float | None):
            raise Wrong(f"holds a list or mapping under {key!r}", "give each field one value")
        too_large = isinstance(found, int) and found.bit_length() > _MOST_BITS
        if too_large or (isinstance(found, float) and not math.isfinite(found)):
            raise Wrong(
                f"holds a number under {key!r} that JSON cannot", "write a finite number, or quote it"
            )
    return value


def secret(value: object) -> SecretSource:
    """A text, `{file: …}` or `{command: [...]}`. What was written instead is never told."""
    if isinstance(value, GivenSecret):
        if not value.text:
            raise Wrong(
                "is empty", "give the password, or say where it is: {file: …}, {command: [...]}, ${NAME}"
            )
        return value
    advice = "write ${NAME}, {file: …}, {command: [program, argument]}, or the password in quotes"
    if not isinstance(value, dict) or len(value) != 1:
        raise Wrong("is not one text and not one source", advice)
    match next(iter(value)):
        case "file":
            return SecretFile(path(value["file"]))
        case "command":
            return SecretCommand(argv(value["command"]))
        case "keyring":
            raise Wrong("names a keyring, which is not available yet in this version", advice)
        case _:
            raise Wrong("names no source of secrets that is known", advice)
