"""What a power cut leaves: a recorded order of writes and syncs, and each state that a disk may then be in.

`record` runs a command under strace and notes what it does to the files below a folder. `Disk` plays that
back: of each file it knows what is durable and what is not, of each folder which names are. What lies in
`remote` folders stands for servers: what was done there stays done.
"""

from __future__ import annotations

import codecs
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS: Final = (
    "openat,write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,"
    "rmdir,link,linkat"
)
_LINE: Final = re.compile(r"^(?P<pid>\d+) +(?P<rest>.*)$")
_RESUMED: Final = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)$")
_CALL: Final = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_TEXT: Final = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"')
_WHERE: Final = re.compile(r"(?:AT_FDCWD|\d+)<(?P<folder>[^>]*)>")
_UNFINISHED: Final = " <unfinished ...>"


@dataclass(frozen=True)
class Operation:
    """One call that came to something; `paths` are absolute, `number` its offset, length or flags."""

    name: str
    paths: tuple[Path, ...]
    content: bytes = b""
    number: int = 0
    creates: bool = False
    truncates: bool = False


def record(command: list[str], said: str, below: Path) -> tuple[int, list[Operation]]:
    """Run a command with `said` on its standard input; exit status, and what was done, in order."""
    with tempfile.NamedTemporaryFile("r", prefix="emailint-power-", errors="surrogateescape") as log:
        options = ["-f", "-qq", "-y", "-s", "1000000", "-e", f"trace={CALLS}", "-e", "signal=none"]
        done = subprocess.run(
            ["strace", "--seccomp-bpf", *options, "-o", log.name, *command],
            input=said.encode(),
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            timeout=300,
            check=False,
        )
        found = [each for line in _whole(log) if (each := _operation(line)) is not None]
    return done.returncode, [each for each in found if any(path.is_relative_to(below) for path in each.paths)]


def _whole(log: Iterator[str]) -> Iterator[str]:
    """Calls in the order of their ends; those that another thread came between are put together."""
    begun: dict[str, str] = {}
    for line in map(_LINE.match, log):
        if line is None:
            continue
        pid, rest = line["pid"], line["rest"]
        if rest.endswith(_UNFINISHED):
            begun[pid] = rest.removesuffix(_UNFINISHED)
            continue
        resumed = _RESUMED.match(rest)
        yield begun.pop(pid, "") + resumed["rest"] if resumed else rest


def _operation(line: str) -> Operation | None:
    found = _CALL.match(line)
    if found is None or found["result"].startswith("-"):
        return None
    name, arguments = found["name"], found["arguments"]
    texts = [_octets(each["text"]) for each in _TEXT.finditer(arguments)]
    outside = _TEXT.sub('""', arguments)
    folders = [Path(each["folder"]) for each in _WHERE.finditer(outside)]
    if name in {"write", "pwrite64"}:
        offset = int(outside.rsplit(",", 1)[1]) if name == "pwrite64" else -1
        return Operation(name, tuple(folders[:1]), texts[0][: int(found["result"])], offset)
    if name in {"fsync", "fdatasync"}:
        return Operation("fsync", tuple(folders))
    if name == "ftruncate":
        return Operation(name, tuple(folders), number=int(outside.rsplit(",", 1)[1]))
    names = [os.fsdecode(text) for text in texts]
    paths = tuple(
        Path(os.path.normpath(folder / each))
        for folder, each in zip(folders or [Path()] * 9, names, strict=False)
    )
    if name == "unlinkat" and "AT_REMOVEDIR" in outside:
        name = "rmdir"
    return Operation(
        re.sub(r"at2?$", "", name), paths, creates="O_CREAT" in outside, truncates="O_TRUNC" in outside
    )


def _octets(text: str) -> bytes:
    return codecs.escape_decode(text.encode("utf-8", "surrogateescape"))[0]


@dataclass(eq=False)
class File:
    """Its octets now, those that are durable, and the writes between."""

    now: bytes = b""
    durable: bytes = b""
    pending: list[tuple[int, bytes]] = field(default_factory=list)

    def write(self, content: bytes, offset: int) -> None:
        at = len(self.now) if offset < 0 else offset
        self.now = _written(self.now, at, content)
        self.pending.append((at, content))

    def cut(self, length: int) -> None:
        self.now = self.now[:length].ljust(length, b"\0")
        self.pending = [(at, content[: max(0, length - at)]) for at, content in self.pending]

    def sync(self) -> None:
        self.durable, self.pending = self.now, []


@dataclass(eq=False)
class Folder:
    """Its names now, and those that are durable."""

    names: dict[str, File | Folder] = field(default_factory=dict)
    durable: dict[str, File | Folder] = field(default_factory=dict)

    def sync(self) -> None:
        self.durable = dict(self.names)


CUTS: Final = {
    "all unsynced lost": ("durable", "durable"),
    "octets lost, names kept": ("durable", "now"),
    "octets kept, names lost": ("now", "durable"),
    "torn": ("torn", "now"),
    "zeros": ("zeros", "now"),
    "later writes alone": ("later", "now"),
}
"""What is left of octets and of names."""


class Disk:
    """The files below a folder, as they are after each of the operations that were done."""

    def __init__(self, root: Path, remote: tuple[str, ...]) -> None:
        """What lies there now is durable."""
        self.root = root
        self.remote = remote
        self.top = _loaded(root)

    def do(self, operation: Operation) -> None:
        """Play one operation."""
        paths = [path for path in operation.paths if path.is_relative_to(self.root)]
        if not paths or str(paths[0]).endswith(("-shm", "(deleted)")):
            return
        match operation.name:
            case "write" | "pwrite64":
                self._file(paths[0]).write(operation.content, operation.number)
            case "ftruncate":
                self._file(paths[0]).cut(operation.number)
            case "fsync":
                self._node(paths[0]).sync()
            case "open" if operation.creates or operation.truncates:
                self._open(paths[0], operation)
            case "mkdir":
                self._parent(paths[0]).names.setdefault(paths[0].name, Folder())
            case "unlink" | "rmdir":
                self._parent(paths[0]).names.pop(paths[0].name, None)
            case "rename":
                node = self._parent(paths[0]).names.pop(paths[0].name)
                self._parent(paths[1]).names[paths[1].name] = node
            case "link":
                self._parent(paths[1]).names[paths[1].name] = self._node(paths[0])

    def left(self, cut: str) -> dict[Path, bytes | None]:
        """What is there after a cut: octets of files, None for folders."""
        octets, names = CUTS[cut]
        top = self.top.durable if names == "durable" else self.top.names
        there = {name: node for name, node in top.items() if name not in self.remote}
        remote = {name: node for name, node in self.top.names.items() if name in self.remote}
        return dict([*_left(there, Path(), octets, names), *_left(remote, Path(), "now", "now")])

    def _open(self, path: Path, operation: Operation) -> None:
        names = self._parent(path).names
        if operation.creates and path.name not in names:
            names[path.name] = File()
        if operation.truncates:
            self._file(path).cut(0)

    def _parent(self, path: Path) -> Folder:
        found = self._node(path.parent)
        assert isinstance(found, Folder)
        return found

    def _file(self, path: Path) -> File:
        found = self._node(path)
        assert isinstance(found, File)
        return found

    def _node(self, path: Path) -> File | Folder:
        node: File | Folder = self.top
        for part in path.relative_to(self.root).parts:
            assert isinstance(node, Folder)
            node = node.names[part]
        return node


def lay_out(root: Path, left: dict[Path, bytes | None], kept: dict[Path, Path]) -> None:
    """Make a folder what a cut has left, in order: a Maildir is read by the times of its files.

    `kept`: where the very files lie that the run wrote, for those that are known by their inode.
    """
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(mode=0o700)
    for path, content in left.items():
        if content is None:
            (root / path).mkdir(mode=0o700)
        elif path in kept:
            kept[path].write_bytes(content)
            os.link(kept[path], root / path)
        else:
            (root / path).write_bytes(content)
            (root / path).chmod(0o600)


def _left(
    entries: dict[str, File | Folder], path: Path, octets: str, names: str
) -> Iterator[tuple[Path, bytes | None]]:
    for name, node in sorted(entries.items()):
        if isinstance(node, Folder):
            yield path / name, None
            below = node.durable if names == "durable" else node.names
            yield from _left(below, path / name, octets, names)
        else:
            yield path / name, _survives(node, octets)


def _survives(file: File, octets: str) -> bytes:
    match octets:
        case "now":
            return file.now
        case "torn" if file.pending:
            return _played(file.durable, [*file.pending[:-1], _half(file.pending[-1])])
        case "zeros" if len(file.now) > len(file.durable):
            return file.durable + b"\0" * (len(file.now) - len(file.durable))
        case "later":
            return _played(file.durable, file.pending[1:])
        case _:
            return file.durable


def _half(write: tuple[int, bytes]) -> tuple[int, bytes]:
    return write[0], write[1][: len(write[1]) // 2]


def _played(content: bytes, writes: list[tuple[int, bytes]]) -> bytes:
    for at, written in writes:
        content = _written(content, at, written)
    return content


def _written(content: bytes, at: int, more: bytes) -> bytes:
    return content[:at].ljust(at, b"\0") + more + content[at + len(more) :]


def _loaded(path: Path) -> Folder:
    folder = Folder()
    for each in path.iterdir():
        folder.names[each.name] = (
            _loaded(each) if each.is_dir() else File(each.read_bytes(), each.read_bytes())
        )
    folder.sync()
    return folder
