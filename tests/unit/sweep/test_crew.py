"""Threads that work through the mailboxes."""

from __future__ import annotations

import threading
from collections import Counter

from emailint.config.model import Integration
from emailint.sweep.crew import PER_HOST, Crew


def boxes(count: int, host: str) -> list[Integration]:
    return [
        Integration(name=f"{host}-{number}", mailbox=f"m{number}@example.org", host=host)
        for number in range(count)
    ]


def test_everybody_gets_a_turn_and_no_host_more_than_its_share() -> None:
    lock = threading.Lock()
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()
    done: list[str] = []
    together = threading.Barrier(PER_HOST)

    def work(integration: Integration) -> None:
        with lock:
            now[integration.host] += 1
            most[integration.host] = max(most[integration.host], now[integration.host])
        if integration.host == "one.example.org":
            together.wait(20)
        with lock:
            now[integration.host] -= 1
            done.append(integration.name)

    everything = boxes(6 * PER_HOST, "one.example.org") + boxes(3, "two.example.org")
    Crew(work).go(everything, threads=32)
    assert sorted(done) == sorted(each.name for each in everything)
    assert most["one.example.org"] == PER_HOST


def test_a_mailbox_that_hangs_holds_up_nobody_else() -> None:
    hanging, others = threading.Event(), threading.Event()
    seen: list[str] = []

    def work(integration: Integration) -> None:
        if integration.host == "slow.example.org":
            assert others.wait(5)
            hanging.set()
            return
        seen.append(integration.name)
        if len(seen) == 20:
            others.set()

    Crew(work).go(boxes(1, "slow.example.org") + boxes(20, "quick.example.org"), threads=2)
    assert hanging.is_set()
    assert len(seen) == 20


def test_no_mailbox_no_thread() -> None:
    Crew(lambda _integration: None).go([], threads=32)
