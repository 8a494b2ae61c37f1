"""A sweep dies before and after each of its calls: each line is given to its command, at least once."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from emailint.store.folder import open_store
from tests.crash.test_every_call import CONFIG, build, lines, points
from tests.support.dying import DEATHS, DIED
from tests.support.figures import Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.dying import Dying

HOOKS = """
on_case: [/bin/sh, -c, 'echo "$$EMAILINT_CASE_ID" >> called_case']
on_follow_up: [/bin/sh, -c, 'echo "$$EMAILINT_FOLLOWUP_ID" >> called_follow_up']
on_error: [/bin/sh, -c, 'echo "$$EMAILINT_ERROR_ID" >> called_error']
"""


def built(folder: Path) -> Path:
    config = build(folder)
    config.write_text(CONFIG + HOOKS, encoding="utf-8")
    return config


def called(folder: Path, what: str) -> Counter[str]:
    path = folder / f"called_{what}"
    return Counter(path.read_text(encoding="ascii").split()) if path.exists() else Counter()


def check(folder: Path, most: int) -> None:
    """Each case and each error was told of; `most` calls more than once, and nothing still waits."""
    cases = {line["case_id"] for line in lines(folder)}
    log = (folder / "data" / "errors.jsonl").read_text(encoding="utf-8").splitlines()
    opened = {record["error_id"] for record in map(json.loads, log) if record["event"] == "opened"}
    told = called(folder, "case"), called(folder, "error")
    assert (set(told[0]), set(told[1])) == (cases, opened)
    again = sum((each - Counter(set(each))).total() for each in told)
    assert again <= most
    with open_store(folder / "data", read_only=True) as store:
        assert store.ledger.calls() == {}


@pytest.mark.timeout(1200)
def test_die_at_every_call(dying: Dying, tmp_path: Path, figures: Callable[[Row], None]) -> None:
    folder = tmp_path / "here"
    config = built(folder)
    whole = dying.run("sweep", config)
    assert whole.status == 1
    check(folder, 0)
    mine = [
        at for at, name in enumerate(whole.calls, 1) if "command.run" in name or "SqliteLedger.call" in name
    ]
    assert len(mine) == 2 * (4 + 1)  # four cases and one held mail: given, then forgotten
    for side in DEATHS:
        row = Row("Maildir, commands", f"death {side} a call")
        for at in sorted({*points(len(whole.calls), 5), *mine}):
            shutil.rmtree(folder)
            config = built(folder)
            assert dying.run("sweep", config, at, side).status == DIED, (at, side)
            for _ in range(2):
                assert dying.run("sweep", config).status in {0, 1}, (at, side)
            check(folder, 4)
            row.points, row.survived = row.points + 1, row.survived + 1
        figures(row)
