"""Hostile mail between two harmless ones: whatever becomes of it, nothing of the harmless ones may change."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.support.memory import START, letter

if TYPE_CHECKING:
    from pathlib import Path

    from emailint.outbound.protocol import OutgoingMail
    from emailint.sweep.result import SweepResult
    from tests.support.world import World

BEFORE: Final = letter(9_001, sender="before@beside.example", body="The first harmless one.")
AFTER: Final = letter(9_002, sender="after@beside.example", body="The other harmless one.")
BESIDE: Final = {"before@beside.example", "after@beside.example"}


@dataclass(frozen=True)
class Taken:
    """What came of hostile mail: its cases, the replies to it, and the sweep as a whole."""

    cases: list[dict[str, Any]]
    replies: list[OutgoingMail]
    result: SweepResult

    @property
    def case(self) -> dict[str, Any]:
        """The one case that was made."""
        (case,) = self.cases
        return case

    @property
    def withheld(self) -> str | None:
        """Why no reply was sent; None when one was, to one recipient."""
        decision = self.case["reply"]
        assert (decision["decision"] == "respond") == bool(self.replies)
        assert len(self.replies) <= 1
        reason: str | None = decision["reason"]
        return reason


def take(world: World, *raws: bytes, **about: Any) -> Taken:
    """Sweep these mails with a harmless one on each side, which must come out as ever."""
    now = {"received_at": world.clock.wall}
    world.source.deliver(BEFORE, **now)
    uids = [world.source.deliver(raw, **now | about) for raw in raws]
    world.source.deliver(AFTER, **now)
    result = world.sweep()
    return Taken(others(world), replies_to_others(world), check_beside(world, result, uids))


def check_beside(world: World, result: SweepResult, uids: list[int]) -> SweepResult:
    """The harmless mails are cases, answered and read; all lines are ASCII; all files lie in the store."""
    first, last = (case for case in world.lines() if case["email_address"] in BESIDE)
    for case, number, word in ((first, 9_001, "first"), (last, 9_002, "other")):
        assert (case["subject"], case["issue"]) == (f"Question {number}", f"The {word} harmless one.")
        assert (case["kind"], case["defects"], case["attachments"]) == ("person", [], [])
        assert case["reply"] == {"decision": "respond", "reason": None}
    assert sorted(mail.recipient for mail in world.outbound.sent if mail.recipient in BESIDE) == sorted(
        BESIDE
    )
    assert [uid for uid in world.source.unread() if uid not in uids] == []
    for name in ("cases.jsonl", "followups.jsonl", "errors.jsonl"):
        assert_ascii_lines(world.folder / "data" / name)
    assert_private_and_ours(world.folder)
    return result


def others(world: World) -> list[dict[str, Any]]:
    """The cases that are not of the harmless mails."""
    return [case for case in world.lines() if case["email_address"] not in BESIDE]


def replies_to_others(world: World) -> list[OutgoingMail]:
    """The replies that do not go to the harmless senders."""
    return [mail for mail in world.outbound.sent if mail.recipient not in BESIDE]


def assert_ascii_lines(path: Path) -> None:
    """Each line is one JSON object, in printable ASCII."""
    if not path.exists():
        return
    content = path.read_bytes()
    assert content.endswith(b"\n")
    for line in content[:-1].split(b"\n"):
        assert isinstance(json.loads(line), dict)
        assert all(0x20 <= octet < 0x7F for octet in line)


ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")


def assert_private_and_ours(folder: Path) -> None:
    """All that a sweep left is in the store, is private, and has a name of our own making."""
    assert {path.name for path in folder.iterdir()} <= {"data", "integrations.yaml"}
    for path in (folder / "data").rglob("*"):
        assert ALPHABET.issuperset(path.name), path
        assert not path.is_symlink()
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path} {mode:o}"


def crlf(text: str) -> bytes:
    """The text as mail has it."""
    return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def mail(headers: str = "", body: str = "Please help.", *, sender: str = "ann@example.com") -> bytes:
    """A mail to the desk with these headers; a From, To, Subject or Message-ID among them stands for ours."""
    given = {line.partition(":")[0].lower() for line in headers.splitlines()}
    usual = {
        "Return-Path": f"<{sender}>",
        "From": f"Ann <{sender}>",
        "To": "payroll@example.org",
        "Subject": "Question",
        "Date": "Tue, 24 Nov 2026 17:00:00 +0000",
        "Message-ID": "<hostile@example.com>",
    }
    ours = "".join(f"{name}: {value}\n" for name, value in usual.items() if name.lower() not in given)
    return crlf(f"{ours}{headers}{'' if not headers or headers.endswith(chr(10)) else chr(10)}\n{body}\n")


__all__ = ["START", "Taken", "crlf", "mail", "take"]
