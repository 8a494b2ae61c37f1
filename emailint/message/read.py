"""From the bytes of a message to an `InboundMessage`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from emailint.message import addresses, authentication, automatic, blocks, bodies, contents, dates
from emailint.message.fingerprint import fingerprint
from emailint.message.model import Address, Attachment, Authentication, InboundMessage, Kind, ReadSettings
from emailint.message.structure import Cutter, bare

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import ParamSpec, TypeVar

    from emailint.message.blocks import Block
    from emailint.message.contents import Contents
    from emailint.message.fingerprint import Kept
    from emailint.message.model import Bounce, Signal
    from emailint.message.structure import Part

    P = ParamSpec("P")
    T = TypeVar("T")

_RECIPIENTS = ("X-Original-To", "Envelope-To", "Delivered-To", "Resent-To", "To", "Cc")
_ID = re.compile(r"<[^<>]*>")
_MOST_IDS = 200
_MOST_DEFECTS = 100
DEFAULT = ReadSettings()
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,3}")


def read_message(raw: bytes, settings: ReadSettings = DEFAULT) -> InboundMessage:
    """Read one message. Never raises, whatever the bytes are: what was wrong is in `defects`.

    A message over the size limit is read by its headers alone. Where any other limit left something out,
    the message itself is attached as `message.eml`.
    """
    try:
        if len(raw) > settings.limits.message:
            return read_headers(raw, settings)
        return _whole(raw, settings)
    except Exception as error:  # noqa: BLE001 - no mail is lost to a fault of the reader
        return read_minimal(raw, settings, f"{type(error).__name__}: {error}"[:200])


def read_headers(raw: bytes, settings: ReadSettings = DEFAULT) -> InboundMessage:
    """Read the headers of a message that is too large to be fetched. Never raises.

    `size` is that of `raw`: a caller that knows the message's own puts it there.
    """
    defect = f"the mail is over {settings.limits.message:,} octets: only its headers were read"
    try:
        prepared, defects = blocks.prepare(raw[: 4 * settings.limits.header_block])
        block = blocks.read(prepared, settings.limits)
        return _Reading(raw, fingerprint(raw), settings, block, [*defects, *block.defects, defect]).message()
    except Exception as error:  # noqa: BLE001 - as in `read_message`
        return read_minimal(raw, settings, f"{type(error).__name__}: {error}"[:200])


def read_minimal(raw: bytes, settings: ReadSettings = DEFAULT, why: str = "") -> InboundMessage:
    """What is left of a message that cannot be read: its headers, and itself as an attachment.

    For quarantine. Never raises. The defect is `parse_failed: ` and `why`.
    """
    whole = (_itself(raw),) if len(raw) <= settings.limits.message else ()
    mark = fingerprint(raw)
    bare = InboundMessage(
        fingerprint=mark,
        raw_sha256=hashlib.sha256(raw).hexdigest(),
        size=len(raw),
        attachments=whole,
        defects=(f"parse_failed: {why}",),
    )
    try:
        prepared, _ = blocks.prepare(raw[: 4 * settings.limits.header_block])
        block = blocks.read(prepared, settings.limits)
        read = _Reading(raw, mark, settings, block, []).message()
    except Exception:  # noqa: BLE001 - the last resort of quarantine
        return bare
    return replace(read, attachments=whole, defects=bare.defects + read.defects)


def _itself(raw: bytes) -> Attachment:
    return Attachment("message.eml", "message/rfc822", raw)


def _whole(raw: bytes, settings: ReadSettings) -> InboundMessage:
    kept: Kept = {}
    mark = fingerprint(raw, kept)
    prepared, defects = blocks.prepare(raw)
    block = blocks.read(prepared, settings.limits)
    cutter = Cutter(settings.limits)
    root = cutter.message(prepared, block)
    hint = _charset(root)
    block.headers.hint = hint
    reading = _Reading(raw, mark, settings, block, [*defects, *block.defects])
    found = reading.guarded(
        "the parts",
        contents.Contents(over=True),
        contents.gather,
        root,
        cutter,
        hint,
        kept if prepared is raw else None,
    )
    reading.defects += [*cutter.defects, *found.defects]
    return reading.message(root, found, over=block.over or cutter.over or found.over)


def _charset(root: Part) -> str | None:
    """The charset that the first text part declares."""
    return next((part.params["charset"] for part in root.walk() if part.params.get("charset")), None)


class _Reading:
    """Fills the fields, each in its own guard."""

    def __init__(
        self, raw: bytes, mark: str, settings: ReadSettings, block: Block, defects: list[str]
    ) -> None:
        self.raw, self.mark, self.settings = raw, mark, settings
        self.headers, self.hidden, self.defects = block.headers, block.hidden, defects

    def guarded(
        self, what: str, default: T, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The result of a call; the default, and a defect, where it fails."""
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - one field that fails does not cost the others
            self.defects.append(f"{what} could not be read ({type(error).__name__})")
            return default

    def message(
        self, root: Part | None = None, found: Contents | None = None, *, over: bool = False
    ) -> InboundMessage:
        """The message; without parts when there are none."""
        found = found or contents.Contents()
        head = self._head()
        body = self._body(found, head.subject, refers=bool(head.in_reply_to or head.references))
        whole = f"{body.text}\n{body.quoted}" if body.quoted else body.text
        kind, signals, bounces = self._kind(root or bare(self.headers), head.subject, whole, body.text)
        return replace(
            head,
            text=body.text,
            quoted=body.quoted,
            html=body.html,
            attachments=(*found.attachments, *body.files, *((_itself(self.raw),) if over else ())),
            kind=kind,
            signals=signals,
            bounces=bounces,
            defects=tuple(dict.fromkeys(self.defects))[:_MOST_DEFECTS],
        )

    def _head(self) -> InboundMessage:
        """What the header fields say."""
        senders, problem = self.guarded("From", ((), "From cannot be read"), self._senders)
        return InboundMessage(
            fingerprint=self.mark,
            raw_sha256=hashlib.sha256(self.raw).hexdigest(),
            size=len(self.raw),
            message_id=self.guarded("Message-ID", None, self._message_id),
            in_reply_to=self.guarded("In-Reply-To", (), self._ids, "In-Reply-To"),
            references=self.guarded("References", (), self._ids, "References"),
            date=self.guarded("Date", None, self._date),
            subject=self.guarded("Subject", "", self._subject),
            senders=senders,
            sender=senders[0] if problem is None else None,
            reply_to=self.guarded("Reply-To", (), self._addresses, "Reply-To"),
            recipients=self.guarded("the recipients", {}, self._recipients),
            return_path=self.guarded("Return-Path", None, self._return_path),
            language=self.guarded("Content-Language", None, self._language),
            authentication=self.guarded("Authentication-Results", Authentication(), self._authentication),
            sender_problem=problem,
        )

    def _body(self, found: Contents, subject: str, *, refers: bool) -> bodies.Body:
        pieces, limits = found.pieces, self.settings.limits
        body = self.guarded(
            "the text",
            bodies.Body(),
            bodies.compose,
            pieces,
            found.invitations,
            subject,
            limits,
            refers=refers,
        )
        self.defects += body.defects
        return body

    def _kind(
        self, root: Part, subject: str, text: str, written: str
    ) -> tuple[Kind, tuple[Signal, ...], tuple[Bounce, ...]]:
        nothing = (Kind.PERSON, (), ())
        judge = automatic.judge
        return self.guarded(
            "the kind of mail", nothing, judge, self.headers, root, subject, text, self.settings, written
        )

    def _authentication(self) -> Authentication:
        return authentication.read(self.headers, self.settings.authserv_id)

    def _subject(self) -> str:
        return self.headers.text("Subject") or ""

    def _message_id(self) -> str | None:
        value = self.headers.first("Message-ID")
        match = _ID.search(value) if value else None
        return match[0] if match else value or None

    def _ids(self, name: str) -> tuple[str, ...]:
        """The message ids of a field, each once; what is in no brackets counts when it looks like one."""
        found: list[str] = []
        for value in self.headers.all(name):
            bracketed = ["".join(identifier.split()) for identifier in _ID.findall(value)]
            found += bracketed or [word for word in value.split() if "@" in word]
        return tuple(dict.fromkeys(found))[:_MOST_IDS]

    def _date(self) -> datetime | None:
        value = self.headers.text("Date")
        moment = dates.parse(value) if value else None
        if value is not None and moment is None:
            self.defects.append(f"Date is none that can be: {value[:60]!r}")
        return moment

    def _addresses(self, name: str) -> tuple[Address, ...]:
        hint = self.headers.hint
        lists = [addresses.parse(raw, hint) for raw in self.headers.raws(name)]
        return tuple(address for each in lists for address in each.addresses)

    def _recipients(self) -> dict[str, tuple[Address, ...]]:
        found = {name: self._addresses(name) for name in _RECIPIENTS if name in self.headers}
        return {name: value for name, value in found.items() if value}

    def _senders(self) -> tuple[tuple[Address, ...], str | None]:
        """All addresses of From, and why none of them can be answered, if so."""
        lists = [addresses.parse(raw, self.headers.hint) for raw in self.headers.raws("From")]
        senders = tuple(address for each in lists for address in each.addresses)
        problem = addresses.sender_problem(lists)
        if problem is None and "from" in self.hidden:
            problem = "From stands behind a line that ends the headers for the servers that checked it"
        if problem:
            self.defects.append(problem)
        return senders, problem

    def _return_path(self) -> str | None:
        """The address inside the brackets; "" for `<>` (RFC 5321 section 4.4)."""
        value = self.headers.first("Return-Path")
        if value is None:
            return None
        match = _ID.search(value)
        return (match[0][1:-1] if match else value).strip()

    def _language(self) -> str | None:
        match = _LANGUAGE.match(self.headers.first("Content-Language") or "")
        return match[0] if match else None
