"""The power goes at each moment of a whole run: what was not synced is lost, torn, zero, or out of order.

The order of writes and syncs, SQLite's among them, is recorded once with strace; mailbox and outbox stand
for servers, so that what was marked, moved and sent before the cut stays so. With EMAILINT_SOAK every state
is tried, else one of so many.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.crash.scenes import MAILS
from tests.crash.surviving import judge, mend, nothing_is_marked_too_early, undisturbed
from tests.support.dying import DIED, Doom, Life
from tests.support.figures import Row
from tests.support.power import CUTS, Disk, lay_out, record
from tests.support.traced import need_ptrace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.crash.scenes import MaildirScene
    from tests.support.dying import Dying
    from tests.support.power import Operation

SHARE: Final = 1 if "EMAILINT_SOAK" in os.environ else 61
REMOTE: Final = ("maildir", "outbox", "integrations.yaml")
CASES: Final = frozenset(f"CS-{number:06d}" for number in range(1, 6))

State = dict[Path, bytes | None]


JOURNALS: Final = ("cases.jsonl", "followups.jsonl", "errors.jsonl")


def keep_files(scene: MaildirScene) -> dict[Path, Path]:
    """The files of lines that the run wrote, linked to a place where they stay."""
    folder = scene.folder.with_name("kept")
    folder.mkdir()
    for name in JOURNALS:
        os.link(scene.folder / "data" / name, folder / name)
    return {Path("data") / name: folder / name for name in JOURNALS}


def recorded(scene: MaildirScene) -> list[Operation]:
    """What one run does to its files."""
    config = scene.build()
    order = json.dumps(asdict(Doom("sweep", str(config)))) + "\n"
    status, operations = record([sys.executable, "-m", "tests.support.dying"], order, scene.folder)
    assert status == 0
    assert len(operations) > 200
    return operations


def states(scene: MaildirScene, operations: list[Operation]) -> Iterator[tuple[str, str, State]]:
    """Every different state that a cut may leave: the kind of cut, after what, the files."""
    scene.build()
    disk = Disk(scene.folder, REMOTE)
    seen: set[bytes] = set()
    for number, operation in enumerate(operations, 1):
        disk.do(operation)
        for cut in CUTS:
            left = disk.left(cut)
            digest = sha256(repr(sorted(left.items())).encode()).digest()
            if digest not in seen:
                seen.add(digest)
                yield cut, f"{number}: {operation.name} {operation.paths[0].name}", left


@pytest.mark.timeout(7200)
def test_every_power_cut_is_mended(
    dying: Dying, maildir: MaildirScene, figures: Callable[[Row], None]
) -> None:
    need_ptrace()
    end, _ = undisturbed(dying, maildir)
    operations = recorded(maildir)
    kept = keep_files(maildir)
    rows = {cut: Row(maildir.name, f"power cut: {cut}") for cut in CUTS}
    tried = list(states(maildir, operations))
    assert len(tried) > 300
    for cut, told, left in tried[::SHARE]:
        rows[cut].points += 1
        lay_out(maildir.folder, left, kept)
        nothing_is_marked_too_early(maildir, len(MAILS), f"{cut}, {told}")
        mend(dying, maildir, maildir.folder / "integrations.yaml", f"{cut}, {told}")
        before = rows[cut].unknown
        judge(maildir, end, Life(DIED, (), told, frozenset(), CASES), rows[cut], f"{cut}, {told}")
        assert rows[cut].unknown - before <= 1  # one reply is handed over at a time
    for row in rows.values():
        figures(row)


def test_the_recorded_run_ends_as_the_real_one(maildir: MaildirScene) -> None:
    """The playback is right: all of it makes the very files that the run left."""
    need_ptrace()
    operations = recorded(maildir)
    there = {
        path.relative_to(maildir.folder): path.read_bytes() if path.is_file() else None
        for path in maildir.folder.rglob("*")
    }
    maildir.build()
    disk = Disk(maildir.folder, REMOTE)
    for operation in operations:
        disk.do(operation)
    left = disk.left("octets lost, names kept")
    best_effort = maildir.folder / "data" / "errors.jsonl"
    assert left.keys() == there.keys()
    different = {path for path, content in there.items() if left[path] != content}
    assert different <= {
        best_effort.relative_to(maildir.folder),
        *(path for path in there if path.name == "lock"),
    }


def test_a_disk_that_syncs_nothing_is_found_out(dying: Dying, maildir: MaildirScene) -> None:
    """The control: with the syncs left out of the record, cuts lose mail."""
    need_ptrace()
    end, _ = undisturbed(dying, maildir)
    operations = [each for each in recorded(maildir) if each.name != "fsync"]
    row = Row("control", "no syncs")
    _, told, left = [state for state in states(maildir, operations) if state[0] == "all unsynced lost"][-1]
    lay_out(maildir.folder, left, {})
    mend(dying, maildir, maildir.folder / "integrations.yaml", told)
    with pytest.raises((AssertionError, FileNotFoundError)):
        judge(maildir, end, Life(DIED, (), told, frozenset(), CASES), row, told)
