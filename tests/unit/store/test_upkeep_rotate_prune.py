"""`store rotate` and `store prune`: what they take away, and what they never forget."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emailint.errors import UsageError
from emailint.store import open_store
from emailint.store.records import Disposition, Hook, Journal
from emailint.store.upkeep import pruning
from emailint.store.upkeep.mend_errors import UNFINISHED
from emailint.store.upkeep.rotate import rotate as rotate_files
from emailint.store.upkeep.verify import verify
from emailint.sweep import upkeep
from emailint.sweep.clock import SystemClock
from tests.support import kept_store
from tests.support.memory import letter

if TYPE_CHECKING:
    from emailint.config.model import Config
    from emailint.store.upkeep.prune import PrunePlan

YEARS = timedelta(days=730)


class Later(SystemClock):
    """Three years from now."""

    def now(self) -> datetime:
        return super().now() + timedelta(days=1095)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return kept_store.build(tmp_path)


def clean(config: Config) -> bool:
    found = verify(config.store).findings.kept
    assert found == []
    return True


def files(config: Config, name: str) -> list[str]:
    return sorted(path.name for path in config.store.glob(f"{name}*"))


def records(config: Config) -> list[dict[str, Any]]:
    """All cases, rotated files first."""
    names = sorted(files(config, "cases.jsonl"), key=lambda name: (name == "cases.jsonl", name))
    lines = b"".join((config.store / name).read_bytes() for name in names).splitlines()
    return [json.loads(line) for line in lines]


# Rotate


def test_rotated_files_are_what_they_were(config: Config) -> None:
    before = (config.store / "cases.jsonl").read_bytes()
    inode = (config.store / "cases.jsonl").stat().st_ino
    done = upkeep.rotate(config)
    assert [each.name for each in done] == ["cases.jsonl", "followups.jsonl", "errors.jsonl"]
    rotated = config.store / done[0].new_name
    assert (rotated.read_bytes(), rotated.stat().st_ino) == (before, inode)
    assert not (config.store / "cases.jsonl").exists()
    assert clean(config)


def test_each_case_is_in_one_file(tmp_path: Path, config: Config) -> None:
    wanted = records(config)
    for number in range(60, 63):
        upkeep.rotate(config)
        kept_store.deliver(tmp_path, number, letter(number))
        result = kept_store.sweep(config)
        assert (result.totals.cases, result.trouble) == (1, False)
    assert len(files(config, "cases.jsonl")) == 4
    found = records(config)
    assert found[: len(wanted)] == wanted
    assert [case["case_id"] for case in found] == [f"CS-{number:06d}" for number in range(1, 9)]
    assert clean(config)


def test_a_place_that_was_recorded_is_found_after_a_rotation(config: Config) -> None:
    """A run died after it had recorded where the last line goes; half of it was written."""
    path = config.store / "cases.jsonl"
    content = path.read_bytes()
    whole = content[: content.rstrip(b"\n").rfind(b"\n") + 1]
    path.write_bytes(content[:-100])
    with sqlite3.connect(config.store / "ledger.db") as connection:
        connection.execute(
            "UPDATE line SET projected = 0, file = ?, offset = ?"
            " WHERE id = (SELECT max(id) FROM line WHERE journal = 'cases.jsonl')",
            (f"1:{path.stat().st_ino}", len(whole)),
        )
        connection.execute("DELETE FROM journal WHERE name = 'cases.jsonl'")
    connection.close()
    upkeep.rotate(config)
    (name,) = files(config, "cases.jsonl")
    assert (config.store / name).read_bytes() == content
    assert clean(config)


def test_only_what_is_larger(config: Config) -> None:
    size = (config.store / "followups.jsonl").stat().st_size
    done = upkeep.rotate(config, larger_than=size)
    assert [each.name for each in done] == ["cases.jsonl"]
    assert upkeep.rotate(config, larger_than=10**9) == []


def test_rotating_twice_in_one_second_covers_no_file(tmp_path: Path) -> None:
    now = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)
    for octets in (b"one\n", b"two\n", b"three\n"):
        (tmp_path / "cases.jsonl").write_bytes(octets)
        rotate_files(tmp_path, now)
    names = [f"cases.jsonl.20261124T180005Z{end}" for end in ("", "-2", "-3")]
    assert [(tmp_path / name).read_bytes() for name in names] == [b"one\n", b"two\n", b"three\n"]
    assert rotate_files(tmp_path, now) == []


def test_files_that_were_packed_under_a_dated_name_are_not_missed(tmp_path: Path, config: Config) -> None:
    """logrotate with dateext and compress, at once."""
    path = config.store / "cases.jsonl"
    (config.store / "cases.jsonl-20261124.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    kept_store.deliver(tmp_path, 60, letter(60))
    result = kept_store.sweep(config)
    assert (result.totals.cases, result.trouble) == (1, False)
    with open_store(config.store, reserve=0) as store:
        assert {error.trouble.kind for error in store.ledger.errors()} == {"held"}
    assert clean(config)


# Prune


def prune(config: Config, older_than: timedelta = YEARS) -> PrunePlan:
    plan, done = upkeep.prune(config, older_than, confirm=lambda _plan: True, clock=Later())
    assert done
    return plan


@pytest.mark.parametrize("at_once", [1, 3, 500])
def test_what_old_cases_say_is_gone_everywhere(
    config: Config, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(pruning, "AT_ONCE", at_once)
    plan = prune(config)
    assert (plan.cases, plan.follow_ups, plan.waiting) == (4, 2, 1)
    assert clean(config)
    left = b"".join(path.read_bytes() for path in config.store.rglob("*") if path.is_file())
    for gone in (b"Question 1", b"Question 7", b"bob@example.com", b"Please help"):
        assert gone not in left, gone
    assert left.count(b"%PDF") == 1, "of the held mail"
    assert left.count(b"See the slip") == held(config).count(b"See the slip")
    assert [case["case_id"] for case in records(config)] == ["CS-000005"], "it is quarantined and waits"
    assert files(config, "followups.jsonl") == []


def test_no_sweep_misses_a_file_of_which_nothing_was_left(tmp_path: Path, config: Config) -> None:
    prune(config)
    with open_store(config.store, reserve=0) as store:
        assert store.ledger.end_of(Journal.FOLLOW_UPS) is None
    kept_store.deliver(tmp_path, 60, letter(60))
    kept_store.deliver(tmp_path, 61, letter(61, headers="In-Reply-To: <60@example.com>\n"))
    result = kept_store.sweep(config)
    assert (result.totals.cases, result.totals.follow_ups, result.trouble) == (1, 1, False)
    with open_store(config.store, reserve=0) as store:
        assert {error.trouble.kind for error in store.ledger.errors()} == {"held"}


def test_a_case_of_which_a_command_is_still_to_be_told_stays(tmp_path: Path, config: Config) -> None:
    hooked = replace(config, hooks={"on_case": ("/bin/false",)})
    kept_store.deliver(tmp_path, 60, letter(60))
    kept_store.sweep(hooked)
    aged(config)
    assert prune(config).waiting == 2
    assert len(records(config)) == 2
    with open_store(config.store, reserve=0) as store:
        (call,) = store.ledger.due_calls(Hook.ON_CASE, datetime.now(UTC) + timedelta(hours=1), 9)
        store.ledger.call_failed(call, None)
    prune(config)
    assert len(records(config)) == 1
    with open_store(config.store, reserve=0) as store:
        assert store.ledger.calls() == {}


def held(config: Config) -> bytes:
    return b"".join(path.read_bytes() for path in (config.store / "hold").glob("*.eml"))


def test_nothing_is_forgotten_by_which_mail_is_known(config: Config) -> None:
    before = kept_store.tables(config.store)
    prune(config)
    after = kept_store.tables(config.store)
    for name in ("locus", "reference", "meta", "kept"):
        assert after[name] == before[name], name
    assert [row[:7] for row in after["message"]] == [row[:7] for row in before["message"]]
    assert [row[:5] for row in after["reply"]] == [(*row[:5],) for row in before["reply"]]


def test_old_mail_that_comes_back_makes_no_case(tmp_path: Path, config: Config) -> None:
    prune(config)
    before = records(config)
    kept_store.unread_all(tmp_path)
    for number, raw in enumerate(kept_store.MAILS):
        kept_store.deliver(tmp_path, 100 + number, raw)  # other places, the same mail
    totals = kept_store.sweep(config).totals
    assert totals.already_known == totals.listed > len(kept_store.MAILS)
    assert records(config) == before
    assert clean(config)
    aged(config)
    kept_store.deliver(tmp_path, 60, letter(60))
    kept_store.sweep(config)
    prune(config)
    assert len(list((config.store / "attachments").glob("[!.]*"))) == 1, "of the held mail"


def test_an_answer_makes_a_case_that_names_the_old_one(tmp_path: Path, config: Config) -> None:
    own = next(row[4] for row in kept_store.tables(config.store)["reply"] if "CS-000002" in row[4])
    prune(config)
    aged(config)
    kept_store.deliver(tmp_path, 60, letter(60, headers=f"In-Reply-To: {own}\n"))
    kept_store.deliver(tmp_path, 61, letter(61, headers="References: <3@example.com>\n"))
    assert kept_store.sweep(config).totals.cases == 2
    assert [(case["case_id"], case.get("related_case")) for case in records(config)[1:]] == [
        ("CS-000006", "CS-000002"),
        ("CS-000007", "CS-000003"),
    ]
    assert clean(config)


def aged(config: Config) -> None:
    """All cases are as old as `Later` takes them for."""
    with sqlite3.connect(config.store / "ledger.db") as connection:
        connection.execute("UPDATE message SET created_at = created_at - 1095 * 86400 * 1000000")
    connection.close()


def test_younger_cases_and_foreign_lines_stay(tmp_path: Path, config: Config) -> None:
    aged(config)
    kept_store.deliver(tmp_path, 60, letter(60))
    kept_store.sweep(config)
    path = config.store / "cases.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"by hand\n", *lines[1:], b"half"]))
    reader = path.open("rb")
    whole = path.read_bytes()
    plan, _ = upkeep.prune(config, YEARS, confirm=lambda _plan: True)
    assert plan.cases == 4
    (name,) = files(config, "cases.jsonl")
    assert (config.store / name).read_bytes() == b"by hand\n" + b"".join(lines[4:]) + b"half"
    assert reader.read() == whole, "whoever reads it goes on"
    reader.close()
    kept_store.deliver(tmp_path, 61, letter(61))
    assert kept_store.sweep(config).totals.cases == 1


def test_a_case_that_was_followed_up_lately_is_kept_whole(tmp_path: Path, config: Config) -> None:
    aged(config)
    with sqlite3.connect(config.store / "ledger.db") as connection:
        connection.execute(
            "UPDATE message SET created_at = created_at + 1000 * 86400 * 1000000"
            " WHERE disposition = 'follow_up' AND case_id = 'CS-000002'"
        )
    connection.close()
    plan, _ = upkeep.prune(config, YEARS, confirm=lambda _plan: True)
    assert (plan.cases, plan.follow_ups) == (3, 1)
    assert [case["case_id"] for case in records(config)] == ["CS-000002", "CS-000005"]
    assert clean(config)


def test_a_file_is_durable_before_it_takes_the_place_of_another(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut after the rename must not find an empty file."""
    done: list[tuple[str, str]] = []
    fsync, rename = os.fsync, os.rename

    def syncing(descriptor: int) -> None:
        done.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        fsync(descriptor)

    def renaming(old: str, new: str, **where: int) -> None:
        done.append(("rename", old))
        rename(old, new, **where)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "rename", renaming)
    prune(config)
    renamed = done.index(("rename", UNFINISHED))
    assert ("fsync", UNFINISHED) in done[:renamed]
    assert ("fsync", "data") in done[renamed:]


def test_packed_files_are_pruned_too(config: Config) -> None:
    lines = (config.store / "cases.jsonl").read_bytes().splitlines(keepends=True)
    (config.store / "cases.jsonl.1.gz").write_bytes(gzip.compress(b"".join([*lines[:2], b"by hand\n"])))
    (config.store / "cases.jsonl").write_bytes(b"".join(lines[2:]))
    prune(config)
    assert gzip.decompress((config.store / "cases.jsonl.1.gz").read_bytes()) == b"by hand\n"


def test_attachments_of_what_was_ignored_go_too(config: Config) -> None:
    with sqlite3.connect(config.store / "ledger.db") as connection:
        connection.execute("UPDATE message SET disposition = 'ignored' WHERE disposition = 'held'")
        connection.execute(
            "UPDATE kept SET settled = 1 WHERE row IN (SELECT row FROM message WHERE disposition = 'ignored')"
        )
    connection.close()
    prune(config)
    assert list((config.store / "attachments").glob("[!.]*")) == []
    assert list((config.store / "hold").glob("*.eml")) == []
    assert clean(config)


def test_octets_of_mail_that_was_decided_go(config: Config) -> None:
    with sqlite3.connect(config.store / "ledger.db") as connection:
        connection.execute(
            "DELETE FROM kept WHERE row IN (SELECT row FROM message WHERE disposition = 'held')"
        )
        connection.execute("UPDATE message SET disposition = 'ignored' WHERE disposition = 'held'")
    connection.close()
    prune(config)
    assert list((config.store / "hold").glob("*.eml")) == []
    assert clean(config)


@pytest.mark.parametrize("state", ["pending", "sending"])
def test_a_case_whose_reply_waits_is_kept(config: Config, state: str) -> None:
    with sqlite3.connect(config.store / "ledger.db") as connection:
        connection.execute(
            "UPDATE reply SET state = ? WHERE row = (SELECT row FROM message WHERE case_id = 'CS-000001'"
            " AND disposition = 'case')",
            (state,),
        )
    connection.close()
    plan = prune(config)
    assert (plan.cases, plan.waiting) == (3, 2)


def test_a_reply_in_doubt_keeps_its_case_while_its_error_is_open(config: Config) -> None:
    with open_store(config.store, reserve=0) as store:
        (reply,) = (each for each in store.ledger.replies_of("CS-000002") if each.state == "sent")
    with sqlite3.connect(config.store / "ledger.db") as connection:
        connection.execute("UPDATE reply SET state = 'sending' WHERE row = ?", (reply.row,))
    connection.close()
    kept_store.sweep(config)
    with open_store(config.store, reserve=0) as store:
        assert store.ledger.replies_of("CS-000002")[0].state == "unknown"
        errors = [each for each in store.ledger.errors() if each.trouble.case_id == "CS-000002"]
    assert prune(config).cases == 3
    with open_store(config.store, reserve=0) as store:
        store.ledger.close_errors([each.error_id for each in errors], datetime.now(UTC))
    assert prune(config).cases == 1
    assert clean(config)


def test_a_reply_that_failed_is_not_tried_after_its_case_is_gone(config: Config) -> None:
    with sqlite3.connect(config.store / "ledger.db") as connection:
        connection.execute("UPDATE reply SET state = 'failed', reason = 'refused' WHERE state = 'sent'")
    connection.close()
    prune(config)
    with open_store(config.store, reserve=0) as store:
        assert store.ledger.failed_replies() == []


def test_held_and_quarantined_mail_is_kept(config: Config) -> None:
    prune(config)
    with open_store(config.store, reserve=0) as store:
        for disposition in (Disposition.HELD, Disposition.QUARANTINED):
            assert len(store.ledger.waiting(disposition)) == 1
    assert held(config) == kept_store.MAILS[6]
    assert len(list((config.store / "quarantine").glob("*.eml"))) == 1


def test_errors_that_are_closed_and_old_are_forgotten(config: Config) -> None:
    (line,) = (config.store / "errors.jsonl").read_bytes().splitlines(keepends=True)
    other = line.replace(json.loads(line)["error_id"].encode(), b"E-00000001")
    (config.store / "errors.jsonl").write_bytes(other + line + b"torn")
    plan = prune(config)
    assert plan.errors == 0
    (name,) = files(config, "errors.jsonl")
    assert (config.store / name).read_bytes() == line + b"torn", "an open error, and what is not ours"


def test_nothing_is_old_enough(config: Config) -> None:
    before = kept_store.content(config.store)
    plan, done = upkeep.prune(config, YEARS, confirm=lambda _plan: True)
    assert plan.idle
    assert not done
    assert kept_store.content(config.store) == before


def test_nothing_is_done_unless_agreed(config: Config) -> None:
    before = (kept_store.content(config.store), kept_store.tables(config.store))
    plan, done = upkeep.prune(config, YEARS, confirm=lambda _plan: False, clock=Later())
    assert (plan.cases, done) == (4, False)
    assert (kept_store.content(config.store), kept_store.tables(config.store)) == before


def test_pruning_again_finds_nothing(config: Config) -> None:
    prune(config)
    plan, done = upkeep.prune(config, YEARS, confirm=lambda _plan: True, clock=Later())
    assert (plan.cases, done) == (0, False)


def test_cases_that_may_be_followed_up_are_never_pruned(config: Config) -> None:
    with pytest.raises(UsageError, match="90 days"):
        upkeep.prune(config, timedelta(days=89), confirm=lambda _plan: True)
    shorter = replace(config, follow_up_max_age=timedelta(days=1))
    upkeep.prune(shorter, timedelta(days=89), confirm=lambda _plan: True)
