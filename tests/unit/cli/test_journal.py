"""Reading cases as they lie in the store: whole lines, rotated files, nothing else."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from emailint.cli import journal
from emailint.cli.journal import Wanted, newest, number_of, read
from emailint.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path


def line(number: int, **fields: Any) -> bytes:
    case = {"case_id": f"CS-{number:06d}", "created_at": f"2026-11-24T18:00:{number:02d}Z"}
    return json.dumps(case | {"integration": "payroll", "kind": "person"} | fields).encode() + b"\n"


ALL = Wanted()


def numbers(store: Path, wanted: Wanted = ALL) -> list[int | None]:
    """As they are read from the beginning; from the end they are the same ones."""
    found = list(read(store, wanted))
    assert list(newest(store, wanted)) == found[::-1]
    return [number_of(str(case["case_id"])) for _, case in found]


def test_no_store_and_no_file_are_no_cases(tmp_path: Path) -> None:
    assert numbers(tmp_path) == []
    assert numbers(tmp_path / "missing") == []


def test_only_whole_lines_that_are_cases_are_read(tmp_path: Path) -> None:
    foreign = b'half a line\n[1]\n"CS-000009"\n{"other": 1}\n\xff\xfe\n\n'
    torn = line(4)[:-1]
    (tmp_path / "cases.jsonl").write_bytes(line(1) + foreign + line(2) + b"\0" * 9 + b"\n" + line(3) + torn)
    assert numbers(tmp_path) == [1, 2, 3]


def test_rotated_files_are_read_in_the_order_of_their_cases(tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl").write_bytes(line(9))
    (tmp_path / "cases.jsonl.1").write_bytes(line(5) + line(6))
    (tmp_path / "cases.jsonl-20261101.gz").write_bytes(gzip.compress(line(1) + line(2)))
    (tmp_path / "cases.jsonl.old").mkdir()
    (tmp_path / "followups.jsonl").write_bytes(line(7))
    assert numbers(tmp_path) == [1, 2, 5, 6, 9]


def test_lines_come_as_they_are(tmp_path: Path) -> None:
    stored = b'{"case_id" : "CS-000001",  "subject":"\\ud83d"}\n'
    (tmp_path / "cases.jsonl").write_bytes(stored)
    assert [raw for raw, _ in read(tmp_path, ALL)] == [stored]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (ALL, [1, 2, 3]),
        (Wanted(integration="payroll"), [1, 3]),
        (Wanted(integration="nobody"), []),
        (Wanted(kind="list"), [3]),
        (Wanted(after=1), [2, 3]),
        (Wanted(after=3), []),
        (Wanted(since=datetime(2026, 11, 24, 18, 0, 2, tzinfo=UTC)), [2, 3]),
        (Wanted(since=datetime(2026, 11, 24, 18, 0, 2, tzinfo=UTC), kind="person"), [2]),
    ],
)
def test_what_is_wanted(wanted: Wanted, found: list[int], tmp_path: Path) -> None:
    lines = [line(1), line(2, integration="desk"), line(3, kind="list")]
    (tmp_path / "cases.jsonl").write_bytes(b"".join(lines))
    assert numbers(tmp_path, wanted) == found


@pytest.mark.parametrize(
    ("case_id", "number"),
    [
        ("CS-000042", 42),
        ("HR2-1000000", 1_000_000),
        ("42", None),
        ("CS-", None),
        ("CS-1-2", None),
        ("", None),
    ],
)
def test_number_of(case_id: str, number: int | None) -> None:
    assert number_of(case_id) == number


def test_what_cannot_be_read_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl.gz").write_bytes(gzip.compress(line(1))[:-9])
    with pytest.raises(StoreError, match=r"cases\.jsonl\.gz cannot be read"):
        numbers(tmp_path)


@pytest.mark.parametrize("block", [1, 2, 7, 90, 65_536])
def test_from_the_end_in_blocks_of_any_size(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "BLOCK", block)
    (tmp_path / "cases.jsonl").write_bytes(
        b"\n" + line(1) + b"\n\nforeign\n" + line(2) + line(3) + line(4)[:-1]
    )
    assert numbers(tmp_path) == [1, 2, 3]
    (tmp_path / "cases.jsonl").write_bytes(line(1) + line(2))
    assert numbers(tmp_path) == [1, 2]


def test_the_newest_cost_their_own_lines_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "BLOCK", 256)
    (tmp_path / "cases.jsonl").write_bytes(b"".join(line(number % 60) for number in range(5_000)))
    parsed = 0
    real = journal._parsed

    def counted(raw: bytes) -> object:
        nonlocal parsed
        parsed += 1
        return real(raw)

    monkeypatch.setattr(journal, "_parsed", counted)
    assert len(list(islice(newest(tmp_path, ALL), 20))) == 20
    assert parsed <= 22


def test_what_is_much_older_than_asked_for_is_not_read(tmp_path: Path) -> None:
    stamps = ["2026-11-20T00:00:00Z", "2026-11-24T12:00:00Z", "2026-11-24T06:00:00Z", "2026-11-24T13:00:00Z"]
    cases = [line(number, created_at=stamp) for number, stamp in enumerate(stamps, 1)]
    (tmp_path / "cases.jsonl").write_bytes(cases[1] + cases[0] + cases[1] + cases[2] + cases[3])
    wanted = Wanted(since=datetime(2026, 11, 24, 11, tzinfo=UTC))
    assert [case["case_id"] for _, case in newest(tmp_path, wanted)] == ["CS-000004", "CS-000002"]
