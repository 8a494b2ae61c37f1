"""The store as a whole: private, checked before anything is begun, untouched where nothing is to be done."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from emailint.errors import Exit, StoreError
from emailint.message.model import Attachment
from emailint.store import RunLock, Store, open_store
from emailint.store.records import ReplyState
from emailint.store.sqlite_ledger import SqliteLedger
from tests.unit.store.making import (
    ACCOUNT,
    NOW,
    add,
    case,
    case_id,
    files_of,
    follow_up,
    key,
    line,
    locus,
    reply,
)


def fill(folder: Path) -> None:
    """A store after a good sweep."""
    with open_store(folder) as store:
        store.ledger.begin([locus(1), locus(2), locus(11)])
        store.attachments.save(key(1), [Attachment("a.pdf", "application/pdf", b"x")])
        add(store.ledger, case(1, answer=reply(1), folder="Done"), case(2), follow_up(11, of=1))
        store.project()
        store.ledger.marked(store.ledger.unmarked(ACCOUNT))
        store.ledger.moved(dict.fromkeys([move.locus for move in store.ledger.unmoved(ACCOUNT)]))
        (due,) = store.ledger.due_replies(NOW)
        store.ledger.sending(due, NOW)
        store.ledger.settle(due, ReplyState.SENT)


def idle_run(folder: Path) -> None:
    """What a sweep does that finds nothing new."""
    with RunLock(folder).acquire(["payroll"], "c", 0.0) as lock, open_store(folder) as store:
        assert store.ledger.recover_replies() == []
        assert store.project().lines == 0
        assert store.ledger.unmarked(ACCOUNT) == []
        assert store.ledger.unmoved(ACCOUNT) == []
        assert store.ledger.due_replies(NOW) == []
        assert store.ledger.done([locus(1), locus(2), locus(3)]) == {locus(1), locus(2)}
        assert store.ledger.suspects([locus(1)]) == {}
        store.ledger.set_health(ACCOUNT, store.ledger.health(ACCOUNT))
        assert store.ledger.errors() == []
        assert store.ledger.close_errors([], NOW) == []
        lock.good("payroll", NOW)


def test_everything_is_private_whatever_the_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        with RunLock(folder).acquire([], "c", 0.0):
            fill(folder)
            idle_run_modes = {
                path: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]
            }
    finally:
        os.umask(before)
    assert {path.name for path in idle_run_modes} >= {"ledger.db", "lock", "secret.key", "cases.jsonl"}
    for path, mode in idle_run_modes.items():
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_what_sqlite_makes_is_private_too(folder: Path) -> None:
    before = os.umask(0)
    try:
        with open_store(folder) as store:
            add(store.ledger, case(1))
            for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
                assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name
    finally:
        os.umask(before)


def test_a_run_with_nothing_new_changes_no_byte(folder: Path) -> None:
    fill(folder)
    before = files_of(folder)
    for _ in range(3):
        idle_run(folder)
    assert files_of(folder) == before


def test_a_run_with_nothing_new_writes_and_syncs_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name != "lock"}

    def forbidden(*given: object) -> None:
        pytest.fail("synced")

    monkeypatch.setattr(os, "fsync", forbidden)
    idle_run(folder)
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name != "lock"}
    assert after == times


def test_the_first_run_of_all_leaves_a_store_that_stays_as_it_is(folder: Path) -> None:
    with open_store(folder):
        pass
    before = files_of(folder)
    assert set(before) == {"ledger.db", "secret.key"}
    with open_store(folder) as store:
        assert len(store.own_key) == 32
    assert files_of(folder) == before


def test_another_hosts_store_is_refused(folder: Path) -> None:
    with open_store(folder, host="alpha") as store:
        add(store.ledger, case(1))
    before = files_of(folder)
    with pytest.raises(StoreError, match=r"belongs to the host alpha, and this is beta") as refused:
        open_store(folder, host="beta")
    assert refused.value.exit_code is Exit.STORE
    assert files_of(folder) == before
    open_store(folder, host="alpha").close()


def edit(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / "ledger.db")
    with connection:
        connection.execute(statement)
    connection.close()


def test_a_newer_ledger_is_refused(folder: Path) -> None:
    fill(folder)
    edit(folder, "UPDATE meta SET value = 99 WHERE name = 'schema'")
    with pytest.raises(StoreError, match="newer emailint"):
        open_store(folder)


def lose(folder: Path) -> None:
    (folder / "ledger.db").unlink()


def empty(folder: Path) -> None:
    (folder / "ledger.db").write_bytes(b"")


def archive(folder: Path) -> None:
    lose(folder)
    for name in ("cases.jsonl", "followups.jsonl"):
        (folder / name).rename(folder / f"{name}.1.gz")


def rotate(folder: Path) -> None:
    lose(folder)
    for name in ("cases.jsonl", "followups.jsonl"):
        (folder / name).rename(folder / f"{name}.1")


def forget(folder: Path) -> None:
    edit(folder, "DELETE FROM message WHERE case_id = 'CS-000002'")


def forget_follow_ups(folder: Path) -> None:
    edit(folder, "DELETE FROM line WHERE journal = 'followups.jsonl'")


@pytest.mark.parametrize("accident", [lose, empty, archive, rotate, forget, forget_follow_ups])
def test_a_ledger_behind_its_own_lines_is_refused(folder: Path, accident: Callable[[Path], None]) -> None:
    fill(folder)
    accident(folder)
    before = files_of(folder)
    for _ in range(2):
        with pytest.raises(StoreError, match="no mailbox was touched") as refused:
            open_store(folder)
        assert "emailint store rebuild" in refused.value.hint
    assert files_of(folder) == before


def test_a_ledger_restored_from_yesterday_is_refused(folder: Path, tmp_path: Path) -> None:
    fill(folder)
    shutil.copy(folder / "ledger.db", tmp_path / "backup")
    with open_store(folder) as store:
        add(store.ledger, case(3))
        store.project()
    shutil.copy(tmp_path / "backup", folder / "ledger.db")
    with pytest.raises(StoreError, match=r"does not know the last line of cases.jsonl \(case CS-000003\)"):
        open_store(folder)


IN_ORDER = [
    lambda folder: (folder / "cases.jsonl").rename(folder / "cases.jsonl.1"),
    lambda folder: (folder / "cases.jsonl").unlink(),
    lambda folder: (folder / "cases.jsonl").write_bytes(b""),
    lambda folder: (folder / "cases.jsonl").write_bytes(line(2)[:30]),
    lambda folder: (folder / "cases.jsonl").write_bytes(line(1) + line(2)[:20]),
    lambda folder: (folder / "cases.jsonl").write_bytes(line(2) + b"# a note\n" * 20_000),
    lambda folder: (folder / "cases.jsonl").write_bytes(line(2) + b"\0" * 200_000),
    lambda folder: (folder / "cases.jsonl").write_bytes(line(2) + line(3)[:23] + b"half\n" + line(1)),
    lambda folder: (folder / "cases.jsonl").write_bytes(line(2) + line(3)[:26] + b'{"a":"b"}\n'),
    lambda folder: (folder / "cases.jsonl.1.gz").write_bytes(b"\x1f\x8b"),
]


@pytest.mark.parametrize("change", IN_ORDER)
def test_what_is_no_loss_is_not_refused(folder: Path, change: Callable[[Path], object]) -> None:
    fill(folder)
    change(folder)
    open_store(folder).close()


def test_a_last_line_of_many_megabytes_is_found(folder: Path) -> None:
    fill(folder)
    long = line(3, issue='\\n{"schema":1,"case_id":"CS-999999"}' * 60_000)
    with open_store(folder) as store:
        add(store.ledger, case(3, content=long))
        store.project()
    open_store(folder).close()
    edit(folder, "DELETE FROM message WHERE case_id = 'CS-000003'")
    with pytest.raises(StoreError, match="CS-000003"):
        open_store(folder)


def scribble(folder: Path) -> None:
    path = folder / "ledger.db"
    path.write_bytes(b"\xff" * 100 + path.read_bytes()[100:])


def cut(folder: Path) -> None:
    os.truncate(folder / "ledger.db", 20_000)


def replace_by_text(folder: Path) -> None:
    (folder / "ledger.db").write_text("not a database at all\n" * 500)


@pytest.mark.parametrize("damage", [scribble, cut, replace_by_text])
def test_a_damaged_ledger_is_refused(folder: Path, damage: Callable[[Path], None]) -> None:
    fill(folder)
    damage(folder)
    before = files_of(folder)
    with pytest.raises(StoreError, match="ledger") as refused:
        open_store(folder)
    assert "store rebuild" in refused.value.hint
    assert files_of(folder) == before


def test_another_program_s_database_is_refused(folder: Path) -> None:
    folder.mkdir()
    connection = sqlite3.connect(folder / "ledger.db")
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    with pytest.raises(StoreError, match="ledger"):
        open_store(folder)


def test_too_full_a_disk_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(folder).close()
    free = namedtuple("free", "f_bavail f_frsize")  # noqa: PYI024  two fields of statvfs
    monkeypatch.setattr(os, "statvfs", lambda _path: free(63_999, 1_000))
    with pytest.raises(StoreError, match="63 MB free, less than the reserve of 64 MB"):
        open_store(folder)
    open_store(folder, reserve=63_999_000).close()


def test_a_store_that_cannot_be_written_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(folder).close()
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(StoreError, match="cannot be written"):
        open_store(folder)


AS_SOMEBODY = """
import os, sys
from pathlib import Path
from emailint.errors import StoreError
from emailint.store import open_store
Path("/").as_uri()  # what it imports may be out of reach for somebody, where Python is in root's home
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
try:
    open_store(Path(sys.argv[1]))
except StoreError as error:
    print(error)
    sys.exit(int(error.exit_code))
"""

UNWRITABLE = [("", "cannot be written"), ("ledger.db", "ledger"), ("lock", ""), ("secret.key", "secret.key")]


@pytest.mark.parametrize(("name", "said"), UNWRITABLE)
def test_what_cannot_be_written_is_refused(folder: Path, name: str, said: str) -> None:
    """As an ordinary user, for root may write everywhere."""
    with RunLock(folder).acquire([], "c", 0.0):
        fill(folder)
    if os.geteuid() == 0:
        folder.parent.chmod(0o755)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 65534, 65534)
    (folder / name).chmod(0o500 if not name else 0o000 if name == "secret.key" else 0o400)
    ran = subprocess.run(
        [sys.executable, "-c", AS_SOMEBODY, str(folder)], check=False, capture_output=True, text=True
    )
    assert ran.returncode == (73 if said else 0), ran.stderr
    assert said in ran.stdout


@pytest.mark.parametrize("part", ["attachments", "quarantine", "hold"])
def test_a_part_that_is_a_link_or_open_to_all_is_refused(folder: Path, tmp_path: Path, part: str) -> None:
    open_store(folder).close()
    (folder / part).chmod(0o777)
    with pytest.raises(StoreError, match="everybody may write"):
        open_store(folder)
    (folder / part).rmdir()
    (tmp_path / "elsewhere").mkdir()
    (folder / part).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="symbolic link"):
        open_store(folder)


def test_attachments_may_be_elsewhere_where_the_owner_says_so(folder: Path, tmp_path: Path) -> None:
    open_store(folder).close()
    (folder / "attachments").rmdir()
    (tmp_path / "elsewhere").mkdir(0o777)
    (folder / "attachments").symlink_to(tmp_path / "elsewhere")
    with open_store(folder, trust_attachments=True) as store:
        (stored,) = store.attachments.save(key(1), [Attachment("a.pdf", "application/pdf", b"x")])
        assert (folder / stored.path).read_bytes() == b"x"


def test_a_store_that_everybody_may_write_to_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(StoreError, match="everybody may write"):
        open_store(folder)


@pytest.mark.parametrize("name", ["ledger.db", "secret.key"])
def test_a_file_that_is_a_link_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    fill(folder)
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere").read_bytes()
    with pytest.raises(StoreError, match="symbolic link"):
        open_store(folder)
    assert (tmp_path / "elsewhere").read_bytes() == before


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="Not a directory"):
        open_store(tmp_path / "data")
    with pytest.raises(StoreError):
        open_store(tmp_path / "data" / "deeper")


def test_folders_above_the_store_are_made(tmp_path: Path) -> None:
    open_store(tmp_path / "a" / "b" / "data").close()
    assert stat.S_IMODE((tmp_path / "a" / "b" / "data").stat().st_mode) == 0o700


def test_reading_only_makes_nothing(folder: Path) -> None:
    with open_store(folder, read_only=True) as store:
        assert store.ledger.done([locus(1)]) == frozenset()
        assert store.ledger.errors() == []
        with store.ledger.transaction() as batch:
            assert batch.next_case_number() == 1
            assert batch.find(key(1)) is None
        assert len(store.own_key) == 32
    assert not folder.exists()


def test_reading_only_changes_nothing_beside_a_run(folder: Path) -> None:
    fill(folder)
    before = files_of(folder)
    with open_store(folder, read_only=True) as store:
        assert store.ledger.done([locus(1)]) == {locus(1)}
        with store.ledger.transaction() as batch:
            assert batch.next_case_number() == 3
            known = batch.find(key(2))
            assert known is not None
            assert known.case_id == case_id(2)
            with pytest.raises(StoreError, match="readonly"):
                batch.add(case(3))
            assert batch.find(key(3)) is None
        with pytest.raises(StoreError, match="readonly"):
            store.ledger.begin([locus(3)])
    assert files_of(folder) == before
    with open_store(folder) as running, open_store(folder, read_only=True) as reading:
        add(running.ledger, case(3))
        assert reading.ledger.done([locus(3)]) == {locus(3)}


def test_the_key_is_in_no_text(store: Store) -> None:
    assert repr(store.own_key)[2:-1] not in repr(store)
    assert "own_key" not in repr(store)


def test_closing_twice_is_harmless(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError):
        store.ledger.done([locus(1)])


def test_a_ledger_alone_can_be_opened_for_reading(folder: Path) -> None:
    fill(folder)
    with SqliteLedger.open(folder, read_only=True) as ledger:
        assert ledger.errors() == []
