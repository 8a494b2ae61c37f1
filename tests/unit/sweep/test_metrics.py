"""The file of metrics: what Prometheus's own parser reads of it, and what keeps it from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from emailint.errors import ConnectionFailed, StoreError
from emailint.store.sqlite_ledger import SqliteLedger
from emailint.sweep.metrics import COUNTED, DESCRIBED, WAITING
from tests.support.memory import START, letter
from tests.support.world import World, make_world

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "textfile").mkdir()
    return make_world(tmp_path, monkeypatch, settings={"metrics": tmp_path / "textfile" / "emailint.prom"})


def samples(world: World) -> Samples:
    """All samples, with each family once, typed and described as the conventions ask for."""
    text = (world.folder / "textfile" / "emailint.prom").read_text(encoding="ascii")
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert re.fullmatch(r"emailint_[a-z_]+", sample.name)
            assert (family.type == "counter") == sample.name.endswith("_total")
            assert family.documentation.endswith((".", ")"))
            found[sample.name, tuple(sample.labels.items())] = sample.value
    names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(names) == len(set(names))
    assert len(found) == sum(not line.startswith("#") for line in text.splitlines())
    return found


def of(found: Samples, name: str, integration: str = "payroll") -> float:
    return found[f"emailint_{name}", (("integration", integration),)]


def test_counters_go_on_and_gauges_tell_of_now(world: World) -> None:
    world.source.deliver(letter(1))
    world.source.deliver(letter(2, headers="Auto-Submitted: auto-replied\n"))
    world.sweep()
    first = samples(world)
    assert (of(first, "cases_total"), of(first, "replies_sent_total")) == (2, 1)
    assert of(first, "replies_withheld_total") == 1
    assert of(first, "last_success_timestamp_seconds") == START.timestamp()
    assert first["emailint_last_sweep_success", ()] == 1
    world.source.deliver(letter(3, headers="In-Reply-To: <1@example.com>\n"))
    world.source.deliver(letter(4))
    world.sweep(limit=1)
    second = samples(world)
    assert (of(second, "cases_total"), of(second, "follow_ups_total")) == (2, 1)
    assert (of(second, "left"), of(first, "left")) == (1, 0)
    assert second["emailint_sweeps_total", ()] == 2
    assert {f"emailint_{name}" for name in ("left", "waiting_marks")} <= {name for name, _ in second}
    assert {*COUNTED, *WAITING} <= {name for name, _ in second}


def test_what_failed_is_seen(world: World) -> None:
    world.sweep()
    world.source.before = _no_route
    world.sweep()
    found = samples(world)
    assert found["emailint_open_errors", (("integration", "payroll"), ("kind", "connection_failed"))] == 1
    assert found["emailint_last_sweep_success", ()] == 0
    assert found["emailint_sweeps_failed_total", ()] == 1
    assert of(found, "last_success_timestamp_seconds") == START.timestamp()


def _no_route(_verb: str) -> None:
    raise ConnectionFailed("no route")


def test_a_sweep_without_its_store_leaves_the_rest_as_true_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    before = samples(world)

    def refused(*_given: object, **_more: object) -> None:
        raise StoreError("no space left")

    monkeypatch.setattr(SqliteLedger, "open", refused)
    with pytest.raises(StoreError):
        world.sweep()
    after = samples(world)
    assert after["emailint_last_sweep_success", ()] == 0
    assert after["emailint_sweeps_total", ()] == 2
    assert of(after, "cases_total") == of(before, "cases_total") == 1
    assert after.keys() == before.keys()


def test_it_can_be_read_by_others_and_is_replaced_whole(world: World) -> None:
    path = world.folder / "textfile" / "emailint.prom"
    world.sweep()
    first = path.stat()
    assert first.st_mode & 0o777 == 0o644
    world.sweep()
    assert path.stat().st_ino != first.st_ino
    assert [each.name for each in path.parent.iterdir()] == ["emailint.prom"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\x00", b'emailint_cases_total{integration="payroll"} x\n', b"other_total 7\n# HELP\n"],
)
def test_a_file_in_whatever_state_begins_anew(world: World, content: bytes) -> None:
    path = world.folder / "textfile" / "emailint.prom"
    path.write_bytes(content)
    world.source.deliver(letter(1))
    world.sweep()
    assert of(samples(world), "cases_total") == 1
    assert b"other_total" not in path.read_bytes()


def test_one_that_cannot_be_written_is_one_error_told_once_and_over_when_it_can(world: World) -> None:
    folder = world.folder / "textfile"
    folder.rmdir()
    world.source.deliver(letter(1))
    result = world.sweep()
    assert (result.totals.cases, result.trouble) == (1, False)
    assert [error.trouble.kind for error in result.news] == ["metrics_failed"]
    assert world.sweep().news == ()
    (error,) = world.open_errors()
    assert (error.count, "No such file or directory" in error.trouble.message) == (2, True)
    folder.mkdir()
    assert [error.trouble.kind for error in world.sweep().recovered] == ["metrics_failed"]
    assert world.open_errors() == []
    assert of(samples(world), "cases_total") == 0


def test_no_word_of_a_mail_is_in_it(world: World) -> None:
    world.source.deliver(letter(1, sender="mallory@evil.example"))
    world.sweep()
    text = (world.folder / "textfile" / "emailint.prom").read_text(encoding="ascii")
    assert "mallory" not in text
    assert "Question" not in text


def test_a_dry_run_writes_none(world: World) -> None:
    world.sweep(dry_run=True)
    assert list((world.folder / "textfile").iterdir()) == []


def test_the_page_names_each_metric_and_no_other() -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "watch.md"
    assert set(re.findall(r"\bemailint_[a-z_]+", page.read_text(encoding="utf-8"))) == set(DESCRIBED)
