"""Files of a first configuration: nothing is overwritten, and what fails leaves nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from emailint.config.create import Creation
from emailint.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        with Creation() as creation:
            creation.file(tmp_path / "x.secret", b"geheim\n")
    finally:
        os.umask(before)
    assert (tmp_path / "x.secret").read_bytes() == b"geheim\n"
    assert (tmp_path / "x.secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("what", ["file", "link", "dangling", "folder"])
def test_nothing_that_is_there_is_touched(tmp_path: Path, what: str) -> None:
    there, other = tmp_path / "there", tmp_path / "other"
    other.write_text("mine")
    if what == "file":
        there.write_text("mine")
    elif what == "folder":
        there.mkdir()
    else:
        there.symlink_to(other if what == "link" else tmp_path / "nowhere")

    def make() -> None:
        with Creation() as creation:
            creation.file(tmp_path / "first", b"x")
            creation.file(there, b"x")

    with pytest.raises(UsageError, match="there already"):
        make()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "there"]
    assert other.read_text() == "mine"
    assert what != "file" or there.read_text() == "mine"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("no"), SystemExit(1)])
def test_what_ends_early_leaves_nothing_of_its_own(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "old").mkdir()
    creation = Creation()

    def make() -> None:
        with creation:
            creation.folder(tmp_path / "old" / "new" / "newer")
            creation.file(tmp_path / "old" / "new" / "a", b"x")
            raise error

    with pytest.raises(type(error)):
        make()
    assert list(tmp_path.rglob("*")) == [tmp_path / "old"]
    assert creation.kept == []


def test_what_cannot_be_taken_away_is_told(tmp_path: Path) -> None:
    def make_and_fail(creation: Creation) -> None:
        with creation:
            creation.folder(tmp_path / "new")
            (tmp_path / "new" / "of somebody else").write_text("x")
            raise OSError

    creation = Creation()
    with pytest.raises(OSError):  # noqa: PT011 - the very one that was raised
        make_and_fail(creation)
    assert creation.kept == [tmp_path / "new"]
