"""Everything in a store is its owner's alone, whatever the umask; what its owner opened stays as it is."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from emailint.errors import StoreError
from tests.guarantees.test_escapes import hostile_mails
from tests.support.hostile import assert_private_and_ours
from tests.support.memory import letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.desk import Desk
    from tests.support.world import World


@pytest.fixture(params=[0o000, 0o022, 0o027, 0o077, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_store_is_private_whatever_the_umask(world: World, umask: int) -> None:
    for raw in hostile_mails("payroll@example.org"):
        world.source.deliver(raw)
    world.source.deliver(letter(1, to="nobody@example.org"))
    world.sweep()
    assert_private_and_ours(world.folder)
    world.retry(held=True)
    assert_private_and_ours(world.folder)


def test_a_store_of_a_real_run_is_private_while_it_runs(desk: Desk) -> None:
    """SQLite makes files of its own beside the ledger; they are looked at while a run dies with them."""
    desk.installation.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    desk.mailbox.deliver(letter(1))
    desk.mailbox.deliver(letter(2, sender="p2@example.com"))
    before = os.umask(0)
    try:
        died = desk.faulty("emailint.sources.imap:ImapSource.mark_read", "before", "SIGKILL")
    finally:
        os.umask(before)
    assert died.returncode < 0
    store = desk.installation.folder / "data"
    names = {path.name for path in store.iterdir()}
    assert {"ledger.db", "ledger.db-wal", "ledger.db-shm", "lock", "secret.key"} <= names
    assert {path.name: mode(path) for path in store.iterdir() if path.is_file() and mode(path) != 0o600} == {}
    assert {mode(path) for path in [store, *store.rglob("*")] if path.is_dir()} == {0o700}


def test_what_its_owner_opened_to_readers_stays_open(desk: Desk) -> None:
    """Other programs read the lines, maybe as other users; what is secret must stay so."""
    desk.mailbox.deliver(letter(1))
    desk.sweep()
    store = desk.installation.folder / "data"
    store.chmod(0o750)
    (store / "cases.jsonl").chmod(0o640)
    desk.mailbox.deliver(letter(2, sender="p2@example.com"))
    desk.sweep()
    assert (mode(store), mode(store / "cases.jsonl"), mode(store / "ledger.db")) == (0o750, 0o640, 0o600)
    (store / "secret.key").chmod(0o644)
    with pytest.raises(StoreError, match=r"secret\.key"):
        desk.sweep()
    (store / "secret.key").chmod(0o600)
    store.chmod(0o777)
    with pytest.raises(StoreError, match="everybody may write"):
        desk.sweep()
