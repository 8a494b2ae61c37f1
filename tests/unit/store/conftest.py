from collections.abc import Iterator
from pathlib import Path

import pytest

from emailint.store import Store, open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a store is to be; not made yet."""
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """An open, empty store."""
    with open_store(folder) as opened:
        yield opened
