"""imaplib with bounds: what goes over the connection, and never more of it than was asked for.

The object here differs from imaplib's in what follows; everything else is imaplib's.

- The octets come from a socket that is connected (and secured) already, within a `Budget`.
- FETCH responses are handed over one by one as they come, instead of when the last one is there.
- The capabilities of the greeting are believed, which saves a round trip.
- The words of the protocol may be in small letters (RFC 3501 section 9); imaplib knows capitals alone.
- NO, BAD and BYE are `Refused` and SourceErrors, in cleaned words.
"""

from __future__ import annotations

import imaplib
import re
from contextlib import suppress
from secrets import randbelow
from typing import TYPE_CHECKING, Any, Final

from emailint.errors import ConnectionFailed, ProtocolFailed, TlsFailed
from emailint.sources.imap_errors import Answer, Refused, clean, farewell
from emailint.sources.imap_stream import Stream

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence

    from emailint.sources.imap_budget import Budget
    from emailint.sources.imap_response import Piece

# What begins a line (`* 1 FETCH`, `A1 OK`) or a response code, as far as it is a word.
_WORD = re.compile(rb"(?:\* (?:\d+ )?|\w+ (?=ok\b|no\b|bad\b)|\[)([a-z-]+)", re.IGNORECASE)

_TAGS: Final = imaplib.Int2AP(4096 + randbelow(61_440))
"""As imaplib makes them, but once for all connections of this process."""


class Wire(imaplib.IMAP4):
    """One connection. Constructing it reads the greeting.

    With `until_secured`, nothing of the greeting counts and nothing is asked before `secure`.
    """

    def __init__(self, sock: socket.socket, budget: Budget, *, until_secured: bool = False) -> None:
        self._budget = budget
        self._stream = Stream(sock, budget)
        self._until_secured = until_secured
        self._secrets: tuple[str, ...] = ()
        self._unread_answer: bytes | None = None
        budget.restart()
        super().__init__()

    # imaplib's "overridable methods"

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:  # noqa: ARG002 - imaplib's signature
        """Take the connected socket."""
        self.host, self.port, self.sock = host, port, self._stream.sock

    def read(self, size: int) -> bytes:
        """Read a literal; raises before it takes memory for one that is too large."""
        self._budget.spend_literal(size)
        return self._stream.read(size)

    def readline(self) -> bytes:
        """Read a line; raises when there is none, or none that ends."""
        return self._stream.readline()

    def send(self, data: bytes) -> None:  # type: ignore[override]  # bytes is all that is ever sent here
        """Send octets."""
        self._stream.send(data)

    def shutdown(self) -> None:
        """Close the connection; never raises."""
        self._stream.close()

    # Commands that differ from imaplib's

    def capability(self) -> tuple[str, list[Any]]:
        """CAPABILITY; raises ProtocolFailed for an answer that has none."""
        status, data = super().capability()
        if not isinstance(data[-1], bytes):
            raise ProtocolFailed(f"{self._budget.where} does not say what it is capable of")
        return status, data[-1:]

    def login(self, user: str, password: str) -> Any:
        """LOGIN, with both arguments quoted (imaplib quotes one)."""
        answer = self._simple_command("LOGIN", _quoted(user), _quoted(password))
        self.state = "AUTH"
        return answer

    def secure(self, wrap: Callable[[socket.socket], socket.socket]) -> None:
        """STARTTLS (RFC 3501 section 6.2.1); raises TlsFailed unless all from here on is secured."""
        try:
            self._simple_command("STARTTLS")
        except Refused as refused:
            raise TlsFailed(
                f"{self._budget.where} refuses STARTTLS ({refused.answer.text}); no password was sent",
                hint="use tls: implicit (port 993) if the server has it; clear text is never used",
            ) from None
        if self._stream.something_is_waiting():
            raise TlsFailed(
                f"{self._budget.where} sent more after its STARTTLS answer, unsecured; no password was sent",
                hint="somebody may be interfering with the connection; use tls: implicit (port 993)",
            )
        self._stream = Stream(wrap(self._stream.sock), self._budget)
        self.sock = self._stream.sock
        self.untagged_responses.clear()
        self._until_secured = False
        self._get_capabilities()

    def select_and_search(self, mailbox: bytes, keys: Sequence[str], *, read_only: bool) -> dict[str, Any]:
        """SELECT or EXAMINE, with a search sent in the same breath; returns what SELECT says.

        `search_answer` has the other answer. The search may ride along because it does no harm when it
        meets another UIDVALIDITY, or no folder. One alone, since nothing tells the answers to two apart.
        """
        name = "EXAMINE" if read_only else "SELECT"
        self.untagged_responses.clear()
        self.is_readonly = True  # else imaplib refuses to go on in a folder that is read-only
        selecting = self._command(name, mailbox)
        self.state = "SELECTED"
        self.send_search(keys)
        try:
            self._command_complete(name, selecting)
        except Refused:
            self.state = "AUTH"
            with suppress(Refused):
                self.search_answer()
            raise
        return dict(self.untagged_responses)

    def send_search(self, keys: Sequence[str]) -> None:
        """Send a UID SEARCH; `search_answer` has its answer."""
        self._searching = self._command("UID", "SEARCH", *keys)

    def search_answer(self) -> tuple[list[Piece], list[Piece]]:
        """The `SEARCH` and `ESEARCH` responses to the search that was sent."""
        self._command_complete("UID SEARCH", self._searching)
        responses = self.untagged_responses
        return responses.pop("SEARCH", []), responses.pop("ESEARCH", [])

    def fetch_each(
        self, uids: str, items: str, *, literals: int, literal: int = 65_536
    ) -> Iterator[list[Piece]]:
        """UID FETCH; each response as it comes, so that memory holds one message and not a batch.

        `literals` is how many messages were asked for at most, `literal` how large one may be. An
        iterator that is left early leaves the rest of the answer to whatever command comes next.
        """
        tag = self._command("UID", "FETCH", uids, items)
        self._budget.restart(literals=literals, literal=literal)
        self._unread_answer = tag
        while self.tagged_commands[tag] is None:
            self._get_response()
            if "FETCH" in self.untagged_responses:
                handed_over = self._budget.clock()
                yield self.untagged_responses.pop("FETCH")
                self._budget.extend(self._budget.clock() - handed_over)
        self._unread_answer = None
        self._command_complete("UID FETCH", tag)

    def code(self, name: str) -> bytes:
        """The data of a response code that the last command was answered with, b"" without one."""
        data = self.untagged_responses.get(name, [b""])[-1]
        return data if isinstance(data, bytes) else b""

    def leave(self) -> None:
        """LOGOUT and close; never raises.

        The farewell is not waited for: that would cost a round trip and tell nothing, since every
        command that mattered has been confirmed.
        """
        try:
            self._budget.restart()
            self.send(b"%s LOGOUT\r\n" % self._new_tag())
        except ConnectionFailed:
            pass
        self.shutdown()

    def conceal(self, *secrets: str) -> None:
        """Never repeat these, should the server do so."""
        self._secrets = secrets

    def clean(self, text: bytes | str) -> str:
        """Server text as one short line without control characters and secrets."""
        return clean(text, *self._secrets)

    # What imaplib does itself

    @property  # type: ignore[override]  # typeshed has str, imaplib octets
    def tagpre(self) -> bytes:
        """What tags begin with: always the same, since imaplib compiles a pattern for each that it takes."""
        return _TAGS

    @tagpre.setter
    def tagpre(self, value: bytes) -> None:
        pass

    def _log(self, line: str) -> None:
        """Keep no history: it would hold the LOGIN command."""

    def _match(self, cre: Any, s: bytes) -> bool:
        """Whether a line, or part of one, is of this kind: in small letters too, or with no text after OK."""
        matched = bool(super()._match(cre, s))  # type: ignore[misc]  # not in typeshed
        never = cre is self.tagre and s.startswith(b"*")  # most lines: they bear no tag, however written
        word = None if matched or never else _WORD.match(s)
        if word is None:
            return matched
        text = b" " if cre is self.tagre else b""
        capitals = s[: word.start(1)] + word[1].upper() + s[word.end(1) :] + text
        return bool(super()._match(cre, capitals))  # type: ignore[misc]  # nor here

    def _command(self, name: str, *args: Any) -> bytes:
        self._finish_unread_answer()
        if not self.tagged_commands:
            self.untagged_responses.clear()
        self._budget.restart()
        tag: bytes = super()._command(name, *args)  # type: ignore[misc]  # not in typeshed
        return tag

    def _command_complete(self, name: str, tag: bytes) -> tuple[str, list[Any]]:
        status, data = self._get_tagged_response(tag)
        if status != "OK":
            raise Refused(name, Answer(status, self.clean(data[-1] or b"")))
        return status, data

    def _append_untagged(self, typ: str, dat: bytes | tuple[bytes, bytes]) -> None:
        if typ == "BYE":  # nobody waits for the answer to a LOGOUT here, so it is always news
            text = dat if isinstance(dat, bytes) else b""
            raise farewell(f"{self._budget.where} closed the connection", self.clean(text))
        super()._append_untagged(typ, dat)  # type: ignore[misc]  # not in typeshed

    def _get_capabilities(self) -> None:
        if self.state == "AUTH":
            kind = TlsFailed if self._until_secured else ProtocolFailed
            raise kind(
                f"{self._budget.where} greets as if logged in already (PREAUTH); no password was sent",
                hint="somebody may be interfering with the connection, or the server is not meant for this",
            )
        announced = self.untagged_responses.pop("CAPABILITY", None)
        if self._until_secured:
            self.capabilities: tuple[str, ...] = ("IMAP4REV1",)
        elif announced and isinstance(announced[-1], bytes):
            self.capabilities = tuple(announced[-1].decode("ascii", "ignore").upper().split())
        else:
            super()._get_capabilities()  # type: ignore[misc]  # not in typeshed

    # Below that

    def _finish_unread_answer(self) -> None:
        tag, self._unread_answer = self._unread_answer, None
        if tag is None:
            return
        self._budget.renew()
        while self.tagged_commands[tag] is None:
            self._get_response()
            self.untagged_responses.pop("FETCH", None)
        del self.tagged_commands[tag]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
