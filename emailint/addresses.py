"""Mail addresses as this program uses them: which it would ever write to, and when two are one person's.

Lower-case, plus-tag cut, no decision about any mail: routing, reply, outbound and the ledger share this.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# What is no atext (RFC 5322 section 3.2.3), no letter or digit: by exclusion, since classes that name
# all letters beyond ASCII take 20 ms to compile, every minute.
_ATOM: Final = r"[^\x00-\x20\"(),.:;<>@\[\\\]\x7f]+"
_LETTER: Final = r"[^\x00-/:-@\[-`{-\x7f]"
_LABEL: Final = rf"{_LETTER}(?:(?:{_LETTER}|-)*{_LETTER})?"
_ADDRESS: Final = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>{_LABEL}(?:\.{_LABEL})*)")
_LOCAL_OCTETS: Final = 64
_DOMAIN_OCTETS: Final = 253
_LABEL_OCTETS: Final = 63
_ADDRESS_OCTETS: Final = 254


def is_deliverable(address: str) -> bool:
    """Whether mail may be sent to `address`: a dot-atom, an at sign, a host name, and nothing else.

    Stricter than RFC 5321 section 4.1.2, on purpose: no quoted local part, no address literal, no
    all-digit last label, and none of the first characters (`-`, `|`, `/`) that some program down the line
    takes for an option, a pipe or a file. Letters beyond ASCII are let through (RFC 6531); the server must
    offer SMTPUTF8 for those.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or address[0] in "-|/" or not address.isprintable():
        return False
    local, domain = found["local"], found["domain"]
    return (
        len(local.encode()) <= _LOCAL_OCTETS
        and len(domain.encode()) <= _DOMAIN_OCTETS
        and len(address.encode()) <= _ADDRESS_OCTETS
        and all(len(label.encode()) <= _LABEL_OCTETS for label in domain.split("."))
        and not domain.rpartition(".")[2].isdecimal()
    )


def domain_of(address: str) -> str:
    """What stands after the last at sign, lower case; "" where there is none."""
    return address.rpartition("@")[2].lower() if "@" in address else ""


def local_part(address: str) -> str:
    """What stands before the last at sign, as it is written; the whole where there is none."""
    return address.rpartition("@")[0] if "@" in address else address


def normalise(address: str) -> str:
    """Lower case, plus-tag cut: the form in which replies are counted and own addresses compared.

    `Ann+news@Example.com` is `ann@example.com`. A local part that begins with the plus sign keeps it.
    """
    local, at, domain = address.strip().lower().rpartition("@")
    head, plus, _ = local.partition("+")
    return f"{head if plus and head else local}{at}{domain}"


@lru_cache(maxsize=4)
def normalised(addresses: frozenset[str]) -> frozenset[str]:
    """Each of them in that form; kept, since all mail of a sweep is compared with the same thousands."""
    return frozenset(map(normalise, addresses))
