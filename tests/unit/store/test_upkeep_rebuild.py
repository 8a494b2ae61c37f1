"""`store rebuild`: whatever is lost, what is left makes it again, and no mail makes a second case."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from emailint.config.load import load
from emailint.errors import StoreError, UsageError
from emailint.store import open_store
from emailint.store.records import Disposition, Journal, ReplyState
from emailint.store.upkeep import restoring
from emailint.store.upkeep.compare import FileSeen
from emailint.store.upkeep.rebuild_plan import journal_plan
from emailint.store.upkeep.restored import REBUILT
from emailint.store.upkeep.siblings import Sibling
from emailint.store.upkeep.verify import verify
from emailint.sweep import upkeep
from emailint.sweep.orders import Order
from emailint.sweep.retry import retry
from tests.support import kept_store
from tests.support.memory import letter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.config.model import Config
    from emailint.store.upkeep.rebuild import Rebuilt
    from emailint.store.upkeep.rebuild_plan import Plan

DUE = 3


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "place"
    folder.mkdir()
    kept_store.build(folder)
    return folder


@pytest.fixture
def place(built: Path) -> Path:
    """The store where it was built (loci name the place), as it was after that."""
    spare = built.parent / "spare"
    if not spare.exists():
        shutil.copytree(built, spare)
    shutil.rmtree(built)
    shutil.copytree(spare, built)
    return built


@pytest.fixture
def config(place: Path) -> Config:
    return load(place / "integrations.yaml")


def clean(config: Config) -> bool:
    found = verify(config.store).findings.kept
    assert found == []
    return True


def replies(config: Config) -> dict[str, str]:
    return {row[4]: row[1] for row in kept_store.tables(config.store)["reply"]}


def sent(config: Config) -> int:
    return len(list((config.store.parent / "outbox").glob("*.eml")))


@pytest.fixture(autouse=True)
def _marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is marked once more, so that all of it is listed."""
    monkeypatch.setattr(restoring, "MARKED_ONCE_MORE", 0)


def nothing_new(config: Config, mails: int = len(kept_store.MAILS)) -> None:
    """Every mail set unread, and swept again: no case, no reply, nothing else held."""
    before, out = kept_store.content(config.store), sent(config)
    kept_store.unread_all(config.store.parent)
    result = kept_store.sweep(config)
    counts = result.totals
    assert counts.listed == mails
    assert (counts.cases, counts.follow_ups, counts.held) == (0, 0, 0)
    assert kept_store.content(config.store) == before
    assert sent(config) == out
    assert clean(config)


def test_a_store_that_is_well_is_left_alone(config: Config) -> None:
    before = (kept_store.tables(config.store), kept_store.content(config.store))
    result = kept_store.rebuild(config)
    assert result.plan.idle
    assert not result.done
    assert (kept_store.tables(config.store), kept_store.content(config.store)) == before


# The ledger is lost


def remove_ledger(store: Path) -> None:
    (store / "ledger.db").unlink()


def spoil_ledger(store: Path) -> None:
    (store / "ledger.db").write_bytes(b"no database at all" * 1000)


def damage_pages(store: Path) -> None:
    with (store / "ledger.db").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096 * 3)


def cut_ledger(store: Path) -> None:
    os.truncate(store / "ledger.db", 20 * 4096)


LOST = [remove_ledger, spoil_ledger, damage_pages, cut_ledger]


@pytest.mark.parametrize("lose", LOST)
def test_a_ledger_that_is_lost_or_damaged(config: Config, lose: Callable[[Path], None]) -> None:
    before, files = kept_store.tables(config.store), kept_store.content(config.store)
    lose(config.store)
    result = kept_store.rebuild(config)
    assert result.rows == kept_store.CASES + kept_store.FOLLOW_UPS
    assert clean(config)
    assert kept_store.content(config.store) == files
    after = kept_store.tables(config.store)
    for name in ("line", "meta", "kept"):
        assert after[name] == before[name], name
    lost = {row[1] for row in before["message"] if row[2] == "ignored"}
    held = {row[1] for row in before["message"] if row[2] == "held"}
    expected = [
        (*row[:6], None if row[1] in held else row[6], row[7])
        for row in before["message"]
        if row[1] not in lost
    ]
    assert after["message"] == sorted(expected, key=repr)
    assert set(after["reference"]) == {row for row in before["reference"] if row[1] not in lost | held}
    assert (result.aside is not None) == (lose is not remove_ledger)


@pytest.mark.parametrize("lose", LOST)
def test_nothing_in_the_mailbox_makes_a_second_case(config: Config, lose: Callable[[Path], None]) -> None:
    lose(config.store)
    kept_store.rebuild(config)
    nothing_new(config)


def test_the_fingerprint_alone_suffices(place: Path, config: Config) -> None:
    """The mailbox has moved: all places are new."""
    remove_ledger(config.store)
    kept_store.rebuild(config)
    (place / "maildir").rename(place / "moved")
    path = place / "integrations.yaml"
    path.write_text(path.read_text().replace("path: maildir", "path: moved"))
    before = kept_store.content(config.store)
    for mail in (place / "moved" / "cur").iterdir():
        mail.rename(place / "moved" / "new" / mail.name.partition(":")[0])
    result = kept_store.sweep(load(path))
    assert (result.totals.cases, result.totals.follow_ups, result.totals.held) == (0, 0, 0)
    assert kept_store.content(config.store) == before


def test_replies_that_were_due_are_unknown_and_never_sent(config: Config) -> None:
    before, out = replies(config), sent(config)
    remove_ledger(config.store)
    kept_store.rebuild(config)
    after = replies(config)
    assert {before[name] for name, state in after.items() if state == "unknown"} == {"sent"}
    assert after.keys() == before.keys()
    assert sorted(after.values()).count("unknown") == DUE
    for _ in range(2):
        kept_store.sweep(config)
    assert sent(config) == out == DUE
    assert replies(config) == after
    with sqlite3.connect(config.store / "ledger.db") as connection:
        begun = connection.execute("SELECT count(*) FROM reply WHERE begun_at IS NOT NULL").fetchone()
    connection.close()
    assert begun == (DUE,)


def test_an_answer_to_our_reply_is_still_a_follow_up(place: Path, config: Config) -> None:
    remove_ledger(config.store)
    kept_store.rebuild(config)
    own = next(name for name in replies(config) if "CS-000003" in name)
    answer = letter(50, sender="stranger@example.net", headers=f"In-Reply-To: {own}\n")
    kept_store.deliver(place, 50, answer)
    kept_store.deliver(place, 51, letter(51))
    totals = kept_store.sweep(config).totals
    assert (totals.follow_ups, totals.cases) == (1, 1)
    assert b'"CS-000006"' in (config.store / "cases.jsonl").read_bytes().splitlines()[-1]
    assert b'"CS-000003-1"' in (config.store / "followups.jsonl").read_bytes().splitlines()[-1]
    assert clean(config)


def test_held_mail_waits_again_and_can_be_decided(place: Path, config: Config) -> None:
    remove_ledger(config.store)
    result = kept_store.rebuild(config)
    assert result.held == 1
    path = place / "integrations.yaml"
    path.write_text(path.read_text().replace("unknown_sender: hold", "unknown_sender: accept"))
    with open_store(config.store, reserve=0) as store:
        (error,) = store.ledger.errors()
        assert error.trouble.kind == "held"
        assert len(store.ledger.waiting(Disposition.QUARANTINED)) == 1
    (retried,) = retry(load(path), Order((error.error_id,))).results
    assert (retried.outcome, retried.case_id) == ("case", "CS-000006")
    with open_store(config.store, reserve=0) as store:
        assert store.ledger.errors() == []
    assert clean(config)


def test_octets_that_cannot_be_ours_go_aside(config: Config) -> None:
    stranger = config.store / "hold" / f"{'0' * 64}.eml"
    stranger.write_bytes(b"From: x\n\ny\n")
    remove_ledger(config.store)
    result = kept_store.rebuild(config)
    assert result.held == 1
    assert result.aside is not None
    assert (result.aside / "hold" / stranger.name).read_bytes() == b"From: x\n\ny\n"
    assert clean(config)


def test_quarantined_octets_without_a_row_are_held(config: Config) -> None:
    """A sweep died after it kept them, and the mail was removed from the mailbox."""
    (octets,) = (config.store / "quarantine").glob("*.eml")
    with sqlite3.connect(config.store / "ledger.db") as connection:
        (row,) = connection.execute("SELECT row FROM message WHERE disposition = 'quarantined'").fetchone()
        for table in ("line", "reply", "kept", "locus", "reference", "message"):
            connection.execute(f"DELETE FROM {table} WHERE row = ?", (row,))  # noqa: S608  names of ours
    connection.close()
    content = (config.store / "cases.jsonl").read_bytes().splitlines(keepends=True)
    (config.store / "cases.jsonl").write_bytes(b"".join(content[:-1]))
    result = kept_store.rebuild(config)
    assert result.held == 1
    assert (config.store / "hold" / octets.name).read_bytes() == kept_store.UNREADABLE
    assert clean(config)


def test_rows_whose_octets_are_gone_wait_no_more(place: Path, config: Config) -> None:
    for part in ("hold", "quarantine"):
        next((config.store / part).glob("*.eml")).unlink()
    result = kept_store.rebuild(config)
    assert len(result.lost) == 2
    assert clean(config)
    kept_store.unread_all(place)
    assert kept_store.sweep(config).totals.held == 1, "taken again from its mailbox"


def test_a_mail_that_was_read_again_waits_no_more(config: Config) -> None:
    with open_store(config.store, reserve=0) as store:
        (waiting,) = store.ledger.waiting(Disposition.QUARANTINED)
        said = (config.store / "cases.jsonl").read_bytes().splitlines()[-1]
        head = b'{"schema":1,"case_id":"CS-000005","followup_id":"CS-000005-1","matched_by":"reread",'
        line = head + said.removeprefix(b'{"schema":1,"case_id":"CS-000005",') + b"\n"
        with store.ledger.transaction() as batch:
            batch.reread(waiting.known, line)
        store.project()
    before = kept_store.tables(config.store)
    remove_ledger(config.store)
    kept_store.rebuild(config)
    assert clean(config)
    after = kept_store.tables(config.store)
    assert after["line"] == before["line"]
    with open_store(config.store, reserve=0) as store:
        assert store.ledger.waiting(Disposition.QUARANTINED) == []
        with store.ledger.transaction() as batch:
            assert batch.next_follow_up_number("CS-000005") == 2


def test_the_newest_mails_are_marked_once_more(
    place: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "MARKED_ONCE_MORE", 2)
    remove_ledger(config.store)
    kept_store.rebuild(config)
    kept_store.unread_all(place)
    kept_store.sweep(config)
    marked = sorted(path.name.partition(".")[0] for path in (place / "maildir" / "cur").iterdir())
    assert marked == ["3", "5", "6", "7", "8"], "two of the last lines, and what is known only by its content"


# The ledger is older than the lines


def test_an_older_ledger_gets_what_it_lacks(place: Path, config: Config) -> None:
    with sqlite3.connect(config.store / "ledger.db") as connection:
        connection.execute("UPDATE reply SET state = 'pending', begun_at = NULL WHERE state = 'sent'")
    connection.close()
    shutil.copy(config.store / "ledger.db", place / "backup.db")
    kept_store.deliver(place, 60, letter(60))
    kept_store.sweep(config)
    path = place / "integrations.yaml"
    path.write_text(path.read_text().replace("unknown_sender: hold", "unknown_sender: accept"))
    retry(load(path), Order(held=True))
    before, out = kept_store.tables(config.store), sent(config)
    shutil.copy(place / "backup.db", config.store / "ledger.db")
    with pytest.raises(StoreError, match="does not know the last line"):
        kept_store.sweep(config)
    result = kept_store.rebuild(config)
    assert (result.rows, result.doubted) == (2, DUE)
    assert clean(config)
    after = kept_store.tables(config.store)
    for name in ("message", "line", "meta"):
        assert after[name] == before[name], name
    assert {row[1] for row in after["reply"]} == {"unknown", "withheld"}
    assert result.aside is not None
    assert (result.aside / "ledger.db").stat().st_mode & 0o777 == 0o600
    nothing_new(config, len(kept_store.MAILS) + 1)
    assert sent(config) == out


def _before_they_were_sent(config: Config) -> None:
    """The ledger as it was between the cases and their replies; its lines are all that there are."""
    with sqlite3.connect(config.store / "ledger.db") as connection:
        connection.execute("UPDATE reply SET state = 'pending', begun_at = NULL WHERE state = 'sent'")
        connection.execute("DELETE FROM meta WHERE name = 'replies_begun'")
    connection.close()


def test_an_older_ledger_that_lacks_no_line_sends_no_reply_again(config: Config) -> None:
    out = sent(config)
    _before_they_were_sent(config)
    for _ in range(2):
        with pytest.raises(StoreError, match="fewer replies than were begun"):
            kept_store.sweep(config)
    (found,) = verify(config.store).findings.kept
    assert (found.kind, found.harmless) == ("old_ledger", False)
    result = kept_store.rebuild(config)
    assert (result.rows, result.doubted, result.plan.unknown_replies) == (0, DUE, DUE)
    assert clean(config)
    assert set(replies(config).values()) == {"unknown", "withheld"}
    assert kept_store.rebuild(config).plan.idle
    nothing_new(config)
    assert sent(config) == out


def test_a_ledger_made_anew_is_no_old_one_but_that_of_before_is(place: Path, config: Config) -> None:
    _before_they_were_sent(config)
    shutil.copy(config.store / "ledger.db", place / "backup.db")
    remove_ledger(config.store)
    kept_store.rebuild(config)
    kept_store.sweep(config)
    shutil.copy(place / "backup.db", config.store / "ledger.db")
    with pytest.raises(StoreError, match="fewer replies than were begun"):
        kept_store.sweep(config)


def test_without_what_the_lock_says_no_ledger_is_an_old_one(config: Config) -> None:
    (config.store / "lock").unlink()
    kept_store.sweep(config)
    assert clean(config)
    _before_they_were_sent(config)
    with pytest.raises(StoreError, match="fewer replies than were begun"):
        kept_store.sweep(config)


def test_two_mails_with_one_case_id_make_no_third(place: Path, config: Config) -> None:
    """After a loss somebody swept on with an empty store, and put the old lines back beside the new."""
    old = {name: (config.store / name).read_bytes() for name in Journal}
    for name in ("ledger.db", "cases.jsonl", "followups.jsonl", "lock"):
        (config.store / name).unlink()
    kept_store.deliver(place, 70, letter(70))
    kept_store.sweep(config)
    for name, content in old.items():
        (config.store / f"{name}.1").write_bytes(content)
    result = kept_store.rebuild(config)
    assert any("two mails" in each for each in result.lost)
    assert clean(config)
    kept_store.unread_all(place)
    totals = kept_store.sweep(config).totals
    assert totals.cases == 0
    assert clean(config)


def test_lines_out_of_order_are_put_in_order(config: Config) -> None:
    first, second, *others = (config.store / "cases.jsonl").read_bytes().splitlines(keepends=True)
    (config.store / "cases.jsonl").write_bytes(b"".join([second, first, *others]))
    remove_ledger(config.store)
    kept_store.rebuild(config)
    assert (config.store / "cases.jsonl").read_bytes() == b"".join([first, second, *others])
    assert clean(config)


def test_the_log_of_an_earlier_ledger_is_not_taken_for_that_of_the_new_one(config: Config) -> None:
    """It is valid, and SQLite would bring it home into whatever lies beside it."""
    ledger = config.store / "ledger.db"
    connection = sqlite3.connect(ledger)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("UPDATE message SET created_at = 0, participants = 'a longer text than it was'")
    connection.commit()
    log = (config.store / "ledger.db-wal").read_bytes()
    connection.close()
    ledger.unlink()
    (config.store / "ledger.db-wal").write_bytes(log)
    result = kept_store.rebuild(config)
    assert clean(config)
    assert "a longer text" not in str(kept_store.tables(config.store))
    assert result.aside is not None
    assert (result.aside / "ledger.db-wal").read_bytes() == log
    nothing_new(config)


def seen(name: str, last: int, *, well: bool = True) -> FileSeen:
    return FileSeen(Sibling(name, 1, 100, 0.0), lines=1, well=well, last=last)


CURRENT = "cases.jsonl"


@pytest.mark.parametrize(
    ("files", "missing", "keep", "go", "after", "lines"),
    [
        ([], 0, [], [], 0, 0),
        ([seen(CURRENT, 3)], 0, [CURRENT], [], 3, 0),
        ([seen(CURRENT, 3)], 2, [CURRENT], [], 3, 2),
        ([seen("cases.jsonl.1", 3), seen(CURRENT, 6)], 0, ["cases.jsonl.1", CURRENT], [], 6, 0),
        ([seen("cases.jsonl.1", 3), seen(CURRENT, 6, well=False)], 1, ["cases.jsonl.1"], [CURRENT], 3, 2),
        ([seen("cases.jsonl.1", 3, well=False), seen(CURRENT, 6)], 1, [], ["cases.jsonl.1", CURRENT], 0, 3),
        ([seen(CURRENT, 3), seen("cases.jsonl.1", 6)], 1, [], [CURRENT, "cases.jsonl.1"], 0, 3),
        ([seen("cases.jsonl.1", 3)], 1, ["cases.jsonl.1"], [], 3, 1),
    ],
)
def test_which_files_stay(
    files: list[FileSeen], missing: int, keep: list[str], go: list[str], after: int, lines: int
) -> None:
    plan = journal_plan(Journal.CASES, files, missing, Counter())
    assert (list(plan.keep), list(plan.go), plan.after, plan.lines) == (keep, go, after, lines)
    assert plan.idle == (not go and not lines)


# Lines of integrations that are not configured


def rename(place: Path, name: str, path: str = "maildir") -> Config:
    file = place / "integrations.yaml"
    text = (
        file.read_text().replace("name: payroll", f"name: {name}").replace("path: maildir", f"path: {path}")
    )
    file.write_text(text)
    return load(file)


def test_a_renamed_integration_is_known_by_its_account(place: Path, config: Config) -> None:
    remove_ledger(config.store)
    renamed = rename(place, "wages")
    kept_store.rebuild(renamed)
    nothing_new(renamed)


def test_one_that_is_gone_must_be_named(place: Path, config: Config) -> None:
    remove_ledger(config.store)
    renamed = rename(place, "wages", "elsewhere")
    with pytest.raises(UsageError, match="'payroll'") as refused:
        kept_store.rebuild(renamed)
    assert "--mailbox payroll=ADDRESS" in refused.value.hint
    assert not (config.store / "ledger.db").exists()
    kept_store.rebuild(renamed, former={"payroll": "Payroll@Example.org"})
    (place / "maildir").rename(place / "elsewhere")
    for mail in (place / "elsewhere" / "cur").iterdir():
        mail.rename(place / "elsewhere" / "new" / mail.name.partition(":")[0])
    assert kept_store.sweep(renamed).totals.cases == 0


def test_one_scope_for_all_mailboxes(place: Path, config: Config) -> None:
    path = place / "integrations.yaml"
    path.write_text("dedupe: global\n" + path.read_text())
    remove_ledger(config.store)
    kept_store.rebuild(load(path))
    assert {row[0] for row in kept_store.tables(config.store)["message"]} == {""}
    kept_store.unread_all(place)
    totals = kept_store.sweep(load(path)).totals
    assert (totals.cases, totals.follow_ups, totals.held) == (0, 0, 0)
    assert clean(config)


# The lines are lost


def cut(store: Path) -> None:
    os.truncate(store / "cases.jsonl", 700)


def remove(store: Path) -> None:
    (store / "cases.jsonl").unlink()


def empty(store: Path) -> None:
    os.truncate(store / "cases.jsonl", 0)


def zeros(store: Path) -> None:
    with (store / "cases.jsonl").open("r+b") as file:
        file.write(b"\0" * 600)


def foreign(store: Path) -> None:
    content = (store / "cases.jsonl").read_bytes().splitlines(keepends=True)
    (store / "cases.jsonl").write_bytes(b"".join([content[0], b"by hand\n", *content[1:]]))


def doubled(store: Path) -> None:
    with (store / "cases.jsonl").open("ab") as file:
        file.write((store / "cases.jsonl").read_bytes())


def half_a_line(store: Path) -> None:
    with (store / "cases.jsonl").open("ab") as file:
        file.write(b'{"schema":1,"case_id":"CS-0000')


def copied_and_cut(store: Path) -> None:
    """copytruncate, with a line lost between the two."""
    content = (store / "cases.jsonl").read_bytes().splitlines(keepends=True)
    (store / "cases.jsonl.1").write_bytes(b"".join(content[:2]))
    (store / "cases.jsonl").write_bytes(b"".join(content[3:]))


def both_files(store: Path) -> None:
    cut(store)
    (store / "followups.jsonl").unlink()


@pytest.mark.parametrize(
    "lose", [cut, remove, empty, zeros, foreign, doubled, half_a_line, copied_and_cut, both_files]
)
def test_lines_come_again_from_the_ledger_byte_for_byte(config: Config, lose: Callable[[Path], None]) -> None:
    wanted = {name: (config.store / name).read_bytes() for name in Journal}
    rows = kept_store.tables(config.store)
    lose(config.store)
    damaged = [path.read_bytes() for path in sorted(config.store.glob("cases.jsonl")) if path.stat().st_size]
    result = kept_store.rebuild(config)
    for journal in Journal:
        files = sorted(config.store.glob(f"{journal}*"), key=lambda path: -len(path.name))
        assert b"".join(path.read_bytes() for path in files) == wanted[journal]
    assert kept_store.tables(config.store) == rows
    assert clean(config)
    kept = [path.read_bytes() for path in (result.aside or config.store / "none").glob("cases.jsonl")]
    assert kept == damaged
    nothing_new(config)


def test_rotated_files_that_are_well_stay(config: Config) -> None:
    content = (config.store / "cases.jsonl").read_bytes().splitlines(keepends=True)
    (config.store / "cases.jsonl.2.gz").write_bytes(gzip.compress(content[0]))
    (config.store / "cases.jsonl.1").write_bytes(content[1])
    (config.store / "cases.jsonl").write_bytes(b"".join([*content[2:4], b"torn"]))
    inode = (config.store / "cases.jsonl.1").stat().st_ino
    kept_store.rebuild(config)
    assert (config.store / "cases.jsonl").read_bytes() == b"".join(content[2:])
    assert (config.store / "cases.jsonl.1").stat().st_ino == inode
    assert gzip.decompress((config.store / "cases.jsonl.2.gz").read_bytes()) == content[0]
    assert clean(config)


def test_a_line_that_waited_is_written_once(config: Config) -> None:
    """The backup of a ledger that had not noted yet that its last line was written."""
    with sqlite3.connect(config.store / "ledger.db") as connection:
        connection.execute(
            "UPDATE line SET projected = 0, file = '1:1' WHERE id = (SELECT max(id) FROM line)"
        )
    connection.close()
    before = (config.store / "cases.jsonl").read_bytes()
    (config.store / "errors.jsonl").write_bytes(b"torn")
    kept_store.rebuild(config)
    assert (config.store / "cases.jsonl").read_bytes() == before
    assert clean(config)


def test_errors_that_no_program_can_read_go_aside(config: Config) -> None:
    path = config.store / "errors.jsonl"
    before = path.read_bytes()
    path.write_bytes(b"torn\n" + before + b'{"half')
    result = kept_store.rebuild(config)
    assert path.read_bytes() == before
    assert result.aside is not None
    assert (result.aside / "errors.jsonl").read_bytes() == b"torn\n" + before + b'{"half'
    assert clean(config)


# Both are damaged


def test_the_union_of_what_is_left(place: Path, config: Config) -> None:
    """An older ledger, and lines of which the first are lost."""
    shutil.copy(config.store / "ledger.db", place / "backup.db")
    for number in range(60, 64):
        kept_store.deliver(place, number, letter(number))
    kept_store.sweep(config)
    wanted = (config.store / "cases.jsonl").read_bytes()
    shutil.copy(place / "backup.db", config.store / "ledger.db")
    lines = wanted.splitlines(keepends=True)
    (config.store / "cases.jsonl").write_bytes(lines[1][-50:] + b"".join(lines[2:]))
    kept_store.rebuild(config)
    assert (config.store / "cases.jsonl").read_bytes() == wanted
    nothing_new(config, len(kept_store.MAILS) + 4)


def test_lines_that_a_damaged_ledger_still_holds(config: Config) -> None:
    wanted = {name: (config.store / name).read_bytes() for name in Journal}
    with sqlite3.connect(config.store / "ledger.db") as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'reply_answered'"
        ).fetchone()
    connection.close()
    with (config.store / "ledger.db").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    for journal in Journal:
        (config.store / journal).unlink()
    with pytest.raises(StoreError, match="damaged"):
        verify(config.store)
    result = kept_store.rebuild(config)
    assert result.rows == kept_store.CASES + kept_store.FOLLOW_UPS
    assert {name: (config.store / name).read_bytes() for name in Journal} == wanted
    nothing_new(config)


def test_lines_beside_a_page_that_cannot_be_read(place: Path, config: Config) -> None:
    """One page of the table of lines is gone, and so are the files; all other lines come back."""
    for number in range(60, 90):
        kept_store.deliver(place, number, letter(number))
    kept_store.sweep(config)
    wanted = (config.store / "cases.jsonl").read_bytes().splitlines(keepends=True)
    octets = bytearray((config.store / "ledger.db").read_bytes())
    at = octets.find(b'"case_id":"CS-000020"') // 4096 * 4096
    octets[at : at + 4096] = b"\xff" * 4096
    (config.store / "ledger.db").write_bytes(octets)
    (config.store / "cases.jsonl").unlink()
    result = kept_store.rebuild(config)
    found = (config.store / "cases.jsonl").read_bytes().splitlines(keepends=True)
    assert len(wanted) - 8 <= len(found) < len(wanted)
    assert found == [line for line in wanted if line in found]
    assert any("case number" in each for each in result.lost)
    assert clean(config)
    kept_store.deliver(place, 95, letter(95))
    kept_store.sweep(config)
    last = (config.store / "cases.jsonl").read_bytes().splitlines()[-1]
    assert b'"CS-000036"' in last, "no number is given twice"


def test_what_nobody_knows_is_said_and_its_number_not_given_again(place: Path, config: Config) -> None:
    lines = (config.store / "cases.jsonl").read_bytes().splitlines(keepends=True)
    (config.store / "cases.jsonl").write_bytes(b"".join([*lines[:2], *lines[3:]]))
    remove_ledger(config.store)
    result = kept_store.rebuild(config)
    assert any("1 case number" in each for each in result.lost)
    assert clean(config)
    kept_store.deliver(place, 60, letter(60))
    assert kept_store.sweep(config).totals.cases == 1
    assert b'"CS-000006"' in (config.store / "cases.jsonl").read_bytes().splitlines()[-1]


def test_no_sweep_begins_while_a_rebuild_is_not_at_its_end(place: Path, config: Config) -> None:
    """It died between the old ledger and the new one, and there are no lines that say that there was one."""
    (config.store / ".rebuild").mkdir()
    (config.store / "ledger.db").rename(config.store / ".rebuild" / "ready.db")
    lines = {journal: (config.store / journal).read_bytes() for journal in Journal}
    for journal in Journal:
        (config.store / journal).unlink()
    with pytest.raises(StoreError, match="did not come to its end"):
        kept_store.sweep(config)
    kept_store.rebuild(config)
    assert {journal: (config.store / journal).read_bytes() for journal in Journal} == lines
    nothing_new(config)


# Before anything is done


def test_it_says_what_it_will_do_and_does_nothing_unless_agreed(config: Config) -> None:
    foreign(config.store)
    remove_ledger(config.store)
    before = kept_store.content(config.store)
    plans: list[Plan] = []

    def refuse(plan: Plan) -> bool:
        plans.append(plan)
        return False

    result: Rebuilt = upkeep.rebuild(config, confirm=refuse)
    assert not result.done
    assert kept_store.content(config.store) == before
    assert not (config.store / "ledger.db").exists()
    told = " ".join(plans[0].steps())
    assert "the ledger is missing" in told
    assert "7 lines" in told
    assert "cases.jsonl goes aside (1 foreign_line)" in told


def test_there_must_be_a_store(config: Config) -> None:
    with pytest.raises(StoreError, match="no store"):
        kept_store.rebuild(replace(config, store=config.store / "none"))


def test_another_host_s_ledger_is_left_alone(config: Config) -> None:
    with sqlite3.connect(config.store / "ledger.db") as connection:
        connection.execute("UPDATE meta SET value = 'elsewhere' WHERE name = 'host'")
    connection.close()
    cut(config.store)
    before = kept_store.content(config.store)
    with pytest.raises(StoreError, match="belongs to the host"):
        kept_store.rebuild(config)
    assert kept_store.content(config.store) == before


def test_states_of_replies_survive_when_only_lines_are_lost(config: Config) -> None:
    before = replies(config)
    remove(config.store)
    kept_store.rebuild(config)
    assert replies(config) == before
    assert ReplyState.UNKNOWN not in before.values()


def test_reasons_say_why_a_reply_is_in_doubt(config: Config) -> None:
    remove_ledger(config.store)
    kept_store.rebuild(config)
    reasons: set[Any] = {row[8] for row in kept_store.tables(config.store)["reply"] if row[1] == "unknown"}
    assert reasons == {REBUILT}
