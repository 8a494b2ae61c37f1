"""The key is made once, private, and never half."""

import os
import stat
from pathlib import Path

import pytest

from emailint.errors import StoreError
from emailint.store import open_store
from emailint.store.secret_key import load_secret_key
from tests.unit.store.making import add, case


def test_it_is_made_once(tmp_path: Path) -> None:
    key = load_secret_key(tmp_path)
    assert len(key) == 32
    assert (tmp_path / "secret.key").read_bytes() == key
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert load_secret_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_another_store_has_another_key(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert load_secret_key(tmp_path) != load_secret_key(tmp_path / "other")


@pytest.mark.parametrize("call", ["pwrite", "fsync", "rename"])
def test_a_death_while_it_is_made_leaves_no_half_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def dying(*given: object, **named: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, call, dying)
    with pytest.raises(KeyboardInterrupt):
        load_secret_key(tmp_path)
    monkeypatch.undo()
    assert not (tmp_path / "secret.key").exists()
    assert len(load_secret_key(tmp_path)) == 32
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_damaged_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret.key").write_bytes(content)
    (tmp_path / "secret.key").chmod(0o600)
    with pytest.raises(StoreError, match="damaged"):
        load_secret_key(tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_read_is_refused(tmp_path: Path, mode: int) -> None:
    load_secret_key(tmp_path)
    (tmp_path / "secret.key").chmod(mode)
    with pytest.raises(StoreError, match="read by others") as failure:
        load_secret_key(tmp_path)
    assert failure.value.hint.startswith("chmod 600")


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "else").write_bytes(b"x" * 32)
    (tmp_path / "secret.key").symlink_to(tmp_path / "else")
    with pytest.raises(StoreError, match="symbolic link"):
        load_secret_key(tmp_path)


def test_a_lost_key_is_made_anew_with_a_warning(folder: Path) -> None:
    with open_store(folder) as store:
        assert store.warnings == ()
        add(store.ledger, case(1))
    (folder / "secret.key").unlink()
    with open_store(folder) as store:
        assert "made anew" in store.warnings[0]
        assert store.project().warnings == store.warnings
    with open_store(folder) as store:
        assert store.warnings == ()
