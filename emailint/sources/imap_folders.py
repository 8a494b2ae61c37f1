"""Names of folders as IMAP writes them, and what LIST answers.

IMAPClient knows both; it is loaded only where a name is not plain, or where the names of all folders are
asked for, since loading it takes longer than an idle sweep has for a mailbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def quoted(name: str) -> bytes:
    """A name in modified UTF-7 (RFC 3501 section 5.1.3), as a quoted string."""
    if name.isascii() and name.isprintable() and "&" not in name:
        written = name.encode("ascii")
    else:
        from imapclient.imap_utf7 import encode  # noqa: PLC0415 - see above

        written = encode(name)
    return b'"%s"' % written.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def listed(answer: Iterable[Any]) -> list[tuple[Any, bytes | None, str]]:
    """Flags, separator and name of each folder in the LIST responses.

    Raises ValueError, LookupError, TypeError or imaplib's error for what cannot be understood.
    """
    from imapclient.imap_utf7 import decode  # noqa: PLC0415 - see above
    from imapclient.response_parser import parse_response  # noqa: PLC0415 - see above

    words = iter(parse_response([each for each in answer if each]))
    return [
        # A name may look like a number.
        (flags, separator, str(name) if isinstance(name, int) else decode(name))
        for flags, separator, name in zip(words, words, words, strict=True)
    ]
