"""`store verify` on stores of which one thing is wrong: it is found, where it is, and nothing else is."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import sqlite3
from typing import TYPE_CHECKING, NoReturn

import pytest

from emailint.errors import StoreError
from emailint.store import RunLock, open_store
from emailint.store.records import Disposition, Journal
from emailint.store.upkeep import siblings
from emailint.store.upkeep.findings import SHOWN, Finding, Findings
from emailint.store.upkeep.verify import verify
from emailint.store.upkeep.verify_lines import line_findings
from tests.support import kept_store
from tests.unit.store import making

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from emailint.store.upkeep.siblings import Sibling


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("well")
    return kept_store.build(folder).store


@pytest.fixture
def store(well: Path, tmp_path: Path) -> Path:
    """A copy of a store that is well."""
    shutil.copytree(well, tmp_path / "data")
    return tmp_path / "data"


def found(store: Path) -> list[tuple[str, str]]:
    """Kind and place of what does harm."""
    return [(each.kind, each.where) for each in verify(store).findings.kept if not each.harmless]


def snapshot(store: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(store.rglob("*"))
        if path.is_file()
    }


def test_a_store_that_is_well(store: Path) -> None:
    before = snapshot(store)
    result = verify(store)
    assert result.findings.kept == []
    assert (result.cases, result.follow_ups) == (kept_store.CASES, kept_store.FOLLOW_UPS)
    assert snapshot(store) == before


def test_where_there_is_no_store_yet(tmp_path: Path) -> None:
    assert verify(tmp_path / "none").cases == 0
    assert not (tmp_path / "none").exists()


def lines(store: Path, name: str = "cases.jsonl") -> list[bytes]:
    return (store / name).read_bytes().splitlines(keepends=True)


def put(store: Path, content: list[bytes], name: str = "cases.jsonl") -> None:
    (store / name).write_bytes(b"".join(content))


def line_is_gone(store: Path) -> None:
    content = lines(store)
    put(store, [*content[:1], *content[3:]])


def foreign_line(store: Path) -> None:
    content = lines(store)
    put(store, [*content[:1], b"by hand\n", *content[1:]])


def torn_line(store: Path) -> None:
    content = lines(store)
    put(store, [*content, content[0][:40]])


def changed_line(store: Path) -> None:
    content = lines(store)
    put(store, [content[0].replace(b"Question 1", b"Question 9"), *content[1:]])


def twice(store: Path) -> None:
    content = lines(store)
    put(store, [*content, content[2]])


def out_of_order(store: Path) -> None:
    first, second, *others = lines(store)
    put(store, [second, first, *others])


def no_row(store: Path) -> None:
    content = lines(store)
    put(store, [*content, content[2].replace(b"CS-000003", b"CS-000077")])


def follow_up_is_gone(store: Path) -> None:
    put(store, lines(store, "followups.jsonl")[:1], "followups.jsonl")


def attachment(store: Path) -> Path:
    return next(path for path in (store / "attachments").rglob("*.pdf") if named(store, path))


def named(store: Path, path: Path) -> bool:
    return (
        path.name.encode() in (store / "cases.jsonl").read_bytes()
        and path.parent.name.encode() in (store / "cases.jsonl").read_bytes()
    )


def attachment_is_gone(store: Path) -> None:
    attachment(store).unlink()


def attachment_is_shorter(store: Path) -> None:
    attachment(store).write_bytes(b"%PDF")


def attachment_is_another(store: Path) -> None:
    attachment(store).write_bytes(attachment(store).read_bytes()[::-1])


def attachment_is_a_link(store: Path) -> None:
    path = attachment(store)
    path.rename(store / "elsewhere")
    path.symlink_to(store / "elsewhere")


def extra_file(store: Path) -> None:
    attachment(store).with_name("002-more.txt").write_bytes(b"x")


def extra_folder(store: Path) -> None:
    (store / "attachments" / ("a" * 64)).mkdir()


def stray_file(store: Path) -> None:
    (store / "attachments" / "notes.txt").write_bytes(b"x")


def unfinished(store: Path) -> None:
    (store / "attachments" / ".unfinished").mkdir(exist_ok=True)
    path = store / "attachments" / ".unfinished" / "0123"
    path.write_bytes(b"x")
    os.utime(path, (1, 1))


def octets_without_row(store: Path) -> None:
    (store / "hold" / f"{'b' * 64}.eml").write_bytes(b"x")


def octets_are_gone(store: Path) -> None:
    next((store / "hold").glob("*.eml")).unlink()


def quarantine_is_gone(store: Path) -> None:
    next((store / "quarantine").glob("*.eml")).unlink()


def error_line(store: Path) -> None:
    put(store, [*lines(store, "errors.jsonl"), b'{"error_id":"E-1"'], "errors.jsonl")


def key_is_gone(store: Path) -> None:
    (store / "secret.key").unlink()


def key_is_open(store: Path) -> None:
    (store / "secret.key").chmod(0o644)


def change(*statements: str) -> Callable[[Path], None]:
    """Alter the ledger by hand."""

    def changing(store: Path) -> None:
        with sqlite3.connect(store / "ledger.db") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    return changing


UNWRITTEN = (
    "UPDATE line SET projected = 0 WHERE row = (SELECT row FROM message WHERE case_id = 'CS-000004')",
    "UPDATE reply SET begun_at = 1",
    "UPDATE locus SET marked = 1",
)
WRONG: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "line is gone": (line_is_gone, ["line_missing cases.jsonl"]),
    "foreign line": (foreign_line, ["foreign_line cases.jsonl:2"]),
    "torn line": (torn_line, ["torn_line cases.jsonl:6"]),
    "changed line": (changed_line, ["changed_line cases.jsonl:1", "line_missing cases.jsonl"]),
    "twice": (twice, ["line_twice cases.jsonl:6"]),
    "out of order": (out_of_order, ["line_out_of_order cases.jsonl:2"]),
    "no row": (no_row, ["line_without_row cases.jsonl:6"]),
    "follow-up is gone": (follow_up_is_gone, ["line_missing followups.jsonl"]),
    "attachment is gone": (attachment_is_gone, ["attachment ATTACHMENT"]),
    "attachment is shorter": (attachment_is_shorter, ["attachment ATTACHMENT"]),
    "attachment is another": (attachment_is_another, ["attachment ATTACHMENT"]),
    "attachment is a link": (attachment_is_a_link, ["attachment ATTACHMENT"]),
    "extra file": (extra_file, ["stray ATTACHED/002-more.txt"]),
    "extra folder": (extra_folder, [f"stray attachments/{'a' * 64}"]),
    "stray file": (stray_file, ["stray attachments/notes.txt"]),
    "unfinished": (unfinished, ["unfinished attachments/.unfinished/0123"]),
    "octets without row": (octets_without_row, [f"octets hold/{'b' * 64}.eml"]),
    "octets are gone": (octets_are_gone, ["octets_missing HELD"]),
    "quarantine is gone": (quarantine_is_gone, ["octets_missing QUARANTINED"]),
    "error line": (error_line, ["errors_line errors.jsonl:2"]),
    "key is gone": (key_is_gone, ["secret_key secret.key"]),
    "key is open": (key_is_open, ["secret_key secret.key"]),
    "case number": (
        change("UPDATE meta SET value = 4 WHERE name = 'case_number'"),
        ["case_number ledger.db CS-000005"],
    ),
    "row without line": (
        change("DELETE FROM line WHERE row = (SELECT row FROM message WHERE case_id = 'CS-000005')"),
        ["line_without_row cases.jsonl:5", "no_line ledger.db CS-000005"],
    ),
    "held and not noted": (
        change("DELETE FROM kept WHERE row = (SELECT row FROM message WHERE disposition = 'held')"),
        ["waits_for_nobody ledger.db FINGERPRINT"],
    ),
    "beyond its state": (
        change(*UNWRITTEN),
        ["marked_early ledger.db CS-000004", "answered_early ledger.db CS-000004"],
    ),
    "line in the ledger altered": (
        change("UPDATE line SET content = CAST(replace(CAST(content AS TEXT),"
            " 'Question 2', 'Question 3') AS BLOB)"),
        ["changed_line cases.jsonl:2", "line_missing cases.jsonl"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_each_thing_that_is_wrong(store: Path, name: str) -> None:
    path = str(attachment(store).relative_to(store))
    held, quarantined = (
        str(next((store / part).glob("*.eml")).relative_to(store)) for part in ("hold", "quarantine")
    )
    spoil, expected = WRONG[name]
    spoil(store)
    before = snapshot(store)
    said = [f"{kind} {where}" for kind, where in found(store)]
    assert snapshot(store) == before
    said = [word[: word.index("1:")] + "FINGERPRINT" if " 1:" in word else word for word in said]
    told = [
        word.replace("ATTACHMENT", path)
        .replace("ATTACHED", path.rpartition("/")[0])
        .replace("HELD", held)
        .replace("QUARANTINED", quarantined)
        for word in expected
    ]
    assert said == told


def test_each_finding_says_what_to_do(store: Path) -> None:
    for spoil in (attachment_is_gone, line_is_gone, stray_file, key_is_gone):
        spoil(store)
    for each in verify(store).findings.kept:
        assert each.cure
        assert each.what


def test_lines_that_are_missing_together_are_one_finding(store: Path) -> None:
    line_is_gone(store)
    (finding,) = verify(store).findings.kept
    assert finding.what == "2 lines are missing, from CS-000002 to CS-000003"


def test_findings_of_a_kind_are_counted_beyond_so_many(store: Path) -> None:
    put(store, [*lines(store), *[b"by hand\n"] * (SHOWN + 5)])
    findings = verify(store).findings
    assert (len(findings.kept), findings.more, findings.grave) == (SHOWN, {"foreign_line": 5}, SHOWN + 5)


def test_harmless_findings_do_not_count() -> None:
    findings = Findings()
    findings.add(Finding("line_waits", "cases.jsonl", "waits", "wait", harmless=True))
    assert findings.grave == 0


@pytest.mark.parametrize("pack", [None, gzip.compress])
def test_rotated_and_packed_files_are_read(store: Path, pack: Callable[[bytes], bytes] | None) -> None:
    content = lines(store)
    put(store, content[3:])
    older, newer = b"".join(content[:1]), b"".join(content[1:3])
    (store / "cases.jsonl.1").write_bytes(newer)
    (store / ("cases.jsonl.2.gz" if pack else "cases.jsonl.2")).write_bytes(pack(older) if pack else older)
    assert found(store) == []


@pytest.mark.parametrize("name", ["cases.jsonl.1.gz", "followups.jsonl.1.zst"])
def test_a_file_that_cannot_be_unpacked_stops_it(store: Path, name: str) -> None:
    (store / name).write_bytes(b"\x1f\x8bnot really packed")
    with pytest.raises(StoreError, match=name):
        verify(store)


@pytest.mark.parametrize("octets", [b"no database", b"SQLite format 3\0" + b"\xff" * 5000, None])
def test_a_ledger_that_cannot_be_used(store: Path, octets: bytes | None) -> None:
    path = store / "ledger.db"
    if octets is None:
        path.unlink()
    else:
        path.write_bytes(octets)
    with pytest.raises(StoreError) as refused:
        verify(store)
    assert "emailint store rebuild" in refused.value.hint


def test_a_damaged_page_is_found(store: Path) -> None:
    with (store / "ledger.db").open("r+b") as file:
        file.seek(5 * 4096)
        file.write(os.urandom(8 * 4096))
    with pytest.raises(StoreError, match="damaged"):
        verify(store)


def test_another_host_s_store_is_refused(store: Path) -> None:
    with pytest.raises(StoreError, match="belongs to the host"):
        verify(store, host="elsewhere")


# While a sweep runs


@pytest.fixture
def sweeping(store: Path) -> Iterator[Path]:
    with RunLock(store).acquire(["payroll"], "c", 0.0):
        yield store


def test_what_a_sweep_does_meanwhile_is_left_out(sweeping: Path) -> None:
    with open_store(sweeping, reserve=0) as store:
        making.add(store.ledger, making.case(6))
        (sweeping / "attachments" / ("c" * 64)).mkdir()
        result = verify(sweeping)
        assert result.findings.kept == []
        assert result.sweep is not None
        assert result.cases == kept_store.CASES + 1
        store.project()
    assert verify(sweeping).findings.kept == []


def test_lines_that_wait_after_a_run_died_do_no_harm(store: Path) -> None:
    with open_store(store, reserve=0) as opened:
        making.add(opened.ledger, making.case(6))
    (finding,) = verify(store).findings.kept
    assert (finding.kind, finding.harmless) == ("line_waits", True)


def test_lines_written_after_the_ledger_was_read(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that commits and projects between the look at the ledger and that at the files."""

    def meanwhile(*given: object, **named: object) -> object:
        with open_store(store, reserve=0) as opened:
            making.add(opened.ledger, making.case(6), making.follow_up(7, of=6))
            opened.project()
        return line_findings(*given, **named)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr("emailint.store.upkeep.verify.line_findings", meanwhile)
    assert found(store) == []
    monkeypatch.undo()
    assert found(store) == []
    assert verify(store).cases == kept_store.CASES + 1


def test_octets_of_mail_that_was_decided_meanwhile_do_no_harm(store: Path) -> None:
    with open_store(store, reserve=0) as opened:
        (waiting,) = opened.ledger.waiting(Disposition.HELD)
        with opened.ledger.transaction() as batch:
            batch.replace(waiting.known, making.without_line(1, Disposition.IGNORED))
    (finding,) = verify(store).findings.kept
    assert (finding.kind, finding.harmless) == ("octets_left", True)


def test_all_of_both_journals_is_looked_at(store: Path) -> None:
    for journal in Journal:
        put(store, [], journal)
    assert found(store) == [("line_missing", journal.value) for journal in Journal]


def test_a_file_that_may_not_be_read_is_not_taken_for_a_bad_packing(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_folder: Path, _sibling: Sibling) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(siblings, "opened", refused)
    with pytest.raises(StoreError, match=r"cases\.jsonl cannot be read: Permission denied") as caught:
        verify(store)
    assert "owner of the store" in caught.value.hint
