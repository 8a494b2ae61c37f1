"""Look-ups, and the index behind them: made anew only when the file changed, never half, never stale."""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from emailint.directory import index
from emailint.directory.lookup import IndexedDirectory, open_directory
from emailint.directory.model import NOBODY, Organisation, Person
from emailint.directory.reading import Reading
from emailint.errors import DirectoryError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

HEAD = "type,id,name,workspace,work_address,private_address,address,domains,client_number,changed_at\n"
PEOPLE = HEAD + (
    "employee,E-1,Ann,1201,ann@c.example,ann@home.example,,,,2026-01-01\n"
    "employee,E-2,Old Bob,1201,bob@c.example,,,,,2025-05-05T10:00:00+02:00\n"
    "employee,E-3,Bob,north,BOB@C.example,,,,,2026-02-02\n"
    "employee,E-4,Bob without date,1203,bob@c.example,,,,,\n"
    "employee,E-5,Nobody,1299,,,,,,\n"
    "contact,C-77,Ann,1202,,,Ann@c.example,,,\n"
    "contact,C-78,First,1202,,,twin@c.example,,,2026-01-01\n"
    "contact,C-79,Second,1203,,,twin@c.example,,,2026-01-01\n"
    "organisation,O-1,Corp,1201,,,,C.example corp.example,7,\n"
    "organisation,O-2,North,north,,,,c.example,,\n"
    "organisation,O-3,Digits,0042,,,,d.example;e.example,,\n"
)


OPENED: list[IndexedDirectory] = []


def opened(path: Path, where: Path | None, *, keep: bool = True) -> IndexedDirectory:
    OPENED.append(open_directory(path, where, keep=keep))
    return OPENED[-1]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE, encoding="utf-8")
    return path


@pytest.fixture
def where(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store" / "directory.index"


def test_employees_the_one_changed_last_first(source: Path, where: Path) -> None:
    directory = opened(source, where)
    assert directory.employees("Bob@c.Example") == [
        Person("E-3", "Bob", "north", datetime(2026, 2, 2, tzinfo=UTC)),
        Person("E-2", "Old Bob", 1201, datetime(2025, 5, 5, 8, tzinfo=UTC)),
        Person("E-4", "Bob without date", 1203, None),
    ]


@pytest.mark.parametrize("address", ["ann@c.example", "ANN@home.example"])
def test_employees_by_work_and_private_address(source: Path, where: Path, address: str) -> None:
    assert [each.id for each in opened(source, where).employees(address)] == ["E-1"]


def test_contacts_of_equal_changes_the_later_row_first(source: Path, where: Path) -> None:
    directory = opened(source, where)
    assert [each.id for each in directory.contacts("twin@c.example")] == ["C-79", "C-78"]
    assert directory.contacts("ann@C.example") == [Person("C-77", "Ann", 1202)]
    assert directory.contacts("bob@c.example") == []


def test_organisations_by_domain_and_number(source: Path, where: Path) -> None:
    directory = opened(source, where)
    corp, north = Organisation("O-1", "Corp", 1201), Organisation("O-2", "North", "north")
    assert directory.organisations("C.EXAMPLE") == [corp, north]
    assert directory.organisations("corp.example") == [corp]
    assert [each.id for each in directory.organisations("e.example")] == ["O-3"]
    assert directory.organisations("mail.corp.example") == []
    assert directory.clients("7") == [corp]
    assert directory.clients("O-1") == []
    assert directory.clients("O-2") == [north]


def test_workspaces_and_who_is_known(source: Path, where: Path) -> None:
    directory = opened(source, where)
    assert [directory.has_workspace(each) for each in (1201, "north", 42, 1299)] == [True] * 4
    assert [directory.has_workspace(each) for each in ("1201", "North", 9, "")] == [False] * 4
    assert [directory.knows(each) for each in ("ANN@home.example", "twin@c.example")] == [True] * 2
    assert [directory.knows(each) for each in ("x@c.example", "", "c.example")] == [False] * 3
    assert directory.trouble is None


def test_nobody_knows_nobody() -> None:
    assert [
        *NOBODY.employees("a@x"),
        *NOBODY.contacts("a@x"),
        *NOBODY.organisations("x"),
        *NOBODY.clients("1"),
    ] == []
    assert not NOBODY.knows("a@x")
    assert not NOBODY.has_workspace(1)


def test_nothing_is_read_before_the_first_question(tmp_path: Path) -> None:
    directory = opened(tmp_path / "missing.csv", tmp_path / "nowhere" / "directory.index")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DirectoryError, match=r"missing\.csv: it cannot be read or indexed .* stays unread"):
        directory.knows("a@x")


def test_the_index_is_private_and_nothing_else_is_left(source: Path, where: Path) -> None:
    (where.parent / "directory.index.0badcafe.new").write_text("of a builder that was killed")
    assert opened(source, where).knows("ann@c.example")
    assert list(where.parent.iterdir()) == [where]
    assert stat.S_IMODE(where.stat().st_mode) == 0o600


def test_the_index_is_made_anew_only_when_the_file_has_changed(
    source: Path, where: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Path] = []
    original = index.build

    def build(path: Path, stamp: index.Stamp, target: Path | None) -> sqlite3.Connection:
        built.append(path)
        return original(path, stamp, target)

    monkeypatch.setattr(index, "build", build)
    for _ in range(3):
        assert opened(source, where).knows("ann@c.example")
    assert len(built) == 1
    # the same size and time of change, as a copy that keeps times would leave it
    times = source.stat()
    source.write_text(PEOPLE.replace("ann@c.example", "eve@c.example"), encoding="utf-8")
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert opened(source, where).knows("eve@c.example")
    assert len(built) == 2
    aside = source.with_name("new.csv")
    aside.write_text(HEAD + "employee,E-9,Zoe,1,zoe@c.example,,,,,\n", encoding="utf-8")
    aside.replace(source)
    directory = opened(source, where)
    assert (directory.knows("zoe@c.example"), directory.knows("eve@c.example")) == (True, False)
    assert len(built) == 3


def test_one_object_sees_one_state(source: Path, where: Path) -> None:
    before = opened(source, where)
    assert before.knows("ann@c.example")
    source.write_text(HEAD + "employee,E-9,Zoe,1,zoe@c.example,,,,,\n", encoding="utf-8")
    assert opened(source, where).knows("zoe@c.example")
    assert (before.knows("ann@c.example"), before.knows("zoe@c.example")) == (True, False)


WRONG = [
    ("a wrong row", PEOPLE + "employee,,x,1,,,,,,\n", r"people\.csv:13  id  is empty"),
    ("emptied", "", r"people\.csv:1  \(file\)  has no column `type`"),
    ("a wrong column", "type,id,workspace,phone\n", r"people\.csv:1  \(file\)  unknown column `phone`"),
    ("gone", None, "No such file"),
]


@pytest.mark.parametrize(("text", "told"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_broken_file_keeps_the_last_good_state(
    source: Path, where: Path, text: str | None, told: str
) -> None:
    assert opened(source, where).knows("ann@c.example")
    if text is None:
        source.unlink()
    else:
        source.write_text(text, encoding="utf-8")
    directory = opened(source, where)
    assert directory.knows("ann@c.example")
    trouble = directory.trouble
    assert isinstance(trouble, DirectoryError)
    assert trouble.hint == "run: emailint check"
    with pytest.raises(DirectoryError, match=told):
        raise trouble
    assert str(trouble).endswith("; its last good state is used")
    assert list(where.parent.iterdir()) == [where]
    source.write_text(PEOPLE, encoding="utf-8")
    assert opened(source, where).trouble is None


@pytest.mark.parametrize(("text", "told"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_broken_file_without_a_good_state_raises(
    source: Path, where: Path, text: str | None, told: str
) -> None:
    if text is None:
        source.unlink()
    else:
        source.write_text(text, encoding="utf-8")
    directory = opened(source, where)
    for question in (
        lambda: directory.knows("a@x"),
        lambda: directory.employees("a@x"),
        lambda: directory.clients("1"),
    ):
        with pytest.raises(DirectoryError, match=told):
            question()
    assert str(directory.trouble).endswith("; no mail is taken, all of it stays unread")
    assert list(where.parent.iterdir()) == []


def test_the_state_of_another_file_never_serves(source: Path, where: Path) -> None:
    assert opened(source, where).knows("ann@c.example")
    with pytest.raises(DirectoryError, match="other"):
        opened(source.with_name("other.csv"), where).knows("ann@c.example")


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\x00 and no more", b"x" * 10_000])
def test_a_damaged_index_is_made_anew(source: Path, where: Path, damage: bytes) -> None:
    where.write_bytes(damage)
    directory = opened(source, where)
    assert directory.knows("ann@c.example")
    assert directory.trouble is None
    assert opened(source, where, keep=False).knows("ann@c.example")


def test_an_index_of_another_format_is_made_anew(
    source: Path, where: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened(source, where).knows("ann@c.example")
    inode = where.stat().st_ino
    monkeypatch.setattr(index, "FORMAT", index.FORMAT + 1)
    assert opened(source, where).knows("ann@c.example")
    assert where.stat().st_ino != inode


def test_an_index_that_cannot_be_written(source: Path, tmp_path: Path) -> None:
    directory = opened(source, tmp_path / "no" / "directory.index")
    with pytest.raises(DirectoryError, match="cannot be read or indexed"):
        directory.knows("ann@c.example")
    assert isinstance(directory.trouble, DirectoryError)


def test_a_disk_that_is_full(source: Path, where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(source, where).knows("ann@c.example")
    source.write_text(PEOPLE + "employee,E-9,Zoe,1,zoe@c.example,,,,,\n", encoding="utf-8")
    monkeypatch.setattr(index, "_TABLES", f"PRAGMA max_page_count = 2;{index._TABLES}")
    directory = opened(source, where)
    assert directory.knows("ann@c.example")
    assert not directory.knows("zoe@c.example")
    assert re.search(r"its index cannot be written \(.*full\); its last good state", str(directory.trouble))
    assert list(where.parent.iterdir()) == [where]


def test_an_index_that_is_damaged_inside_is_told_and_made_anew_the_next_time(
    source: Path, where: Path
) -> None:
    assert opened(source, where).trouble is None
    size = where.stat().st_size
    with where.open("r+b") as stream:
        stream.seek(8_192)
        stream.write(b"\xff" * (size - 8_192))
    with opened(source, where) as directory, pytest.raises(DirectoryError, match="cannot be read") as caught:
        directory.employees("bob@c.example")
    assert str(caught.value).endswith("stays unread")
    assert len(opened(source, where).employees("bob@c.example")) == 3


def test_without_keep_nothing_is_written(source: Path, where: Path) -> None:
    assert opened(source, where, keep=False).knows("ann@c.example")
    assert opened(source, None, keep=False).knows("ann@c.example")
    assert list(where.parent.iterdir()) == []
    assert opened(source, where).knows("ann@c.example")
    before = where.read_bytes()
    source.write_text(HEAD + "employee,E-9,Zoe,1,zoe@c.example,,,,,\n", encoding="utf-8")
    assert opened(source, where, keep=False).knows("zoe@c.example")
    assert where.read_bytes() == before


@pytest.mark.parametrize("known", [True, False])
def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_time(
    source: Path, where: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    if known:
        assert opened(source, where).knows("ann@c.example")
    source.write_text(HEAD + "employee,E-9,Zoe,1,zoe@c.example,,,,,\n", encoding="utf-8")

    def reading(path: Path) -> Reading:
        with path.open("a") as stream:
            stream.write("employee,E-10,Max,1,max@c.example,,,,,\n")
        return Reading(path)

    monkeypatch.setattr(index, "Reading", reading)
    directory = opened(source, where)
    if known:
        assert directory.knows("ann@c.example")
        assert directory.trouble is None
    else:
        with pytest.raises(DirectoryError, match="changed while it was read"):
            directory.knows("zoe@c.example")
    monkeypatch.undo()
    assert opened(source, where).knows("max@c.example")


def test_many_threads_build_once_and_agree(source: Path, where: Path) -> None:
    directory = opened(source, where)
    found: list[object] = []

    def ask() -> None:
        found.extend((len(directory.employees("bob@c.example")), directory.knows("x@x")) for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(3, False)] * 400


def test_a_closed_directory_opens_again(source: Path, where: Path) -> None:
    directory = opened(source, where)
    assert directory.knows("ann@c.example")
    directory.close()
    source.write_text(HEAD + "employee,E-9,Zoe,1,zoe@c.example,,,,,\n", encoding="utf-8")
    assert directory.knows("zoe@c.example")
    directory.close()


def test_look_ups_do_not_grow_with_the_file(tmp_path: Path, where: Path) -> None:
    many = 500_000 if os.environ.get("EMAILINT_SOAK") else 20_000
    source = tmp_path / "many.csv"
    with source.open("w", encoding="utf-8") as stream:
        stream.write(HEAD)
        for number in range(many):
            stream.write(
                f"employee,E-{number},Name {number},{number % 997},w{number}@c{number % 997}.example,"
            )
            stream.write(f"p{number}@home.example,,,,2026-01-01\n")
    assert opened(source, where).trouble is None
    begun = time.perf_counter()
    directory = opened(source, where)
    for number in range(0, many, many // 100):
        assert [each.id for each in directory.employees(f"P{number}@home.example")] == [f"E-{number}"]
        assert not directory.knows(f"x{number}@c.example")
    assert time.perf_counter() - begun < 1.0
