"""Files that appear whole or not at all, under names that are safe."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from emailint.errors import OutboundUnavailable, OutcomeUnknown
from emailint.outbound.folder import FolderOutbound, FolderSettings, file_name
from emailint.outgoing import OutgoingMail
from emailint.probe import Outcome

MAIL = OutgoingMail("<CS-000001.5f0c@example.org>", "", "ann@example.com", b"Subject: x\r\n\r\nHello\r\n")


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


def test_the_file_is_named_for_the_reply_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "outbox"
    old = os.umask(0o022)
    try:
        FolderOutbound(FolderSettings(path)).send(MAIL, lambda: None)
    finally:
        os.umask(old)
    assert names(path) == ["CS-000001.5f0c.eml"]
    assert (path / "CS-000001.5f0c.eml").read_bytes() == MAIL.content
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((path / "CS-000001.5f0c.eml").stat().st_mode) == 0o600


def test_the_same_reply_again_is_the_same_file(tmp_path: Path) -> None:
    outbound = FolderOutbound(FolderSettings(tmp_path))
    outbound.send(MAIL, lambda: None)
    outbound.send(MAIL, lambda: None)
    assert names(tmp_path) == ["CS-000001.5f0c.eml"]
    assert (tmp_path / "CS-000001.5f0c.eml").read_bytes() == MAIL.content


@pytest.mark.parametrize(
    ("message_id", "name"),
    [
        ("<CS-000042.0a1b@example.org>", "CS-000042.0a1b.eml"),
        ("<CS-000042-1.0a1b@example.org>", "CS-000042-1.0a1b.eml"),
    ],
)
def test_names_of_our_ids(message_id: str, name: str) -> None:
    assert file_name(message_id) == name


HOSTILE = (
    "<../../etc/passwd@x>",
    "<.hidden@x>",
    "<a/b@x>",
    "<a\\b@x>",
    "<\0@x>",
    "<@x>",
    "",
    "<..@x>",
    "<-a@x>",
)


@pytest.mark.parametrize("message_id", [*HOSTILE, "<" + "x" * 5000 + "@x>", "<\u202eä@x>", "<\ud800@x>"])
def test_other_ids_make_safe_names_too(message_id: str) -> None:
    name = file_name(message_id)
    assert name.endswith(".eml")
    assert name[0].isalnum()
    assert len(name) <= 104
    assert not set(name) & set("/\\\0 ")
    assert name.isascii()


def test_different_ids_make_different_names() -> None:
    assert len({file_name(each) for each in HOSTILE}) == len(HOSTILE)


def test_the_file_has_no_name_until_begin_has_returned_and_is_durable_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def noting(name: str) -> Any:
        real = getattr(os, name)

        def call(*arguments: Any, **options: Any) -> Any:
            order.append(name)
            return real(*arguments, **options)

        return call

    monkeypatch.setattr(os, "fsync", noting("fsync"))
    monkeypatch.setattr(os, "rename", noting("rename"))

    def begin() -> None:
        order.append("begin")
        assert [each for each in names(tmp_path) if each.endswith(".eml")] == []

    FolderOutbound(FolderSettings(tmp_path)).send(MAIL, begin)
    assert order == ["fsync", "begin", "rename", "fsync"]


def test_what_a_crash_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".CS-000001.5f0c.eml.part").write_bytes(b"half of an older, longer mail " * 9)
    FolderOutbound(FolderSettings(tmp_path)).send(MAIL, lambda: None)
    assert names(tmp_path) == ["CS-000001.5f0c.eml"]
    assert (tmp_path / "CS-000001.5f0c.eml").read_bytes() == MAIL.content


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    box = tmp_path / "outbox"
    box.mkdir()
    (box / ".CS-000001.5f0c.eml.part").symlink_to(outside)
    with pytest.raises(OutboundUnavailable):
        FolderOutbound(FolderSettings(box)).send(MAIL, lambda: None)
    assert outside.read_text() == "untouched"


def failing(times: int) -> Any:
    """An fsync that fails at its n-th call."""
    calls = [0]

    def fsync(_: int) -> None:
        calls[0] += 1
        if calls[0] == times:
            raise OSError(5, "Input/output error")

    return fsync


@pytest.mark.parametrize(("times", "kind", "left"), [(1, OutboundUnavailable, 0), (2, OutcomeUnknown, 1)])
def test_a_disk_that_does_not_confirm(
    times: int, kind: type[Exception], left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(times))
    begun: list[int] = []
    with pytest.raises(kind, match="Input/output error"):
        FolderOutbound(FolderSettings(tmp_path)).send(MAIL, lambda: begun.append(1))
    assert len(names(tmp_path)) == left
    assert len(begun) == left


@pytest.mark.parametrize("call", ["rename", "open"])
def test_a_disk_that_refuses(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, refuse)
    outbound = FolderOutbound(FolderSettings(tmp_path))
    with pytest.raises(OutboundUnavailable, match="No space left on device"):
        outbound.send(MAIL, lambda: None)
    monkeypatch.undo()
    assert names(tmp_path) == []


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    def full() -> None:
        raise RuntimeError

    descriptors = Path("/proc/self/fd")
    before = len(names(descriptors))
    outbound = FolderOutbound(FolderSettings(tmp_path))
    for _ in range(5):
        outbound.send(MAIL, lambda: None)
        with pytest.raises(RuntimeError):
            outbound.send(MAIL, full)
        list(outbound.test())
    assert len(names(descriptors)) == before


@pytest.mark.parametrize(("path", "says"), [("", "can be written to"), ("a/outbox", "will be made by")])
def test_the_test_of_a_folder_makes_nothing(path: str, says: str, tmp_path: Path) -> None:
    changed = tmp_path.stat().st_mtime_ns
    (step, mail) = FolderOutbound(FolderSettings(tmp_path / path)).test()
    assert (step.outcome, mail.outcome) == (Outcome.OK, Outcome.SKIPPED)
    assert says in step.detail
    assert names(tmp_path) == []
    assert tmp_path.stat().st_mtime_ns == changed


@pytest.mark.parametrize(
    ("path", "says"),
    [("file", "written to: .*file is no folder"), ("file/outbox", "made: .*file is no folder")],
)
def test_a_folder_that_cannot_be_made(path: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (step, _) = FolderOutbound(FolderSettings(tmp_path / path)).test()
    assert step.outcome is Outcome.FAILED
    assert re.search(says, step.detail)
    assert "outbound.path" in step.cure


@pytest.mark.parametrize(("path", "says"), [("", "written to"), ("a/outbox", "made")])
def test_a_folder_that_may_not_be_written_to(
    path: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def refuse(*asks: object, **_: object) -> bool:
        asked.append(asks[0])
        return False

    monkeypatch.setattr(os, "access", refuse)
    (step, _) = FolderOutbound(FolderSettings(tmp_path / path)).test()
    assert asked == [tmp_path]
    assert (step.outcome, step.detail) == (
        Outcome.FAILED,
        f"{tmp_path / path} cannot be {says}: this user may not write into {tmp_path}",
    )
