"""The child that reads a suspect message: `python -m emailint.message`.

Standard input: one line of JSON (settings and bounds), then the raw message. Standard output: the message as
JSON. It sets its own limits of CPU time and memory before it reads.
"""

from __future__ import annotations

import resource
import sys

from emailint.message import wire
from emailint.message.read import read_message


def main() -> int:
    """Read, answer, leave."""
    line = sys.stdin.buffer.readline()
    settings, bounds = wire.settings_from_json(line)
    if "cpu" in bounds:
        resource.setrlimit(resource.RLIMIT_CPU, (bounds["cpu"], bounds["cpu"] + 1))
    if "memory" in bounds:
        resource.setrlimit(resource.RLIMIT_AS, (bounds["memory"], bounds["memory"]))
    sys.stdout.buffer.write(wire.to_json(read_message(sys.stdin.buffer.read(), settings)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
