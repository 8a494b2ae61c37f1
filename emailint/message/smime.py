"""What is inside an opaque S/MIME part (RFC 8551 section 3.5), without trusting its signature.

A walk over the BER of CMS (RFC 5652): nothing is verified, nothing is decrypted. The signature is not looked
at; the text is what anybody sees who opens the mail.
"""

from __future__ import annotations

from typing import NamedTuple

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_ENVELOPED = (bytes.fromhex("2a864886f70d010703"), bytes.fromhex("2a864886f70d0109100117"))
_DEEPEST = 30
_MOST_PIECES = 200_000

_OID, _OCTETS, _SEQUENCE, _SET, _CONTEXT = 0x06, 0x04, 0x30, 0x31, 0xA0
_CONSTRUCTED = 0x20


class _Malformed(Exception):
    """These bytes are no such structure."""


class _Value(NamedTuple):
    """One BER value: its tag, where its content starts and ends, where the next value starts."""

    tag: int
    start: int
    end: int
    after: int


def signed_content(data: bytes) -> bytes | None:
    """The MIME entity inside a signed-data structure; None where there is none or it is malformed."""
    try:
        return _signed_content(data)
    except (_Malformed, IndexError, ValueError):
        return None


def is_encrypted(data: bytes) -> bool:
    """Whether this is an enveloped-data structure, by its object identifier."""
    return any(identifier in data[:64] for identifier in _ENVELOPED)


def _signed_content(data: bytes) -> bytes | None:
    outer = _value(data, 0, len(data), _DEEPEST)
    kind, wrapped, *_ = _children(data, outer)
    if kind.tag != _OID or data[kind.start : kind.end] != _SIGNED_DATA or wrapped.tag != _CONTEXT:
        return None
    signed = _children(data, wrapped)[0]
    for field in _children(data, signed):
        if field.tag == _SEQUENCE:
            inside = _children(data, field)
            if len(inside) < 2 or inside[1].tag != _CONTEXT:
                return None
            return _octets(data, _children(data, inside[1])[0])
    return None


def _octets(data: bytes, value: _Value, depth: int = _DEEPEST) -> bytes:
    """An OCTET STRING, in one piece or in many."""
    if value.tag == _OCTETS:
        return data[value.start : value.end]
    if value.tag == _OCTETS | _CONSTRUCTED and depth:
        return b"".join(_octets(data, piece, depth - 1) for piece in _children(data, value))
    raise _Malformed


def _children(data: bytes, parent: _Value) -> list[_Value]:
    found: list[_Value] = []
    position = parent.start
    while position < parent.end:
        value = _value(data, position, parent.end, _DEEPEST)
        if len(found) > _MOST_PIECES:
            raise _Malformed
        found.append(value)
        position = value.after
    return found


def _value(data: bytes, position: int, end: int, depth: int) -> _Value:
    """The value at `position`; one of indefinite length ends at its two zero octets."""
    if position + 2 > end or depth <= 0 or data[position] & 0x1F == 0x1F:
        raise _Malformed
    tag, length = data[position], data[position + 1]
    start = position + 2
    if length == 0x80:
        return _indefinite(data, tag, start, end, depth)
    if length > 0x80:
        size = length & 0x7F
        if size > 8 or start + size > end:
            raise _Malformed
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    if start + length > end:
        raise _Malformed
    return _Value(tag, start, start + length, start + length)


def _indefinite(data: bytes, tag: int, start: int, end: int, depth: int) -> _Value:
    if not tag & _CONSTRUCTED:
        raise _Malformed
    position = start
    while data[position : position + 2] != b"\0\0":
        position = _value(data, position, end, depth - 1).after
    return _Value(tag, start, position, position + 2)
