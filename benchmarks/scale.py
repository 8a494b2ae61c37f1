"""How far it goes on one machine: `python -m benchmarks.scale [--part 10]`.

Not part of `make bench`, since it takes minutes: a configuration of 5,000 mailboxes, one mailbox of 200,000
mails of which three are unread, and 50,000 unread mails that take many sweeps of a limited length, beside a
small mailbox that must not wait for them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import mail, own
from benchmarks.measure import run
from benchmarks.server import BenchServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measure import Cost
    from tests.support.dovecot import Mailbox

DEADLINE = 20
MOST_LINKS = 50_000
"""Names of one file; ext4 allows 65,000."""


def main() -> None:
    """Print a line for each."""
    options = argparse.ArgumentParser(description="Scale on one machine.")
    options.add_argument("--part", type=int, default=1, help="a so-manieth of everything")
    part = options.parse_args().part
    server = BenchServer.start()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            parts = (
                many_mailboxes(server, Path(name), 5_000 // part),
                large_mailbox(server, 200_000 // part),
                backlog(server, 50_000 // part),
            )
            for line in chain(*parts):
                print(line, flush=True)
    finally:
        server.stop()


def many_mailboxes(server: BenchServer, folder: Path, count: int) -> Iterator[str]:
    """A configuration that is checked, and whose mailboxes, ten hosts' of them, are swept."""
    users = [f"many{number}" for number in range(count)]
    for user in users:
        server.create_user(user)
    own.configure(folder, server.many(users))
    cost = run((*own.EMAILINT, "check"), folder, own.ENVIRON)
    yield _line(f"check of {count:,} mailboxes", cost)
    own.sweep(folder)
    yield _line(f"sweep of {count:,} idle mailboxes", run(own.PROCESS, folder, own.ENVIRON))


def large_mailbox(server: BenchServer, count: int) -> Iterator[str]:
    """Nearly all mail is read, as in any mailbox that was used for years."""
    mailbox = server.create_user("years")
    for start in range(0, count - 3, MOST_LINKS):
        first = mailbox.deliver(next(mail.texts(1)), seen=True)
        for number in range(start + 1, min(start + MOST_LINKS, count - 3)):
            os.link(first, first.with_name(first.name.replace("M", f"M{number}x", 1)))
    mailbox.deliver_many(mail.texts(3))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        own.configure(folder, [server.door("years")])
        yield _line(f"{count:,} mails, 3 of them unread, first look", run(own.PROCESS, folder, own.ENVIRON))
        yield _line("  the next sweep, which finds none", run(own.PROCESS, folder, own.ENVIRON))
        yield f"  cases: {own.cases(folder)}"


def backlog(server: BenchServer, count: int) -> Iterator[str]:
    """Sweeps of a limited length until nothing is left; the small mailbox gets its mail in each of them."""
    large, small = server.seeded("backlog", mail.texts(count)), server.create_user("small")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        own.configure(folder, [server.door("backlog"), server.door("small")])
        sweeps = 0
        while large.unread():
            small.deliver(f"Subject: news {sweeps}\n\nIs somebody there?\n".encode())
            began = time.perf_counter()
            command = (*own.EMAILINT, "process", "--deadline", f"{DEADLINE}s")
            subprocess.run(command, cwd=folder, env=own.ENVIRON, check=True)
            sweeps += 1
            seconds = time.perf_counter() - began
            yield (
                f"sweep {sweeps}: {seconds:.1f} s, {own.cases(folder):,} cases, {len(large.unread()):,} left,"
                f" the small mailbox {'waits' if small.unread() else 'is served'}"
            )
        yield f"{count:,} unread in {sweeps} sweeps, oldest first: {_in_order(folder, large)}"


def _in_order(folder: Path, mailbox: Mailbox) -> bool:
    """Whether cases were made in the order in which the mail came."""
    lines = map(json.loads, (folder / "store" / "cases.jsonl").read_bytes().splitlines())
    loci = [line["message"]["locus"] for line in lines if line["integration"] == "box-1"]
    uids = [int(locus.rpartition("=")[2]) for locus in loci]
    return uids == sorted(uids) and len(uids) == len(mailbox.messages())


def _line(what: str, cost: Cost) -> str:
    return (
        f"{what}: {cost.seconds:.2f} s, processor {cost.processor:.2f} s, memory {cost.memory / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    main()
