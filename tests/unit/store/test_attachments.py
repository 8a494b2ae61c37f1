"""Attachments appear whole, under names that no sender chooses, each message's in a folder of its own."""

import errno
import os
import re
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from emailint.errors import AttachmentError, StoreError
from emailint.message.model import Attachment
from emailint.store import Store, open_store
from emailint.store.digests import folder_name
from emailint.store.records import Key
from tests.unit.store.making import files_of, key

PDF = Attachment("slip.pdf", "application/pdf", b"%PDF hours", inline=False, content_id=None)
PNG = Attachment("", "image/png", b"\x89PNG", inline=True, content_id="<logo@x>")
SAFE = re.compile(r"attachments/[0-9a-f]{64}(-\d+)?/\d{3}-[0-9a-f]{16}\.[a-z0-9]{1,4}")

HOSTILE_NAMES = [
    "../../x",
    "/etc/cron.d/x",
    "..\\x",
    ".",
    "..",
    "",
    "\0",
    "a\0.pdf",
    "x" * 5_000,
    "x" * 5_000 + ".pdf",
    "cases.jsonl",
    "ledger.db",
    "\u202efdp.exe",
    "a.pdf/../../../b.pdf",
    "name.\udc80",
    "a.p\ndf",
    "CON",
    "-rf",
    "~root",
    "$(id).sh",
]


def tree(store: Store) -> list[str]:
    found = (store.folder / "attachments").rglob("*")
    return sorted(str(path.relative_to(store.folder)) for path in found if path.is_file())


def test_what_is_stored_is_described_and_there(store: Store) -> None:
    first, second = store.attachments.save(key(1), [PDF, PNG])
    assert (first.name, first.content_type, first.size, first.inline) == (
        "slip.pdf",
        "application/pdf",
        10,
        False,
    )
    assert (second.name, second.inline, second.content_id) == ("", True, "<logo@x>")
    assert first.sha256 == sha256(PDF.content).hexdigest()
    digest = folder_name(key(1))
    assert first.path == f"attachments/{digest}/001-{first.sha256[:16]}.pdf"
    assert second.path == f"attachments/{digest}/002-{second.sha256[:16]}.png"
    assert (store.folder / first.path).read_bytes() == PDF.content
    assert (store.folder / second.path).read_bytes() == PNG.content
    assert tree(store) == [first.path, second.path]


def test_the_folder_is_named_by_scope_and_fingerprint() -> None:
    assert folder_name(Key("", "1:ab")) == sha256(b"\0" * 15 + b"\x04" + b"1:ab").hexdigest()
    assert (
        len({folder_name(each) for each in (Key("a", "b"), Key("ab", ""), Key("", "ab"), Key("b", "a"))}) == 4
    )


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_name_leaves_its_folder(tmp_path: Path, store: Store, name: str) -> None:
    before = set(tmp_path.rglob("*"))
    (stored,) = store.attachments.save(key(1), [Attachment(name, "application/x-sh", b"boo")])
    assert stored.name == name
    assert SAFE.fullmatch(stored.path)
    new = {path for path in set(tmp_path.rglob("*")) - before if path.is_file()}
    assert new == {store.folder / stored.path}


EXTENSIONS = [
    ("a.PDF", "x/y", "pdf"),
    ("a.exe", "application/pdf", "pdf"),
    ("a.exe", "x/y", "bin"),
    ("archive.tar.gz", "x/y", "gz"),
    ("pdf", "x/y", "pdf"),
    ("", "message/rfc822", "eml"),
    ("", "Text/Plain", "txt"),
    ("a.", "x/y", "bin"),
    ("a.php", "text/html", "html"),
]


@pytest.mark.parametrize(("name", "content_type", "extension"), EXTENSIONS)
def test_extensions_are_from_a_list(store: Store, name: str, content_type: str, extension: str) -> None:
    (stored,) = store.attachments.save(key(1), [Attachment(name, content_type, b"x")])
    assert stored.path.endswith(f".{extension}")


def test_the_same_name_and_content_a_hundred_times_are_a_hundred_files(store: Store) -> None:
    stored = store.attachments.save(key(1), [PDF] * 100)
    assert len({each.path for each in stored}) == 100
    assert len(tree(store)) == 100
    assert {each.name for each in stored} == {"slip.pdf"}


def test_the_message_itself_is_kept_last(store: Store) -> None:
    raw = b"From: a\r\n\r\nb"
    *_, last = store.attachments.save(key(1), [PDF], raw)
    assert (last.name, last.content_type, last.size) == ("message.eml", "message/rfc822", len(raw))
    assert (store.folder / last.path).read_bytes() == raw


def test_modes_do_not_depend_on_the_umask(store: Store) -> None:
    before = os.umask(0)
    try:
        (stored,) = store.attachments.save(key(1), [PDF])
        os.umask(0o777)
        store.attachments.save(key(2), [PDF])
    finally:
        os.umask(before)
    for path in (store.folder / "attachments").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    assert (store.folder / stored.path).exists()


def test_repeating_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    once = store.attachments.save(key(1), [PDF, PNG])
    before = {path: path.stat().st_mtime_ns for path in (store.folder / "attachments").rglob("*")}
    monkeypatch.setattr(os, "pwrite", None)
    assert store.attachments.save(key(1), [PDF, PNG]) == once
    assert {path: path.stat().st_mtime_ns for path in (store.folder / "attachments").rglob("*")} == before


@pytest.mark.parametrize("others", [[PNG], [PDF], [PDF, PNG, PDF], [PNG, PDF]])
def test_another_reading_of_a_mail_leaves_the_first_as_it_is(
    store: Store, others: Sequence[Attachment]
) -> None:
    first = store.attachments.save(key(1), [PDF, PNG])
    second = store.attachments.save(key(1), others)
    assert not {each.path for each in first} & {each.path for each in second}
    assert store.attachments.save(key(1), others) == second
    assert len(tree(store)) == len(first) + len(second)


def test_many_are_saved_with_one_sync_of_the_parent(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.attachments.save(key(0), [PDF])
    synced: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    kept = store.attachments.save_many({key(1): [PDF, PNG], key(2): [], key(3): [PDF]}, {key(3): b"raw"})
    assert [len(kept[key(n)]) for n in (1, 2, 3)] == [2, 0, 2]
    parent = str(store.folder / "attachments")
    assert synced[-1] == parent
    assert synced.count(parent) == 1
    assert len(synced) == 4 + 2 + 1  # each file, each folder, the parent
    synced.clear()
    assert store.attachments.save_many({key(4): [], key(5): []}) == {key(4): (), key(5): ()}
    assert synced == []


CALLS = ["mkdir", "open", "pwrite", "fsync", "rename"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_full_or_failing_disk_leaves_nothing_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch, call: str, error: int
) -> None:
    store.attachments.save(key(0), [PDF])
    before = files_of(store.folder / "attachments")
    real = getattr(os, call)
    for fails_at in range(1, 20):
        count = 0

        def failing(*given: object, at: int = fails_at, **named: object) -> object:
            nonlocal count
            count += 1
            if count == at:
                raise OSError(error, os.strerror(error))
            return real(*given, **named)

        monkeypatch.setattr(os, call, failing)
        with suppress(StoreError):
            store.attachments.save(key(1), [PDF, PNG])
        monkeypatch.setattr(os, call, real)
        if count < fails_at:
            break
        after = files_of(store.folder / "attachments")
        whole = {name for name in after if name not in before}
        assert len(whole) in {0, 2}, "either nothing or all of it"
        assert not any(".unfinished" in name for name in after)
    else:
        pytest.fail("the call never succeeded")
    assert len(tree(store)) == 3


def test_the_error_says_what_became_of_the_mail(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StoreError, match=r"attachments.*stays unread.*No space left") as failure:
        store.attachments.save(key(1), [PDF])
    assert failure.value.hint.startswith("free space")


def test_a_failing_last_sync_can_be_repeated(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def failing(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "attachments":
            raise OSError(errno.EIO, "Input/output error")
        fsync(descriptor)

    store.attachments.save(key(0), [PDF])
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StoreError):
        store.attachments.save(key(1), [PDF])
    monkeypatch.undo()
    (stored,) = store.attachments.save(key(1), [PDF])
    assert (store.folder / stored.path).read_bytes() == PDF.content


PLANTED = ["attachments/{digest}", "attachments/.unfinished"]


@pytest.mark.parametrize("where", PLANTED)
def test_a_planted_link_is_not_followed(tmp_path: Path, store: Store, where: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    planted = store.folder / where.format(digest=folder_name(key(1)))
    planted.symlink_to(outside)
    with pytest.raises(AttachmentError, match="in the way"):
        store.attachments.save(key(1), [PDF])
    assert list(outside.iterdir()) == []
    assert planted.is_symlink()


def test_a_link_planted_among_the_files_is_not_followed(tmp_path: Path, store: Store) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"0123456789")
    (stored,) = store.attachments.save(key(1), [PDF])
    path = store.folder / stored.path
    path.unlink()
    path.symlink_to(outside)
    (again,) = store.attachments.save(key(1), [PDF])
    assert again.path != stored.path
    assert (store.folder / again.path).read_bytes() == PDF.content
    assert outside.read_bytes() == b"0123456789"


def test_what_a_dead_run_left_unfinished_is_removed_when_old(folder: Path, store: Store) -> None:
    store.attachments.save(key(1), [PDF])
    store.close()
    aside = folder / "attachments" / ".unfinished"
    for name in ("old", "young"):
        (aside / name).mkdir()
        (aside / name / "001-x.pdf").write_bytes(b"x")
    (aside / "old file").write_bytes(b"x")
    hours_ago = time.time() - 7_200
    for name in ("old", "old file"):
        os.utime(aside / name, (hours_ago, hours_ago))
    with open_store(folder):
        pass
    assert [path.name for path in aside.iterdir()] == ["young"]


def test_a_large_attachment_is_not_copied(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(30_000_000)
    pwrite = os.pwrite
    shared: list[bool] = []

    def noted(descriptor: int, view: memoryview, offset: int) -> int:
        shared.append(view.obj is content)
        return pwrite(descriptor, view[:10_000_000], offset)

    monkeypatch.setattr(os, "pwrite", noted)
    (stored,) = store.attachments.save(key(1), [Attachment("a.bin", "x/y", content)])
    assert shared == [True, True, True]
    assert (store.folder / stored.path).stat().st_size == 30_000_000
