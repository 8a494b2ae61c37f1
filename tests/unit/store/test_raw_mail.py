"""Octets of mail that waits for a person are durable before anything refers to them."""

import errno
import os
import stat
from pathlib import Path

import pytest

from emailint.errors import MessageError, StoreError
from emailint.store import Store
from tests.unit.store.making import key

RAW = b"From: a\r\n\r\n\0\xff body"


def test_what_is_kept_can_be_read_back_and_removed(store: Store) -> None:
    path = store.quarantine.keep(key(1), RAW)
    assert path == store.quarantine.path(key(1))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert store.quarantine.read(key(1)) == RAW
    assert store.quarantine.files() == [path]
    assert store.hold.files() == []
    store.quarantine.remove(key(1))
    store.quarantine.remove(key(1))
    with pytest.raises(MessageError, match="cannot be read"):
        store.quarantine.read(key(1))


def test_what_is_kept_already_stays(store: Store) -> None:
    store.hold.keep(key(1), RAW)
    store.hold.keep(key(1), b"with another Received header")
    assert store.hold.read(key(1)) == RAW


@pytest.mark.parametrize("call", ["open", "pwrite", "fsync", "rename"])
def test_a_failing_disk_leaves_nothing_half_written(
    store: Store, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    store.hold.keep(key(0), RAW)
    real = getattr(os, call)

    def failing(*given: object, **named: object) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, failing)
    with pytest.raises(StoreError, match="stays unread"):
        store.hold.keep(key(1), RAW)
    monkeypatch.setattr(os, call, real)
    assert len(store.hold.files()) == 1
    store.hold.keep(key(1), RAW)
    assert store.hold.read(key(1)) == RAW


def test_octets_and_name_are_synced_in_this_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.hold.keep(key(0), RAW)
    events: list[str] = []
    for name in ("pwrite", "fsync", "rename"):
        real = getattr(os, name)

        def noting(*given: object, name: str = name, real: object = real, **named: object) -> object:
            events.append(name)
            assert callable(real)
            return real(*given, **named)

        monkeypatch.setattr(os, name, noting)
    store.hold.keep(key(1), RAW)
    assert events == ["pwrite", "fsync", "rename", "fsync"]


def test_a_planted_link_is_not_followed(tmp_path: Path, store: Store) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    store.hold.path(key(1)).symlink_to(outside)
    with pytest.raises(StoreError):
        store.hold.keep(key(1), RAW)
    with pytest.raises(MessageError):
        store.hold.read(key(1))
    assert outside.read_bytes() == b"precious"
