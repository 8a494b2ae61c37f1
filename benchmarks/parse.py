"""How fast mail is read, beside the standard library, in one run: `python -m benchmarks.parse`.

The mix is 70 % text of 4 KB, 25 % HTML and text of 40 KB, 5 % with an attachment of 1 MB. `emailint` makes
all of a case's message (fingerprint, digest, text and history, cleaned HTML, attachments, kind); the two
policies of `email` give subject, addresses, date, id, text, HTML and attachments. CPU time, readers taking
turns; medians.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.mail import mix
from benchmarks.readers import with_compat32, with_default
from emailint.message import read_message
from emailint.message.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Print a table: mails a second, time a mail, and how many times policy.default that is."""
    options = argparse.ArgumentParser(description="Measure how fast mail is read.")
    options.add_argument("--count", type=int, default=400, help="mails in the mix")
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    mails = list(mix(chosen.count))
    figures = measure(mails, chosen.rounds)
    base = figures["email.policy.default"]
    size = sum(map(len, mails)) / 1e6
    print(f"{len(mails)} mails, {size:.1f} MB, Python {sys.version.split()[0]}")
    for name, seconds in figures.items():
        print(
            f"{name:28} {len(mails) / seconds:8,.0f} mails/s {seconds / len(mails) * 1e6:8,.0f} µs a mail "
            f"{size / seconds:7,.0f} MB/s   x {base / seconds:.2f}"
        )


def measure(mails: list[bytes], rounds: int) -> dict[str, float]:
    """The median CPU time of each reader over all mails."""
    readers: dict[str, Callable[[bytes], object]] = {
        "emailint": read_message,
        "email.policy.default": with_default,
        "email.policy.compat32": with_compat32,
        "emailint, fingerprint alone": fingerprint,
    }
    taken: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, reader in readers.items():
            started = time.process_time()
            for mail in mails:
                reader(mail)
            taken[name].append(time.process_time() - started)
    return {name: statistics.median(times) for name, times in taken.items()}


if __name__ == "__main__":
    main()
