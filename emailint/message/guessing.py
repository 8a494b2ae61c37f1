"""Which legacy charset some bytes are in, when nothing says so."""

from __future__ import annotations

SAMPLE = 8_000


def guess_legacy(data: bytes) -> tuple[str, str] | None:
    """The text and the charset that charset-normalizer finds likeliest; None when it finds none."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - heavy, and few mails need it

    best = from_bytes(data[:SAMPLE]).best()
    if best is None:
        return None
    try:
        return data.decode(best.encoding), best.encoding
    except (UnicodeError, LookupError, ValueError):
        return None
