"""The command with one fault in it, in a process of its own: a death, a signal, a disk that fails.

    python -m tests.support.faulty TARGET MOMENT ACTION WHERE [ARGUMENT of emailint]...

TARGET is a function as `module:name` or `module:Class.name`, MOMENT `before` or `after` its calls. ACTION is
a signal (SIGKILL) or an error of the system (EIO); after `HALF+` half of what `os.pwrite` is to write is
written before that. WHERE, unless it is `-`, is the end of the path that the first argument, a descriptor,
belongs to; other calls are let alone.
"""

from __future__ import annotations

import errno
import functools
import signal
import sys
from importlib import import_module
from os import strerror
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emailint.cli import main as emailint

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> int:
    """Put the fault in, then run the command."""
    target, moment, action, where, *arguments = sys.argv[1:]
    module, _, path = target.partition(":")
    *names, last = path.split(".")
    owner: Any = functools.reduce(getattr, names, import_module(module))
    setattr(owner, last, _faulty(getattr(owner, last), moment, action, where))
    return emailint(arguments)


def _faulty(call: Callable[..., Any], moment: str, action: str, where: str) -> Callable[..., Any]:
    @functools.wraps(call)
    def faulty(*args: Any, **kwargs: Any) -> Any:
        if where != "-" and not str(Path(f"/proc/self/fd/{args[0]}").readlink()).endswith(where):
            return call(*args, **kwargs)
        if action.startswith("HALF+"):
            call(args[0], bytes(args[1])[: len(args[1]) // 2], *args[2:])
        if moment == "before":
            _happen(action.removeprefix("HALF+"))
        done = call(*args, **kwargs)
        if moment == "after":
            _happen(action)
        return done

    return faulty


def _happen(action: str) -> None:
    if action.startswith("SIG"):
        signal.raise_signal(getattr(signal, action))
        return
    number = getattr(errno, action)
    raise OSError(number, strerror(number))


if __name__ == "__main__":
    sys.exit(main())
