"""One fault in one sweep, the sweeps that mend it, and whether the end is the one of an unhurt sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.crash.scenes import ANSWERED, MAILS, STAYS, Tally, doubts_of, end_of, json_lines, tally
from tests.support.dying import DIED, ERRORS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.scenes import End, Scene
    from tests.support.dying import Dying, Life
    from tests.support.figures import Row


def undisturbed(dying: Dying, scene: Scene) -> tuple[End, Life]:
    """How a sweep ends that nothing happens to, and its calls; the next one changes nothing (I8)."""
    config = scene.build()
    life = dying.run("sweep", config)
    assert life.status == 1  # one mail is held, one quarantined
    end = end_of(scene)
    assert (len(end.cases), len(end.follow_ups), len(end.held), len(end.quarantined)) == (5, 1, 1, 1)
    assert end.unread == 0
    assert end.moved in {0, len(MAILS) - STAYS}
    assert (tally(scene), doubts_of(scene)) == (Tally(), frozenset())
    before = octets(scene.folder / "data")
    dying.run("sweep", config)
    assert octets(scene.folder / "data") == before
    return end, life


def octets(store: Path) -> dict[Path, bytes]:
    """All files of a store but the lock."""
    return {path: path.read_bytes() for path in store.rglob("*") if path.is_file() and path.name != "lock"}


def survive(dying: Dying, scene: Scene, end: End, at: int | str, fault: str, row: Row) -> Life:
    """Run into the fault, mend it, compare; counts it in `row`."""
    row.points += 1
    config = scene.build()
    life = dying.run("sweep", config, at, fault)
    told = f"{scene.name}: {fault} {at} ({life.at})"
    assert fault in ERRORS or life.status == DIED, told
    nothing_is_marked_too_early(scene, len(MAILS), told)
    mend(dying, scene, config, told, later=LATER if fault in ERRORS else ())
    judge(scene, end, life, row, told)
    return life


def nothing_is_marked_too_early(scene: Scene, mails: int, told: str) -> None:
    """What is read has its line, or its octets, on the disk (I1); a twin and ignored mail have neither."""
    store = scene.folder / "data"
    lines = [path.read_bytes() for path in store.glob("*.jsonl") if path.name != "errors.jsonl"]
    whole = sum(
        line.startswith(b'{"schema"') and line.endswith(b"}") for each in lines for line in each.split(b"\n")
    )
    read = mails - scene.mailbox()[0]
    assert read <= whole + len(list((store / "hold").glob("[!.]*"))) + NEITHER, told


NEITHER: Final = 2

LATER: Final = (10, 90)
"""What could not be sent is tried again after a while."""


def mend(dying: Dying, scene: Scene, config: Path, told: str, *, later: tuple[int, ...] = ()) -> None:
    """Run as often as the scene says, and so many minutes later."""
    for minutes in scene.minutes + later:
        assert dying.run("sweep", config, minutes=minutes).status in {0, 1}, told


def judge(scene: Scene, end: End, life: Life, row: Row, told: str) -> None:
    """The same end; a reply is in doubt exactly where handing it over had begun and not ended."""
    found, unknown = tally(scene), doubts_of(scene)
    row.lost, row.doubled = row.lost + found.lost, row.doubled + found.doubled
    row.answered_twice += found.answered_twice
    row.unknown += len(unknown)
    assert end_of(scene) == end, told
    assert (found.lost, found.doubled, found.answered_twice) == (0, 0, 0), told
    check_doubts(scene, life, unknown, told)
    cases = {line["subject"]: line["case_id"] for line in json_lines(scene.folder / "data" / "cases.jsonl")}
    replies = scene.replies()
    assert {cases[subject] for each, subject in ANSWERED.items() if not replies[each]} <= unknown, told
    assert replies.keys() <= ANSWERED.keys(), told
    row.survived += 1


def check_doubts(scene: Scene, life: Life, unknown: frozenset[str], told: str) -> None:
    """Judged by where it died, not by how often."""
    if scene.name == "Graph":
        assert unknown == frozenset(), told  # Exchange can be asked
    elif life.status == DIED:
        assert life.begun <= unknown <= life.begun | life.perhaps, told
    else:
        not_confirmed = life.at.startswith("os.fsync outbox") and len(unknown) == 1
        assert not_confirmed or unknown <= life.begun | life.perhaps, told
