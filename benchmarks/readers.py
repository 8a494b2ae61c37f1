"""How a mail is read with the standard library alone: what any peer does that reads mail."""

from __future__ import annotations

import email
import email.header
import email.message
import email.policy
import email.utils


def with_default(raw: bytes) -> object:
    """Subject, addresses, date, id, bodies and attachments, by the modern policy."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    fields = [str(message[name]) for name in ("subject", "from", "to", "date", "message-id")]
    bodies = [message.get_body((kind,)) for kind in ("plain", "html")]
    texts = [body.get_content() if body is not None else "" for body in bodies]
    files = [
        (part.get_filename(), part.get_content_type(), part.get_content())
        for part in message.iter_attachments()
    ]
    return fields, texts, files


def with_compat32(raw: bytes) -> object:
    """The same by the old policy."""
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    fields = [_decoded(message[name]) for name in ("subject", "from", "to", "message-id")]
    addresses = email.utils.getaddresses(fields[1:3])
    date = email.utils.parsedate_to_datetime(message["date"])
    texts: list[str] = []
    files: list[object] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        payload = part.get_payload(decode=True)
        if part.get_filename():
            files.append((part.get_filename(), part.get_content_type(), payload))
        elif isinstance(payload, bytes):
            texts.append(payload.decode(part.get_content_charset() or "utf-8", "replace"))
    return fields, addresses, date, texts, files


def _decoded(value: str) -> str:
    return str(email.header.make_header(email.header.decode_header(value))) if "=?" in value else value
