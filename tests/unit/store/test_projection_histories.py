"""Whatever happens to the JSON lines, in whatever order: each case stands once, nothing else changes."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from emailint.errors import StoreError
from emailint.store import open_store
from tests.unit.store.making import add, case, line

MEMORY = Path("/dev/shm")  # noqa: S108  the folders in it are made safely
FOREIGN_HALF, FOREIGN_WHOLE = b"(half a foreign line %d", b"(a whole foreign line %d)\n"

STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 3)),
    st.tuples(st.just("project"), st.just(0)),
    st.tuples(st.just("dies after"), st.integers(0, 250)),
    st.tuples(st.just("sync fails"), st.just(0)),
    st.tuples(st.just("zeros"), st.integers(1, 120)),
    st.tuples(st.just("rotate"), st.just(0)),
    st.tuples(st.just("foreign half"), st.just(0)),
    st.tuples(st.just("foreign whole"), st.just(0)),
)


@contextmanager
def replaced(name: str, function: Callable[..., object]) -> Iterator[None]:
    real = getattr(os, name)
    setattr(os, name, function)
    try:
        yield
    finally:
        setattr(os, name, real)


class History:
    """A store folder, and what was done to it from outside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "cases.jsonl"
        self.cases = 0
        self.rotations = 0
        self.foreign: list[bytes] = []
        self.durable = 0

    def do(self, step: str, amount: int) -> None:
        match step:
            case "add":
                with open_store(self.folder) as store:
                    add(store.ledger, *(case(self.cases + n) for n in range(1, amount + 1)))
                self.cases += amount
            case "project":
                self.project()
            case "dies after":
                self.die_after(amount)
            case "sync fails":
                self.sync_fails()
            case "zeros":
                self.zeros(amount)
            case "rotate":
                self.rotate()
            case "foreign half":
                self.append(FOREIGN_HALF % len(self.foreign))
            case "foreign whole":
                self.append(FOREIGN_WHOLE % len(self.foreign))

    def project(self) -> None:
        with open_store(self.folder) as store:
            store.project()
        self.durable = self.size()

    def die_after(self, room: int) -> None:
        """The run that projects dies after so many octets."""
        pwrite = os.pwrite
        left = room

        def dying(descriptor: int, content: memoryview, offset: int) -> int:
            nonlocal left
            if left <= 0:
                raise OSError(errno.ENOSPC, "full")
            written = pwrite(descriptor, content[:left], offset)
            left -= written
            return written

        fsync = os.fsync

        def noted(descriptor: int) -> None:
            fsync(descriptor)
            if self.path.exists() and os.path.samestat(os.fstat(descriptor), self.path.stat()):
                self.durable = self.size()

        with replaced("pwrite", dying), replaced("fsync", noted), suppress(StoreError):
            self.project()

    def sync_fails(self) -> None:
        def failing(_descriptor: int) -> None:
            raise OSError(errno.EIO, "bad disk")

        with open_store(self.folder) as store, replaced("fsync", failing), suppress(StoreError):
            store.project()

    def zeros(self, amount: int) -> None:
        """A power cut: the last octets, as far as they were not synced, are zeros."""
        size = self.size()
        begin = max(self.durable, size - amount)
        if begin < size:
            with self.path.open("r+b") as file:
                file.seek(begin)
                file.write(b"\0" * (size - begin))

    def rotate(self) -> None:
        if self.path.exists():
            self.rotations += 1
            self.path.rename(self.folder / f"cases.jsonl.{self.rotations}")
            self.durable = 0

    def append(self, content: bytes) -> None:
        """Another program appends, and syncs."""
        if self.path.exists():
            with self.path.open("ab") as file:
                file.write(content)
            self.foreign.append(content)
            self.durable = self.size()

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


@settings(max_examples=1_500 if os.environ.get("EMAILINT_SOAK") else 60, deadline=None)
@given(st.lists(STEPS, min_size=3, max_size=14))
def test_every_history_ends_well(steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as path:
        history = History(Path(path) / "data")
        for step, amount in steps:
            history.do(step, amount)
        history.project()
        history.project()
        files = [file.read_bytes() for file in history.folder.glob("cases.jsonl*")]
    whole = [each for content in files for each in content.splitlines(keepends=True)]
    for number in range(1, history.cases + 1):
        assert whole.count(line(number)) == 1, number
    everything = b"".join(files)
    for content in history.foreign:
        assert everything.count(content) == 1
