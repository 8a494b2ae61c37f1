"""The JSON lines: whole, in order, each once, whatever was left at their end."""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from emailint.errors import StoreError
from emailint.store import ProjectionReport, Store, open_store
from emailint.store.records import Line
from tests.unit.store.making import add, after, case, follow_up, line, reply

ONE, TWO, THREE = line(1), line(2), line(3)


def cases(folder: Path) -> bytes:
    return (folder / "cases.jsonl").read_bytes()


def record_place(store: Store, path: Path, offset: int) -> list[Line]:
    """The state of a run that died between recording the places and writing all lines."""
    status = path.stat()
    placed = []
    for each in store.ledger.unprojected():
        placed.append(replace(each, file=f"{status.st_dev}:{status.st_ino}", offset=offset))
        offset += len(each.content)
    store.ledger.place(placed)
    return placed


def test_lines_stand_in_their_files_in_order(folder: Path, store: Store) -> None:
    add(store.ledger, case(1), follow_up(11, of=1), case(2))
    assert store.project() == ProjectionReport(3)
    add(store.ledger, case(3))
    assert store.project() == ProjectionReport(1)
    assert store.project() == ProjectionReport(0)
    assert cases(folder) == ONE + TWO + THREE
    assert (folder / "followups.jsonl").read_bytes() == follow_up(11, of=1).line
    assert stat.S_IMODE((folder / "cases.jsonl").stat().st_mode) == 0o600


def test_more_than_one_piece_is_projected_at_once(folder: Path, store: Store) -> None:
    add(store.ledger, *(case(n) for n in range(2_500)))
    assert store.project().lines == 2_500
    assert cases(folder) == b"".join(line(n) for n in range(2_500))


def torn(length: int) -> Callable[[bytes], bytes]:
    return lambda whole: whole[:length]


def zero_filled(begin: int, end: int) -> Callable[[bytes], bytes]:
    return lambda whole: whole[:begin] + b"\0" * (end - begin) + whole[end:]


BOTH = len(TWO + THREE)
REMNANTS = [
    torn(0),
    torn(1),
    torn(len(TWO) - 1),
    torn(len(TWO)),
    torn(len(TWO) + 1),
    torn(BOTH - 1),
    torn(BOTH),
    zero_filled(0, BOTH),
    zero_filled(5, BOTH),
    zero_filled(len(TWO) - 1, BOTH - 4),
    lambda whole: b"\0" * len(whole[:7]),
    lambda whole: whole[:9] + b"\0" * 9,
]


@pytest.mark.parametrize("remnant", REMNANTS)
def test_what_a_death_left_half_written_is_mended_in_place(
    folder: Path, store: Store, remnant: Callable[[bytes], bytes]
) -> None:
    add(store.ledger, case(1))
    store.project()
    add(store.ledger, case(2), case(3))
    record_place(store, folder / "cases.jsonl", len(ONE))
    (folder / "cases.jsonl").write_bytes(ONE + remnant(TWO + THREE))
    store.close()
    with open_store(folder) as again:
        assert again.project() == ProjectionReport(2)
    assert cases(folder) == ONE + TWO + THREE


def test_zeros_in_the_middle_of_a_long_line_are_mended(folder: Path, store: Store) -> None:
    long = line(1, issue="x" * 20_000)
    add(store.ledger, case(1, content=long), case(2))
    (folder / "cases.jsonl").touch(0o600)
    record_place(store, folder / "cases.jsonl", 0)
    (folder / "cases.jsonl").write_bytes(long[:4096] + b"\0" * 8192 + long[12_288:] + TWO)
    assert store.project() == ProjectionReport(2)
    assert cases(folder) == long + TWO


def test_every_length_of_a_torn_batch_is_mended(folder: Path, store: Store) -> None:
    path = folder / "cases.jsonl"
    path.touch(0o600)
    add(store.ledger, case(1), case(2), case(3))
    whole = ONE + TWO + THREE
    for length in range(len(whole) + 1):
        record_place(store, path, 0)
        path.write_bytes(whole[:length])
        assert store.project() == ProjectionReport(3)
        assert path.read_bytes() == whole
        with store.ledger._database.writing() as connection:
            connection.execute("UPDATE line SET projected = 0")
            connection.execute("DELETE FROM journal")


FOREIGN = [b"half a line", b"\0\0half", b'{"schema":1,"case_id":"CS-9', b"x"]


@pytest.mark.parametrize("tail", FOREIGN)
def test_a_foreign_half_line_is_kept_and_closed(folder: Path, store: Store, tail: bytes) -> None:
    add(store.ledger, case(1))
    store.project()
    with (folder / "cases.jsonl").open("ab") as file:
        file.write(tail)
    add(store.ledger, case(2))
    report = store.project()
    assert cases(folder) == ONE + tail + b"\n" + TWO
    assert len(report.warnings) == 1
    assert "half line" in report.warnings[0]


@pytest.mark.parametrize("written", [0, 1, 7, len(TWO) - 1])
def test_foreign_bytes_where_our_line_was_to_go_are_kept(folder: Path, store: Store, written: int) -> None:
    add(store.ledger, case(1))
    store.project()
    add(store.ledger, case(2), case(3))
    record_place(store, folder / "cases.jsonl", len(ONE))
    foreign = ONE + TWO[:written] + b"written by somebody else"
    (folder / "cases.jsonl").write_bytes(foreign)
    report = store.project()
    assert cases(folder) == foreign + b"\n" + TWO + THREE
    assert report.warnings


def test_foreign_whole_lines_stay_between_ours(folder: Path, store: Store) -> None:
    add(store.ledger, case(1))
    store.project()
    with (folder / "cases.jsonl").open("ab") as file:
        file.write(b"# a note\n")
    add(store.ledger, case(2))
    assert store.project() == ProjectionReport(1)
    assert cases(folder) == ONE + b"# a note\n" + TWO


def test_foreign_lines_after_ours_do_not_move_it(folder: Path, store: Store) -> None:
    add(store.ledger, case(1))
    (folder / "cases.jsonl").touch(0o600)
    record_place(store, folder / "cases.jsonl", 0)
    (folder / "cases.jsonl").write_bytes(ONE + b"# a note\n")
    assert store.project() == ProjectionReport(1)
    assert cases(folder) == ONE + b"# a note\n"


def test_a_rotated_file_is_left_and_a_new_one_begun(folder: Path, store: Store) -> None:
    add(store.ledger, case(1))
    store.project()
    (folder / "cases.jsonl").rename(folder / "cases.jsonl.1")
    add(store.ledger, case(2))
    assert store.project() == ProjectionReport(1)
    assert (folder / "cases.jsonl.1").read_bytes() == ONE
    assert cases(folder) == TWO


def test_a_line_begun_before_a_rotation_is_finished_where_it_was_begun(folder: Path, store: Store) -> None:
    add(store.ledger, case(1))
    (folder / "cases.jsonl").touch(0o600)
    record_place(store, folder / "cases.jsonl", 0)
    (folder / "cases.jsonl").write_bytes(ONE[:10])
    (folder / "cases.jsonl").rename(folder / "cases.jsonl-20261124")
    add(store.ledger, case(2))
    assert store.project() == ProjectionReport(2)
    assert (folder / "cases.jsonl-20261124").read_bytes() == ONE
    assert cases(folder) == TWO


def test_a_line_whose_file_has_gone_goes_to_the_new_one(folder: Path, store: Store) -> None:
    add(store.ledger, case(1), case(2))
    (folder / "cases.jsonl").write_bytes(b"old\n")
    (folder / "keep the inode").hardlink_to(folder / "cases.jsonl")
    record_place(store, folder / "cases.jsonl", 4)
    (folder / "cases.jsonl").unlink()
    report = store.project()
    assert cases(folder) == ONE + TWO
    assert "has gone" in report.warnings[0]


def test_a_rotation_in_the_middle_of_a_run(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store.ledger, case(1))
    store.project()
    add(store.ledger, case(2))
    place = store.ledger.place

    def rotated(lines: list[Line]) -> None:
        place(lines)
        (folder / "cases.jsonl").rename(folder / "cases.jsonl.1")

    monkeypatch.setattr(store.ledger, "place", rotated)
    store.project()
    monkeypatch.undo()
    add(store.ledger, case(3))
    store.project()
    assert (folder / "cases.jsonl.1").read_bytes() == ONE + TWO
    assert cases(folder) == THREE


def test_copytruncate_is_noticed_once_and_lines_go_on(folder: Path, store: Store) -> None:
    add(store.ledger, case(1), case(2))
    store.project()
    os.truncate(folder / "cases.jsonl", 0)
    add(store.ledger, case(3))
    (warning,) = store.project().warnings
    assert "store rebuild" in warning
    assert cases(folder) == THREE
    add(store.ledger, case(4))
    assert store.project() == ProjectionReport(1)


def test_copytruncate_between_place_and_line(folder: Path, store: Store) -> None:
    add(store.ledger, case(1), case(2))
    store.project()
    add(store.ledger, case(3))
    record_place(store, folder / "cases.jsonl", len(ONE + TWO))
    os.truncate(folder / "cases.jsonl", 3)
    assert any("store rebuild" in warning for warning in store.project().warnings)
    assert cases(folder) == ONE[:3] + b"\n" + THREE


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("written", [0, 10, len(ONE) + 3])
def test_a_disk_that_fills_up_keeps_the_line_for_later(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch, error: int, written: int
) -> None:
    add(store.ledger, case(1), case(2))
    pwrite = os.pwrite
    room = written

    def full(descriptor: int, content: memoryview, offset: int) -> int:
        nonlocal room
        if room == 0:
            raise OSError(error, os.strerror(error))
        done = pwrite(descriptor, content[:room], offset)
        room -= done
        return done

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StoreError, match="stays unread"):
        store.project()
    assert store.ledger.unmarked(case(1).account) == []
    monkeypatch.undo()
    assert store.project() == ProjectionReport(2)
    assert cases(folder) == ONE + TWO


def test_short_writes_are_continued(folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store.ledger, case(1), case(2))
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, content, offset: pwrite(fd, content[:3], offset))
    assert store.project() == ProjectionReport(2)
    assert cases(folder) == ONE + TWO


def test_a_failed_sync_stops_the_run_and_the_next_one_writes_again(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store.ledger, case(1))
    store.project()
    add(store.ledger, case(2, answer=reply(2)))

    def failing(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StoreError, match="syncing"):
        store.project()
    monkeypatch.undo()
    with pytest.raises(StoreError, match="syncing"):
        store.project()
    assert store.ledger.due_replies(after(days=1)) == []
    store.close()
    written: list[bytes] = []
    pwrite = os.pwrite

    def noted(descriptor: int, content: memoryview, offset: int) -> int:
        written.append(bytes(content))
        return pwrite(descriptor, content, offset)

    monkeypatch.setattr(os, "pwrite", noted)
    with open_store(folder) as again:
        assert again.project() == ProjectionReport(1)
    assert written == [TWO]
    assert cases(folder) == ONE + TWO


def test_places_are_durable_before_bytes_and_bytes_before_projected(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    add(store.ledger, *(case(n) for n in range(1, 51)))

    def watch(target: object, name: str, event: str) -> None:
        watched = getattr(target, name)

        def noting(*given: object) -> object:
            events.append(event)
            return watched(*given)

        monkeypatch.setattr(target, name, noting)

    watch(os, "pwrite", "write")
    watch(os, "fsync", "sync")
    watch(store.ledger, "place", "place")
    watch(store.ledger, "projected", "done")
    store.project()
    assert events == ["sync", "place", "write", "sync", "done"]  # the first sync: the folder of a new file
    events.clear()
    add(store.ledger, *(case(n) for n in range(51, 101)))
    store.project()
    assert events == ["place", "write", "sync", "done"]


@pytest.mark.parametrize("name", ["cases.jsonl", "followups.jsonl"])
def test_a_link_in_place_of_a_file_is_not_followed(
    tmp_path: Path, folder: Path, store: Store, name: str
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    (folder / name).symlink_to(outside)
    add(store.ledger, case(1), follow_up(11, of=1))
    with pytest.raises(StoreError):
        store.project()
    assert outside.read_bytes() == b"precious"
