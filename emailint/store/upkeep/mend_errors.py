"""errors.jsonl without the lines that no program can read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from emailint.store import disk
from emailint.store.errors_log import NAME
from emailint.store.upkeep import siblings
from emailint.store.upkeep.rebuild_plan import has_bad_lines
from emailint.store.upkeep.verify_lines import is_error_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.store.upkeep.set_aside import Aside
    from emailint.store.upkeep.siblings import Sibling

UNFINISHED = ".unfinished-lines"


def mend_errors(folder: Path, aside: Aside) -> None:
    """Each such file is replaced by one without those lines; the old one is kept aside. Raises OSError."""
    for sibling in siblings.siblings(folder, NAME):
        if has_bad_lines(folder, sibling):
            aside.keep(sibling.name)
            write_filtered(folder, sibling, is_error_line)


def write_filtered(folder: Path, sibling: Sibling, keep: Callable[[bytes], bool]) -> int:
    """Put a file with only these lines in the place of another; whoever reads that one goes on undisturbed.

    A file of which nothing is left is removed. Returns how many lines are left. Raises OSError.
    """
    left = 0
    (folder / UNFINISHED).unlink(missing_ok=True)
    with disk.folder(folder) as within:
        with os.fdopen(disk.create_file(UNFINISHED, within), "wb") as plain:
            with siblings.rewritten(plain, sibling) as file:
                for line in siblings.lines(folder, sibling):
                    if keep(line):
                        file.write(line)
                        left += 1
            plain.flush()
            os.fsync(plain.fileno())
        if left:
            os.rename(UNFINISHED, sibling.name, src_dir_fd=within, dst_dir_fd=within)
        else:
            os.unlink(sibling.name, dir_fd=within)
            os.unlink(UNFINISHED, dir_fd=within)
        os.fsync(within)
    return left
