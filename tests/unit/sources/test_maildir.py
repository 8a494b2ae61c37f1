"""What a Maildir holds that no IMAP server would show: odd files, odd rights, other programs."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from emailint.errors import ConnectionFailed, FolderForbidden, FolderMissing, FolderReadOnly, ProtocolFailed
from emailint.probe import Outcome
from emailint.sources.maildir import MaildirSettings, MaildirSource, _time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    return make(tmp_path / "Maildir")


def make(path: Path) -> Path:
    for part in ("cur", "new", "tmp"):
        (path / part).mkdir(parents=True)
    return path


def source(path: Path) -> MaildirSource:
    return MaildirSource(MaildirSettings(path, "desk@localhost"))


def put(path: Path, octets: bytes = b"Subject: x\n\nhello\n", mtime: int = 1_700_000_000) -> Path:
    path.write_bytes(octets)
    os.utime(path, (mtime, mtime))
    return path


def listed(path: Path) -> list[str]:
    with source(path) as opened:
        return [ref.locus.rpartition("/")[2] for ref in opened.list_unread()]


@pytest.mark.parametrize(
    ("name", "unread"),
    [
        ("new/1.a", True),
        ("new/1.a:2,", True),
        ("new/1.a:2,S", False),
        ("cur/1.a", True),
        ("cur/1.a:2,", True),
        ("cur/1.a:2,FRT", True),
        ("cur/1.a:2,FS", False),
        ("cur/1.a:1,S", True),
        ("cur/1.aS", True),
        ("tmp/1.a", False),
        ("cur/.hidden", False),
        ("new/.nfs0001", False),
    ],
)
def test_what_is_unread(maildir: Path, name: str, unread: bool) -> None:
    put(maildir / name)
    assert bool(listed(maildir)) is unread


def test_order_is_by_time_and_then_by_name(maildir: Path) -> None:
    for name, mtime in {"new/3.c": 100, "cur/2.b:2,": 300, "new/1.b": 200, "cur/1.a:2,F": 200}.items():
        put(maildir / name, mtime=mtime)
    assert listed(maildir) == ["3.c", "1.a", "1.b", "2.b"]


def test_nothing_but_plain_files_is_mail(maildir: Path, tmp_path: Path) -> None:
    outside = put(tmp_path / "secret", b"do not read me")
    (maildir / "new" / "1.link").symlink_to(outside)
    (maildir / "new" / "2.folder").mkdir()
    os.mkfifo(maildir / "new" / "3.pipe")
    put(maildir / "new" / "4.mail")
    assert listed(maildir) == ["4.mail"]


def test_a_file_that_becomes_a_link_is_not_followed(maildir: Path, tmp_path: Path) -> None:
    outside = put(tmp_path / "secret", b"do not read me")
    mail = put(maildir / "new" / "1.mail")
    with source(maildir) as opened:
        refs = opened.list_unread()
        mail.unlink()
        mail.symlink_to(outside)
        assert list(opened.fetch(refs)) == []
        assert list(opened.measure(refs)) == []


@pytest.mark.parametrize("part", ["cur", "new"])
def test_a_part_that_is_a_link_is_refused(maildir: Path, tmp_path: Path, part: str) -> None:
    (maildir / part).rmdir()
    (tmp_path / "elsewhere").mkdir()
    (maildir / part).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FolderMissing), source(maildir):
        pass


def test_the_maildir_itself_may_be_a_link(maildir: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(maildir)
    put(maildir / "new" / "1.mail")
    assert listed(tmp_path / "link") == ["1.mail"]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _path: None, id="nothing there"),
        pytest.param(lambda path: path.mkdir(), id="an empty folder"),
        pytest.param(lambda path: path.touch(), id="a file"),
        pytest.param(lambda path: (path / "new").mkdir(parents=True), id="half of one"),
    ],
)
def test_what_is_no_maildir(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = tmp_path / "Maildir"
    spoil(path)
    with pytest.raises(FolderMissing, match="Maildir") as caught, source(path):
        pass
    assert "mkdir" in caught.value.hint
    assert [step.outcome for step in source(path).test()] == [
        Outcome.FAILED,
        Outcome.SKIPPED,
        Outcome.SKIPPED,
    ]


def test_a_maildir_that_may_not_be_opened_is_not_missing(
    maildir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", forbidden)
    with pytest.raises(FolderForbidden, match="Permission denied") as caught, source(maildir):
        pass
    assert "belong to the user" in caught.value.hint
    assert "mkdir" not in caught.value.hint
    assert next(source(maildir).test()).cure == caught.value.hint


@pytest.mark.parametrize("folder", ["", ".", "..", "a..b", "/etc", "../../etc", "a//b", "x\0y"])
def test_names_that_no_folder_can_have(maildir: Path, folder: str) -> None:
    put(maildir / "new" / "1.mail")
    with source(maildir) as opened, pytest.raises(FolderMissing):
        opened.move([ref.locus for ref in opened.list_unread()], folder)
    assert listed(maildir) == ["1.mail"]


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("new/1.a", "1.a:2,S"),
        ("cur/1.a", "1.a:2,S"),
        ("cur/1.a:2,", "1.a:2,S"),
        ("cur/1.a:2,TRF", "1.a:2,FRST"),
        ("new/1.a,S=5:2,F", "1.a,S=5:2,FS"),
    ],
)
def test_marking_adds_one_flag_in_order(maildir: Path, name: str, after: str) -> None:
    put(maildir / name)
    with source(maildir) as opened:
        opened.mark_read([ref.locus for ref in opened.list_unread()])
    assert [path.name for path in (maildir / "cur").iterdir()] == [after]
    assert list((maildir / "new").iterdir()) == []


def test_no_file_is_ever_replaced(maildir: Path) -> None:
    put(maildir / "new" / "1.a", b"one")
    with source(maildir) as opened:
        refs = [ref.locus for ref in opened.list_unread()]
        put(maildir / "cur" / "1.a:2,S", b"another")
        with pytest.raises(ProtocolFailed, match="two files"):
            opened.mark_read(refs)
    assert (maildir / "new" / "1.a").read_bytes() == b"one"
    assert (maildir / "cur" / "1.a:2,S").read_bytes() == b"another"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_rename_that_is_refused_is_a_read_only_folder(
    maildir: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise OSError(number, os.strerror(number))

    put(maildir / "new" / "1.a")
    with source(maildir) as opened:
        refs = [ref.locus for ref in opened.list_unread()]
        monkeypatch.setattr(os, "rename", refuse)
        with pytest.raises(FolderReadOnly) as caught:
            opened.mark_read(refs)
        assert caught.value.hint


def test_marking_is_durable_when_it_returns(maildir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    rename, fsync = os.rename, os.fsync

    def noted_rename(*args: Any, **more: Any) -> None:
        calls.append("rename")
        rename(*args, **more)

    def noted_fsync(descriptor: int) -> None:
        calls.append("fsync")
        fsync(descriptor)

    monkeypatch.setattr(os, "rename", noted_rename)
    monkeypatch.setattr(os, "fsync", noted_fsync)
    for number in range(3):
        put(maildir / "new" / f"{number}.a")
    with source(maildir) as opened:
        opened.mark_read([ref.locus for ref in opened.list_unread()])
    assert calls == ["rename"] * 3 + ["fsync"] * 2


def test_a_file_that_cannot_be_read_does_not_keep_the_others_back(
    maildir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        put(maildir / "new" / f"{number}.a", b"mail %d" % number)
    open_file = os.open

    def broken(path: str, *args: object, **more: object) -> int:
        if str(path) == "1.a":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return open_file(path, *args, **more)  # type: ignore[arg-type]  # passed through

    with source(maildir) as opened:
        refs = opened.list_unread()
        monkeypatch.setattr(os, "open", broken)
        fetching = opened.fetch(refs)
        assert [next(fetching).raw, next(fetching).raw] == [b"mail 0", b"mail 2"]
        with pytest.raises(ConnectionFailed, match="Input/output error") as caught:
            next(fetching)
        assert caught.value.loci == (refs[1].locus,)


def test_many_vanished_messages_cost_one_look(maildir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        put(maildir / "new" / f"{number}.a")
    with source(maildir) as opened:
        refs = opened.list_unread()
        for path in (maildir / "new").iterdir():
            path.unlink()
        looks: list[object] = []
        scandir = os.scandir

        def noted_scandir(where: int) -> Any:
            looks.append(where)
            return scandir(where)

        monkeypatch.setattr(os, "scandir", noted_scandir)
        assert list(opened.fetch(refs)) == []
    assert len(looks) == 2  # new and cur


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        (b"A: 1\nB: 2\n\nbody\n\nmore", b"A: 1\nB: 2\n\n"),
        (b"A: 1\r\n\r\nbody\r\n\r\n", b"A: 1\r\n\r\n"),
        (b"A: 1\n\r\nbody", b"A: 1\n\r\n"),
        (b"\nbody", b"\n"),
        (b"\r\nbody", b"\r\n"),
        (b"A: 1\nno body", b"A: 1\nno body"),
        (b"", b""),
    ],
)
def test_headers_end_at_the_first_empty_line(maildir: Path, raw: bytes, headers: bytes) -> None:
    put(maildir / "new" / "1.a", raw)
    with source(maildir) as opened:
        (message,) = opened.fetch(opened.list_unread(), headers_only=True)
    assert message.raw == headers


@pytest.mark.parametrize("seconds", [1e18, -1e18, 3e11, float("nan")])
def test_times_beyond_the_calendar_are_unknown(seconds: float) -> None:
    assert _time(seconds) is None


def test_a_closed_source_says_so(maildir: Path) -> None:
    with pytest.raises(ConnectionFailed, match="not open"):
        source(maildir).list_unread()
