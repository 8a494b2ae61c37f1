"""What a person sees while a sweep runs: which mailboxes are being swept, how far, how long to go."""

from __future__ import annotations

import sys
from threading import Lock
from typing import TYPE_CHECKING, Self, TextIO, assert_never

from emailint.report.screen import console
from emailint.sweep.options import MailboxDone, MailboxListed, MailboxStarted, MessageDone, Waiting
from emailint.terminal import clip, terminal_safe

if TYPE_CHECKING:
    from types import TracebackType

    from emailint.sweep.options import Event

_NAMES_SHOWN = 3


class ProgressBar:
    """A bar on a terminal, for events of a sweep from any thread; it goes away when the sweep ends."""

    def __init__(self, stream: TextIO | None = None) -> None:
        from rich.progress import (  # noqa: PLC0415 - cron never pays for rich
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console(stream or sys.stderr),
            transient=True,
        )
        self._task = self._bar.add_task("connecting", total=None)
        self._running: list[str] = []
        self._unread = 0
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case MailboxStarted(name):
                self._running.append(name)
                self._describe()
            case MailboxListed(_, unread):
                self._unread += unread
                self._bar.update(self._task, total=self._unread)
            case MessageDone():
                self._bar.advance(self._task)
            case MailboxDone(name, _):
                self._running = [each for each in self._running if each != name]
                self._describe()
            case Waiting(holder):
                self._bar.update(self._task, description=terminal_safe(clip(f"waiting for {holder}", 60)))
            case _:
                assert_never(event)

    def _describe(self) -> None:
        shown = self._running[:_NAMES_SHOWN]
        others = len(self._running) - len(shown)
        names = ", ".join(shown) + (f" and {others} more" if others else "")
        self._bar.update(self._task, description=terminal_safe(clip(names, 40)) or "sending replies")
