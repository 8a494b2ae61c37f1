"""How a list of messages is cut into fetches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emailint.config.model import Config, SweepLimits
from emailint.sources.protocol import MessageRef
from emailint.sweep.mailbox import jobs, windows


def config(**limits: Any) -> Config:
    nowhere = Path("integrations.yaml")
    return Config(nowhere, "", Path("data"), (), limits=SweepLimits(**limits))


def refs(*sizes: int) -> list[MessageRef]:
    return [MessageRef(f"m{number}", size) for number, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((), []),
        ((5,), [["m0"]]),
        ((5, 5, 5), [["m0", "m1"], ["m2"]]),
        ((60, 60), [["m0"], ["m1"]]),
        ((100,), [["m0"]]),
        ((5, 90, 5, 5), [["m0", "m1"], ["m2", "m3"]]),
    ],
)
def test_bounded_by_count_and_octets(sizes: tuple[int, ...], expected: list[list[str]]) -> None:
    cut = jobs(refs(*sizes), config(batch_messages=2, batch_bytes=100, message_size=1000))
    assert [[ref.locus for ref in job.refs] for job in cut] == expected


def test_a_message_over_the_limit_is_a_job_of_its_own_by_headers_alone() -> None:
    cut = list(jobs(refs(5, 1001, 5), config(batch_messages=10, batch_bytes=10_000, message_size=1000)))
    assert [([ref.locus for ref in job.refs], job.headers_only) for job in cut] == [
        (["m0"], False),
        (["m1"], True),
        (["m2"], False),
    ]


def test_an_unknown_size_counts_as_nothing() -> None:
    cut = jobs([MessageRef("m0"), MessageRef("m1")], config(batch_messages=10, batch_bytes=1))
    assert [len(job.refs) for job in cut] == [2]


def test_windows_lose_nothing() -> None:
    many = refs(*[1] * 2_345)
    assert [ref for window in windows(many) for ref in window] == many
    assert max(len(window) for window in windows(many)) == 1_000
