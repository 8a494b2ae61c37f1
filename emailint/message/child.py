"""Reading a suspect message in a process of its own, which may die of it.

The one module of this room that has effects: it starts `python -m emailint.message`.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from emailint.errors import MessageError
from emailint.message import wire

if TYPE_CHECKING:
    from emailint.message.model import InboundMessage, ReadSettings

CPU_SECONDS = 5
MEMORY = 512_000_000
TIMEOUT = 30.0

_HINT = "It is tried again; after the third time it is quarantined, with its octets kept."


def read_in_child(raw: bytes, settings: ReadSettings, timeout: float = TIMEOUT) -> InboundMessage:
    """Read one message in a child, limited to 5 s of CPU and 512 MB; `timeout` is wall time in seconds.

    Raises MessageError when the child ends by an exception, a signal or a limit.
    """
    command = [sys.executable, "-m", "emailint.message"]
    head = wire.settings_to_json(settings, cpu=CPU_SECONDS, memory=MEMORY)
    try:
        done = subprocess.run(command, input=head + raw, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise MessageError(f"reading the mail took over {timeout:g} s", hint=_HINT) from error
    except OSError as error:
        raise MessageError(
            f"the reading process could not be started: {error.strerror}", hint=_HINT
        ) from error
    if done.returncode:
        raise MessageError(f"reading the mail {_ending(done.returncode, done.stderr)}", hint=_HINT)
    try:
        return wire.from_json(done.stdout)
    except (ValueError, KeyError, TypeError) as error:
        raise MessageError("the reading process gave no whole answer", hint=_HINT) from error


def _ending(code: int, stderr: bytes) -> str:
    if code < 0:
        return f"was ended by signal {-code} (a limit of time or memory, or a crash)"
    last = stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
    return f"failed: {last}" if last else f"failed with exit status {code}"
