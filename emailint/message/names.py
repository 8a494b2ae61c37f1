"""Names of attachments: the sender's as it is, else one that tells the type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.message import blocks
from emailint.message.model import Limits

if TYPE_CHECKING:
    from emailint.message.structure import Part

_EXTENSIONS = {
    "application/gzip": "gz",
    "application/json": "json",
    "application/ms-tnef": "dat",
    "application/msword": "doc",
    "application/octet-stream": "bin",
    "application/pdf": "pdf",
    "application/pgp-encrypted": "asc",
    "application/pgp-keys": "asc",
    "application/pgp-signature": "asc",
    "application/pkcs7-mime": "p7m",
    "application/pkcs7-signature": "p7s",
    "application/postscript": "ps",
    "application/rtf": "rtf",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/x-pkcs7-mime": "p7m",
    "application/x-pkcs7-signature": "p7s",
    "application/x-zip-compressed": "zip",
    "application/xml": "xml",
    "application/zip": "zip",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/tiff": "tif",
    "image/webp": "webp",
    "message/rfc822": "eml",
    "text/calendar": "ics",
    "text/csv": "csv",
    "text/directory": "vcf",
    "text/html": "html",
    "text/plain": "txt",
    "text/rtf": "rtf",
    "text/vcard": "vcf",
    "text/x-vcard": "vcf",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
}
_TYPES = {extension: kind for kind, extension in reversed(_EXTENSIONS.items())}
_SPECIAL = {
    "application/pgp-encrypted": "pgp-version.asc",
    "application/pgp-signature": "signature.asc",
    "application/pkcs7-mime": "smime.p7m",
    "application/pkcs7-signature": "smime.p7s",
    "application/ms-tnef": "winmail.dat",
    "message/delivery-status": "delivery-status.txt",
    "message/disposition-notification": "disposition-notification.txt",
    "message/feedback-report": "feedback-report.txt",
    "text/calendar": "invite.ics",
    "text/rfc822-headers": "headers.txt",
}
_FAMILIES = {"text": "txt", "image": "img", "message": "txt"}
_LIMITS = Limits()


def name_of(part: Part, body: bytes) -> str:
    """The name under which a part is known: the sender's, else made of its type.

    An attached message without a name has its subject's; every attached message ends in `.eml`.
    """
    if part.content_type in ("message/rfc822", "message/global"):
        name = part.filename or _subject(body) or "attached-message"
        return name if name.lower().endswith(".eml") else f"{name}.eml"
    return part.filename or _SPECIAL.get(part.content_type) or f"attachment.{extension_of(part.content_type)}"


def extension_of(content_type: str) -> str:
    """The usual file name extension of a content type, without a dot."""
    known = _EXTENSIONS.get(content_type)
    return known or _FAMILIES.get(content_type.partition("/")[0], "bin")


def type_of(name: str) -> str:
    """The content type that a file name tells; application/octet-stream where it tells none."""
    return _TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def _subject(body: bytes) -> str:
    prepared, _ = blocks.prepare(body[:100_000])
    return (blocks.read(prepared, _LIMITS).headers.text("subject") or "")[:150]
