import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from emailint.store import Store, open_store


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory where there is such a place: syncing costs nothing there, and its order is the same."""
    memory = Path("/dev/shm")  # noqa: S108  the folder in it is made safely
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as path:
        yield Path(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a store is to be; not made yet."""
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """An open, empty store."""
    with open_store(folder) as opened:
        yield opened
