"""An IMAP session in terms of UIDs, over a bounded `Wire`; its errors in our own words."""

from __future__ import annotations

import base64
import imaplib
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from emailint.errors import (
    FolderMissing,
    FolderReadOnly,
    LoginRefused,
    ProtocolFailed,
    SourceError,
)
from emailint.sources.imap_errors import GONE, Refused, clean, refusal
from emailint.sources.imap_folders import listed, quoted
from emailint.sources.imap_reading import Reading
from emailint.sources.imap_response import (
    Fetched,
    parse_fetch,
    parse_search,
    uid_sets,
)
from emailint.sources.imap_token_login import TokenLogin
from emailint.sources.imap_wire import Wire

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection, Iterator, Sequence

    from emailint.sources.imap_budget import Budget

_SEPARATORS = frozenset("/.\\")
_SEEN, _DELETED = "\\Seen", "\\Deleted"
# What IMAPClient's parser raises over lists that it does not understand.
_NOT_UNDERSTOOD = (ProtocolFailed, LookupError, AttributeError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Selected:
    """What the server says of the folder. `may_mark`: `\\Seen` can be set and stays."""

    uid_validity: int
    may_mark: bool


class Session:
    """One connection, from its greeting on. All methods raise SourceErrors only."""

    def __init__(
        self, sock: socket.socket, budget: Budget, secure: Callable[[socket.socket], socket.socket] | None
    ) -> None:
        """Read the greeting; with `secure`, do STARTTLS by it before anything else."""
        self.where = budget.where
        self.usable = True
        self._capabilities: tuple[bytes, ...] = ()
        with self._edge("greeting", ProtocolFailed):
            self._wire = Wire(sock, budget, until_secured=secure is not None)
            try:
                if secure:
                    self._wire.secure(secure)
            except BaseException:
                self._wire.shutdown()
                raise

    @property
    def sock(self) -> socket.socket:
        """What it goes over."""
        return self._wire.sock

    def log_in(self, user: str, password: str, hint: str) -> None:
        """LOGIN, or AUTHENTICATE PLAIN where the server wants that or the text is not ASCII.

        The words of a refusal are cleaned of the password, should the server repeat it.
        """
        self._wire.conceal(*_forms(user, password))
        if any(char in user + password for char in "\r\n\0"):
            raise LoginRefused(
                f"{self.where}: the user name or password holds a line break; nothing was sent", hint=hint
            )
        with self._edge(f"login as {user}", LoginRefused, hint):
            offered = self.capabilities()
            if (user + password).isascii() and b"LOGINDISABLED" not in offered:
                self._wire.login(user, password)
            elif b"AUTH=PLAIN" in offered:
                answers = iter([f"\0{user}\0{password}".encode()])
                self._wire.authenticate("PLAIN", lambda _challenge: next(answers, None))
            else:
                raise LoginRefused(
                    f"{self.where} takes no password login (or none that is not ASCII); none was sent",
                    hint="the server may want TLS before, or OAuth",
                )
            if "CAPABILITY" in self._wire.untagged_responses:
                self.capabilities()  # kept; where not announced, asked only when needed

    def log_in_by_token(self, user: str, token: str, where: tuple[str, int], hint: str) -> None:
        """As `TokenLogin.log_in`."""
        TokenLogin(self, self._wire, self._edge).log_in(user, token, where, hint)

    def capabilities(self) -> tuple[bytes, ...]:
        """As announced; once logged in, what the server says then, which may have to be asked for."""
        if not self._capabilities:
            announced = self._wire.code("CAPABILITY")
            if announced:
                self._capabilities = tuple(announced.upper().split())
            elif self._wire.state in ("AUTH", "SELECTED"):
                self.ask_capabilities()
            else:
                return tuple(name.encode() for name in self._wire.capabilities)
        return self._capabilities

    def ask_capabilities(self) -> tuple[bytes, ...]:
        """CAPABILITY, whatever the greeting announced; kept only after the login, which may bring more."""
        _, data = self._wire.capability()
        found = tuple(data[0].upper().split())
        if self._wire.state in ("AUTH", "SELECTED"):
            self._capabilities = found
        return found

    def open_folder(self, folder: str, *, read_only: bool, keys: Sequence[str]) -> Selected:
        """SELECT or EXAMINE; a search for `keys` rides along, and `searched` has its answer."""
        hint = f"check the folder's name; there may be no {folder}"
        with self._named(folder), self._edge(f"folder {folder}", FolderMissing, hint):
            said = self._wire.select_and_search(quoted(folder), self._in_short(keys), read_only=read_only)
            validity, flags = said.get("UIDVALIDITY"), said.get("PERMANENTFLAGS")
            if not validity:
                raise ProtocolFailed(f"{self.where}: the folder {folder} has no UIDVALIDITY")
            may_mark = "READ-ONLY" not in said and (not flags or b"\\seen" in flags[-1].lower())
            return Selected(int(validity[-1]), may_mark)

    def searched(self) -> list[int]:
        """The UIDs, ascending, that the search found which was sent last."""
        with self._edge("search", ProtocolFailed):
            return parse_search(*self._wire.search_answer())

    def find(self, keys: Sequence[str]) -> list[int]:
        """UID SEARCH: the UIDs, ascending."""
        with self._edge("search", ProtocolFailed):
            self._wire.send_search(self._in_short(keys))
        return self.searched()

    def measure(self, uids: Collection[int]) -> Iterator[Fetched]:
        """Size and INTERNALDATE of those that are still there.

        Where the server refuses, one of them may be the reason: those without an answer come unmeasured.
        """
        for text, members in uid_sets(uids):
            left = set(members)
            with self._edge("sizes", ProtocolFailed):
                try:
                    items = "(UID RFC822.SIZE INTERNALDATE)"
                    for found in map(parse_fetch, self._wire.fetch_each(text, items, literals=len(members))):
                        left.discard(found.uid or 0)
                        yield found
                except Refused as refused:
                    if refused.answer.busy:
                        raise
                    if refused.answer.code not in GONE:
                        yield from map(Fetched, sorted(left))

    def read(
        self, uids: Collection[int], limit: int, *, headers_only: bool, refused: dict[int, Refused]
    ) -> Iterator[tuple[int, bytes]]:
        """As `Reading.read`."""
        return Reading(self._wire, self._edge).read(uids, limit, headers_only=headers_only, refused=refused)

    def mark(self, uids: Collection[int]) -> None:
        """Set `\\Seen` on those that are still there; the server has confirmed when this returns."""
        for text, _ in uid_sets(uids):
            self._settled("marking mail read", FolderReadOnly, partial(self._set_flag, text, _SEEN))

    def move_to(self, uids: Collection[int], folder: str) -> Iterator[tuple[list[int], bytes]]:
        """Move to another folder; yields UIDs and the COPYUID code of their move, b"" where there is none.

        Where the server has UIDPLUS and sends no code, nothing was there to be moved, and nothing is yielded.
        MOVE (RFC 6851), else COPY, STORE and UID EXPUNGE (RFC 4315). A server with neither keeps the
        message here too, flagged `\\Deleted`: EXPUNGE without UIDs would remove what others have flagged.
        """
        with self._edge("capabilities", ProtocolFailed):
            offered = self.capabilities()
        can_move, can_expunge = b"MOVE" in offered, b"UIDPLUS" in offered
        moving, removing = f"moving mail to {folder}", "removing moved mail"
        hint = f"create the folder {folder} in the mailbox; emailint creates none"

        def carry(uids: str) -> None:
            self._wire.uid("MOVE" if can_move else "COPY", uids, quoted(folder).decode("ascii"))

        for text, members in uid_sets(uids):
            with self._named(folder):
                self._settled(moving, FolderMissing, partial(carry, text), hint)
            code = self._wire.code("COPYUID")
            if not can_move:
                self._settled(removing, FolderReadOnly, partial(self._set_flag, text, _DELETED))
                if can_expunge:
                    self._settled(removing, FolderReadOnly, partial(self._wire.uid, "EXPUNGE", text))
            if code or not can_expunge:
                yield members, code

    def folder_names(self) -> list[str]:
        """The names of all folders, as far as the server's list can be understood."""
        try:
            with self._edge("list of folders", ProtocolFailed):
                return [clean(str(name)) for _flags, _separator, name in self._list("*")]
        except _NOT_UNDERSTOOD:
            return []

    @contextmanager
    def _named(self, folder: str) -> Iterator[None]:
        """Where a folder is missing, look whether its name has another separator than the server's."""
        try:
            yield
        except FolderMissing as error:
            error.hint = self._separator_hint(folder) or error.hint
            raise

    def _separator_hint(self, folder: str) -> str:
        """LIST "" "" (RFC 3501 section 6.3.8), asked only where a missing folder's name may need it."""
        foreign = _SEPARATORS.intersection(folder)
        try:
            with self._edge("separator of folders", ProtocolFailed):
                found = self._list("") if foreign else []
            separator = clean(found[0][1] or b"") if found else ""
        except (SourceError, *_NOT_UNDERSTOOD):
            return ""
        if len(separator) != 1 or separator in folder:
            return ""
        right = "".join(separator if each in foreign else each for each in folder)
        return f"this server parts the levels of folders by {separator!r}: write {right}, if there is one"

    def _list(self, pattern: str) -> list[tuple[Any, bytes | None, str]]:
        _, answer = self._wire.list('""', f'"{pattern}"')
        return listed(answer)

    def leave(self) -> None:
        """LOGOUT and close; never raises."""
        self._wire.leave()

    def _set_flag(self, uids: str, flag: str) -> None:
        self._wire.uid("STORE", uids, "+FLAGS.SILENT", f"({flag})")

    def _settled(
        self, doing: str, otherwise: type[SourceError], command: Callable[[], object], hint: str = ""
    ) -> None:
        """Run a command; where it is refused, perhaps for messages that have gone, once more after NOOP."""
        with self._edge(doing, otherwise, hint):
            try:
                command()
            except Refused as refused:
                if refused.answer.busy or refused.answer.code not in {"", *GONE}:
                    raise
                self._wire.noop()  # in which the server says which messages have gone
                command()

    def _in_short(self, keys: Sequence[str]) -> list[str]:
        """Ask for ranges instead of one number a message, where the server can (RFC 4731)."""
        known = self._capabilities or [name.encode() for name in self._wire.capabilities]
        return ["RETURN", "(ALL)", *keys] if b"ESEARCH" in known else list(keys)

    @contextmanager
    def _edge(self, doing: str, otherwise: type[SourceError], hint: str = "") -> Iterator[None]:
        """Let nothing but SourceErrors out; `otherwise` is what a refusal means that has no code.

        After anything but a refusal nobody knows how far the server's answer was read: `usable` ends.
        """
        try:
            yield
        except SourceError:
            self.usable = False
            raise
        except Refused as refused:
            raise refusal(f"{self.where}: {doing}", refused.answer, otherwise, hint) from refused
        except (imaplib.IMAP4.error, ValueError) as error:
            self.usable = False
            # Not chained, and only up to where it quotes: its words are the server's, and may hold anything.
            understood = isinstance(error, imaplib.IMAP4.error)
            what = clean(str(error).partition(":")[0]) if understood else "unreadable answer"
            raise ProtocolFailed(
                f"{self.where}: {doing}: {what}", hint="the mail stays unread, and the next run tries again"
            ) from None


def _forms(user: str, password: str) -> tuple[str, ...]:
    """The forms in which a password goes over the wire."""
    token = base64.b64encode(f"\0{user}\0{password}".encode())
    return password, password.replace("\\", "\\\\").replace('"', '\\"'), token.decode("ascii")
