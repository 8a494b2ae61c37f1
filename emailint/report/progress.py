"""What a person sees while a sweep runs: which mailboxes are being swept, how far, how long to go."""

from __future__ import annotations

import sys
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Self, TextIO, assert_never

from emailint.report.screen import BOXES, console
from emailint.report.sweep import mailbox_line
from emailint.sweep.options import MailboxDone, MailboxListed, MailboxStarted, MessageDone, Waiting
from emailint.terminal import clip, terminal_safe

if TYPE_CHECKING:
    from types import TracebackType

    from emailint.sweep.options import Event

_NAMES_SHOWN = 3
_NARROWEST = 12
"""Characters that names have, however narrow the screen."""
_COUNTS = 28
"""Characters for the bar, the counts and the time beside a longer text."""


class ProgressBar:
    """A bar on a terminal, for events of a sweep from any thread; it goes away when the sweep ends.

    It names the mailboxes that are being swept. One that is through, and had mail or trouble, leaves a line.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        from rich.progress import (  # noqa: PLC0415 - cron never pays for rich
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        screen = console(stream or sys.stderr)
        self._room = max(_NARROWEST, screen.width // 3)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=screen.width < BOXES),
            console=screen,
            transient=True,
        )
        self._task = self._bar.add_task("connecting", total=None)
        self._running: list[str] = []
        self._made: dict[str, Counter[str]] = {}
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
            case MessageDone(name, result):
                self._made.setdefault(name, Counter())[result.outcome] += 1
                self._bar.advance(self._task)
            case MailboxDone(name, error):
                self._goes(name, error)
                self._describe()
            case Waiting(holder):
                self._say(f"waiting for {holder}", self._bar.console.width - _COUNTS)
            case _:
                assert_never(event)

    def _goes(self, name: str, error: str | None) -> None:
        self._running = [each for each in self._running if each != name]
        made = self._made.pop(name, Counter())
        if made or error:
            self._bar.console.print(mailbox_line(name, made, error))

    def _describe(self) -> None:
        """The first mailboxes that fit, and how many more there are."""
        for shown in range(min(_NAMES_SHOWN, len(self._running)), 0, -1):
            others = len(self._running) - shown
            names = ", ".join(self._running[:shown]) + (f" and {others} more" if others else "")
            if len(names) <= self._room:
                break
        else:
            names = self._running[0] if self._running else "sending replies"
        self._say(names, self._room)

    def _say(self, text: str, room: int) -> None:
        self._bar.update(self._task, description=terminal_safe(clip(text, room)), refresh=True)
