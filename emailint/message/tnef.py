"""winmail.dat opened (MS-OXTNEF) with tnefparse, where the extra `tnef` is installed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from emailint.message import charsets, clean, rtf
from emailint.message.model import Attachment
from emailint.message.names import type_of

_MOST = 2_000
_HEADER = 6
_ATTRIBUTE = 11


@dataclass(frozen=True, slots=True)
class Opened:
    """Text and files of a TNEF part, or why there are none."""

    plain: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    defect: str | None = None


def read(data: bytes) -> Opened:
    """Open a TNEF part. Never raises; what cannot be read is said."""
    try:
        from tnefparse import TNEF  # noqa: PLC0415 - an optional extra
    except ImportError:
        return Opened(defect="winmail.dat was not opened: install emailint[tnef]")
    logging.getLogger("tnefparse").propagate = False  # it would quote the mail; the defects say what matters
    if _objects(data) > _MOST:
        return Opened(defect="winmail.dat has too many parts and was not opened; it is attached as it came")
    try:
        return _opened(TNEF(data, do_checksum=False))
    except Exception as error:  # noqa: BLE001 - the library raises whatever a damaged file leads it to
        return Opened(defect=f"winmail.dat is damaged ({type(error).__name__}); it is attached as it came")


def _objects(data: bytes) -> int:
    """How many attributes it has, counted up to one over the most (MS-OXTNEF section 2.1.3.2)."""
    count, position = 0, _HEADER
    while position + _ATTRIBUTE <= len(data) and count <= _MOST:
        position += _ATTRIBUTE + int.from_bytes(data[position + 5 : position + 9], "little")
        count += 1
    return count


def _opened(tnef: Any) -> Opened:
    files = tuple(
        Attachment(_name(item), type_of(_name(item)), bytes(item.data or b"")) for item in tnef.attachments
    )
    html, plain = _text(tnef.htmlbody), _text(tnef.body)
    if not plain and not html:
        plain = _rich(tnef)
    return Opened(
        plain, html, files, None if plain or html or files else "winmail.dat holds nothing readable"
    )


def _rich(tnef: Any) -> str | None:
    """The words of the rich text, which is often all there is."""
    found = bytes(tnef.rtfbody or b"")
    document = rtf.decompressed(found) or found
    return clean.lines(clean.without_surrogates(rtf.text(document))).strip("\n") or None


def _name(item: Any) -> str:
    name = item.long_filename() or item.name or ""
    return clean.without_surrogates(str(name)).rstrip("\0") or "attachment.bin"


def _text(value: Any) -> str | None:
    if not value:
        return None
    text = charsets.decode(value)[0] if isinstance(value, bytes) else clean.without_surrogates(str(value))
    return clean.lines(text)
