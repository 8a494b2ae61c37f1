"""Where a message is, as text that never changes with flags and is unique over all mailboxes.

A locus is only ever compared and taken apart by the source that made it; elsewhere it is opaque.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import quote, unquote

_USER_SAFE = "!$'()*+,&="  # RFC 5092 section 11, achar
_FOLDER_SAFE = _USER_SAFE + ":@/"  # bchar
_STANDARD_PORTS = (143, 993)
_PATH_SAFE = "/!$'()*+,&=:@"


@dataclass(frozen=True, slots=True)
class ImapFolder:
    """A folder in one of its lives: all loci of its messages begin with `prefix`.

    A locus is an RFC 5092 URL.
    """

    account: str
    folder: str
    uid_validity: int

    @property
    def prefix(self) -> str:
        """Everything before the UID."""
        # INBOX is the one name without case (RFC 3501 section 5.1).
        name = "INBOX" if self.folder.upper() == "INBOX" else self.folder
        return f"{self.account}/{quote(name, safe=_FOLDER_SAFE)};UIDVALIDITY={self.uid_validity}/;UID="

    def locus(self, uid: int) -> str:
        """The locus of the message with this UID."""
        return f"{self.prefix}{uid}"

    def uids(self, loci: list[str]) -> dict[int, str]:
        """UID → locus for the loci of this folder in this life; all others are passed over."""
        prefix = self.prefix
        mine = (locus for locus in loci if locus.startswith(prefix))
        return {int(rest): locus for locus in mine if (rest := locus[len(prefix) :]).isdecimal()}


def imap_account(host: str, user: str, port: int = 993) -> str:
    """`imap://user@host`: protocol, user and host, which together make an account.

    The two standard ports lead to one server. Another port is part of the account: two servers of one
    machine are two, and to take two for one would lose mail, where to take one for two costs a look at the
    fingerprints.
    """
    server = host.lower() if port in _STANDARD_PORTS else f"{host.lower()}:{port}"
    return f"imap://{quote(user, safe=_USER_SAFE)}@{server}"


def maildir_account(path: str) -> str:
    """`maildir:` and the absolute path, percent-encoded, since paths may hold any octet but NUL."""
    return f"maildir:{quote(os.fsencode(path), safe=_PATH_SAFE)}"


def maildir_locus(account: str, unique: str) -> str:
    """The locus of a message by its unique name, the file name without its flags."""
    return f"{account}/{quote(os.fsencode(unique), safe=_PATH_SAFE)}"


def graph_account(host: str, mailbox: str) -> str:
    """`graph://graph.microsoft.com/payroll@example.org`: the cloud and the mailbox."""
    return f"graph://{host.lower()}/{quote(mailbox.lower(), safe=_USER_SAFE + '@')}"


def graph_locus(account: str, identity: str) -> str:
    """The locus of a message by its immutable id, which is case-sensitive and survives moves."""
    return f"{account}/{quote(identity, safe='=')}"


def graph_id(account: str, locus: str) -> str | None:
    """The immutable id in a locus of this account; None for all other loci."""
    rest = locus.removeprefix(f"{account}/")
    return unquote(rest) if rest != locus and rest and "/" not in rest else None
