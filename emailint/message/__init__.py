"""Raw bytes of a message to an `InboundMessage`; pure but for the child process.

What is named here is imported when it is first used: a sweep that finds no mail does not pay for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emailint.message.child import read_in_child
    from emailint.message.read import read_headers, read_message, read_minimal

__all__ = ["read_headers", "read_in_child", "read_message", "read_minimal"]

_HOMES = {
    "read_headers": "read",
    "read_in_child": "child",
    "read_message": "read",
    "read_minimal": "read",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
