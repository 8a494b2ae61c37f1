"""Which extensions a stored attachment may have; everything else is `bin`."""

from __future__ import annotations

_TEXTS = ("csv", "htm", "html", "json", "log", "md", "tsv", "txt", "xml", "yaml", "yml")
_OFFICE = ("doc", "docx", "odg", "odp", "ods", "odt", "pdf", "ppt", "pptx", "rtf", "xls", "xlsx", "xps")
_PICTURES = ("bmp", "dwg", "dxf", "gif", "heic", "jpeg", "jpg", "png", "svg", "tif", "tiff", "webp")
_RECORDINGS = ("avi", "flac", "m4a", "mov", "mp3", "mp4", "mpeg", "mpg", "ogg", "wav", "webm")
_ARCHIVES = ("7z", "bz2", "gz", "rar", "tar", "tgz", "zip")
_MAIL = ("eml", "ics", "msg", "p7m", "p7s", "vcf")

ALLOWED = frozenset((*_TEXTS, *_OFFICE, *_PICTURES, *_RECORDINGS, *_ARCHIVES, *_MAIL))

_OF_TYPE = {
    "application/gzip": "gz",
    "application/json": "json",
    "application/pdf": "pdf",
    "application/pkcs7-mime": "p7m",
    "application/pkcs7-signature": "p7s",
    "application/zip": "zip",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/tiff": "tif",
    "image/webp": "webp",
    "message/rfc822": "eml",
    "text/calendar": "ics",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "text/vcard": "vcf",
}


def extension(name: str, content_type: str) -> str:
    """The extension of the sender's name where it is allowed, else the usual one of the type, else `bin`."""
    wanted = name[-16:].rpartition(".")[2].strip().lower()
    return wanted if wanted in ALLOWED else _OF_TYPE.get(content_type.lower(), "bin")
