"""Raw bytes of a message to an `InboundMessage`; pure but for the child process.

The readers are imported when they are first called: a sweep that finds no mail does not pay for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emailint.message.model import InboundMessage, ReadSettings

__all__ = ["read_headers", "read_in_child", "read_message", "read_minimal"]


def read_message(raw: bytes, settings: ReadSettings | None = None) -> InboundMessage:
    """Read one message; see `read.read_message`. Never raises."""
    from emailint.message import read  # noqa: PLC0415 - see above

    return read.read_message(raw, settings or read.DEFAULT)


def read_headers(raw: bytes, settings: ReadSettings | None = None) -> InboundMessage:
    """Read the headers of a message that is too large; see `read.read_headers`. Never raises."""
    from emailint.message import read  # noqa: PLC0415 - see above

    return read.read_headers(raw, settings or read.DEFAULT)


def read_minimal(raw: bytes, settings: ReadSettings | None = None, why: str = "") -> InboundMessage:
    """What is left of a message that cannot be read; see `read.read_minimal`. Never raises."""
    from emailint.message import read  # noqa: PLC0415 - see above

    return read.read_minimal(raw, settings or read.DEFAULT, why)


def read_in_child(raw: bytes, settings: ReadSettings, timeout: float | None = None) -> InboundMessage:
    """Read one message in a child process; see `child.read_in_child`. Raises MessageError."""
    from emailint.message import child  # noqa: PLC0415 - see above

    return child.read_in_child(raw, settings, child.TIMEOUT if timeout is None else timeout)
