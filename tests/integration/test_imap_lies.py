"""Servers that lie about sizes, tags and ends, each against a process of its own: its memory, time and error.

The process tells its peak of resident memory (VmHWM) when it ends, so whatever allocates is counted. A
mailbox beside the lying one must be swept as if nothing had been.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.memory import letter
from tests.support.scripted_imap import GOOD_GREETING, GOOD_REPLIES, ScriptedImap, fetch_response

if TYPE_CHECKING:
    from tests.support.scripted_imap import Conversation, Reply

DEADLINE = 2.0
MEMORY = 150_000_000
"""Octets that a process may have had at most; one that sweeps two mails has about 55,000,000."""
DONE = b"TAG OK done\r\n"
CONFIG = """
store: data
integrations:
  - name: lying
    mailbox: payroll@example.org
    host: 127.0.0.1
    port: {port}
    tls: none
    password: correct-horse
    reply: {{template: none}}
  - name: beside
    mailbox: desk@example.org
    protocol: maildir
    path: beside
    outbound: {{type: folder, path: outbox}}
"""
MEASURED = """
import atexit, pathlib, re, runpy
def tell():
    status = pathlib.Path("/proc/self/status").read_text()
    pathlib.Path("peak").write_text(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])
atexit.register(tell)
runpy.run_module("emailint", run_name="__main__", alter_sys=True)
"""
MAIL = letter(1, body="The first line.\nAnd a second line.")


@dataclass(frozen=True)
class Lie:
    """What a server says; `cases` are mails that it gave whole before, `kinds` what the error may be."""

    replies: dict[str, Reply | list[Reply]] = field(default_factory=dict)
    greeting: bytes | None = None
    cases: int = 0
    kinds: tuple[str, ...] = ("protocol_failed",)


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    status: int
    memory: int
    seconds: float
    said: str


def run(folder: Path, server: ScriptedImap) -> Ended:
    """One `emailint process` in a process of its own."""
    for part in ("cur", "new", "tmp"):
        (folder / "beside" / part).mkdir(parents=True, exist_ok=True)
    (folder / "beside" / "new" / "1.example").write_bytes(letter(9, to="desk@example.org"))
    config = folder / "integrations.yaml"
    config.write_text(CONFIG.format(port=server.port), encoding="utf-8")
    config.chmod(0o600)
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "process", "--deadline", f"{DEADLINE:g}s"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LANG": "C", "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    seconds = time.monotonic() - begun
    peak = int((folder / "peak").read_text(encoding="ascii")) * 1024
    return Ended(done.returncode, peak, seconds, done.stdout + done.stderr)


def lines(folder: Path, name: str) -> list[dict[str, object]]:
    path = folder / "data" / name
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def without_end(*, piece: bytes, start: bytes = b"", pause: float = 0.0) -> Reply:
    """Say this over and over."""

    def pour(talk: Conversation, _tag: bytes) -> None:
        talk.send(start)
        while True:
            talk.send(piece)
            time.sleep(pause)

    return pour


def body(size: str, octets: bytes = MAIL) -> bytes:
    """A FETCH response that tells this size of its message."""
    return b"* 1 FETCH (UID 1 BODY[] {%s}\r\n%s)\r\n" % (size.encode(), octets)


def one(size: str, octets: bytes = MAIL) -> Lie:
    """A lie about one message, which is that message's trouble."""
    return Lie(fetch(body(size, octets) + DONE), kinds=("undelivered",))


def fetch(reply: Reply) -> dict[str, Reply | list[Reply]]:
    """Only the fetch of the messages, not of their sizes, is answered so."""
    return {
        "UID SEARCH": b"* SEARCH 1\r\n" + DONE,
        "UID FETCH 1 (UID RFC822.SIZE": DONE_SIZES,
        "UID FETCH": reply,
    }


DONE_SIZES = b"* 1 FETCH (UID 1 RFC822.SIZE 300)\r\n" + DONE
EITHER = ("protocol_failed", "connection_failed")
ANY = (*EITHER, "undelivered")
HUGE = b"{2000000000}\r\n"
DEEP = b"(" * 100_000

LETTERS = "ABCDEFGHIJKLMNOPQRST"
NEW_KINDS = "".join(f"* X{''.join(four)} x\r\n" for four in itertools.product(LETTERS, repeat=4)).encode()
LIES: dict[str, Lie] = {
    # Literals
    "2-gb-at-login": Lie({"LOGIN": b"* OK " + HUGE}),
    "2-gb-at-select": Lie({"SELECT": b"* FLAGS " + HUGE}),
    "2-gb-at-search": Lie({"UID SEARCH": b"* SEARCH " + HUGE}),
    "2-gb-greeting": Lie(greeting=b"* OK " + HUGE),
    "2-gb-message": Lie(fetch(b"* 1 FETCH (UID 1 BODY[] " + HUGE), kinds=ANY),
    "2-gb-when-marking": Lie(
        {**fetch(fetch_response(1, MAIL) + DONE), "UID STORE": b"* OK " + HUGE}, cases=1
    ),
    "20-digits": one("99999999999999999999"),
    "5,000-digits": one("9" * 5_000),
    "negative": one("-5"),
    "not-synchronising": one(f"{len(MAIL)}+"),
    "no-digits": one(""),
    "too-small-by-one": one(str(len(MAIL) - 1)),
    "too-small-by-a-line-end": one(str(len(MAIL) - 2)),
    "too-small-by-a-line": one(str(len(MAIL) - 20)),
    "nothing-of-it": one("0"),
    "the-rest-looks-like-attributes": one("20", MAIL[:20] + b" for you"),
    "too-large-by-one": one(str(len(MAIL) + 1)),
    "too-large-by-the-rest": one(str(len(MAIL) + 17)),
    "much-too-large-and-silent": Lie(fetch(body("40000000")), kinds=ANY),
    "much-too-large-and-slow": Lie(
        fetch(without_end(start=b"* 1 FETCH (UID 1 BODY[] {40000000}\r\n", piece=b"x", pause=0.05)),
        kinds=ANY,
    ),
    "a-thousand-literals": Lie({"UID SEARCH": b"* SEARCH " + b"{9}\r\n123456789 " * 1_000 + b"\r\n" + DONE}),
    # Lines
    **{
        f"endless-line-at-{command.lower().replace(' ', '-')}": Lie(
            {command: without_end(piece=b"x" * 99_999)}, kinds=EITHER
        )
        for command in ("LOGIN", "SELECT", "UID SEARCH")
    },
    "endless-line-of-quotes": Lie(
        fetch(without_end(start=b"* 1 FETCH (UID 1 X ", piece=b'"' * 99_999)), kinds=ANY
    ),
    "7-mb-of-quotes": Lie(fetch(b"* 1 FETCH (UID 1 X " + b'"\\' * 3_500_000 + b")\r\n" + DONE), kinds=ANY),
    "7-mb-of-blanks": Lie({"UID SEARCH": b"* SEARCH" + b" " * 7_000_000 + b"x\r\nTAG NO\r\n"}),
    "endless-untagged": Lie({"UID SEARCH": without_end(piece=b"* 1 EXISTS\r\n" * 5_000)}, kinds=EITHER),
    "endless-alerts": Lie({"LOGIN": without_end(piece=b"* OK [ALERT] hello\r\n" * 5_000)}, kinds=EITHER),
    "endless-flags": Lie(fetch(without_end(piece=b"* 1 FETCH (FLAGS (\\Seen))\r\n" * 5_000)), kinds=ANY),
    "endless-new-kinds": Lie({"UID SEARCH": NEW_KINDS + b"TAG BAD\r\n"}, kinds=EITHER),
    "endless-continuations": Lie({"UID SEARCH": without_end(piece=b"+ go on\r\n" * 5_000)}, kinds=EITHER),
    "2,000,000-uids": Lie(
        {"UID SEARCH": b"* SEARCH" + b" 1" * 2_000_000 + b"\r\n* SEARCH " + b"9" * 5_000 + b"\r\n" + DONE}
    ),
    # Tags and words
    "garbage": Lie({"UID SEARCH": bytes(range(256)) * 40 + b"\r\n"}),
    "nul": Lie({"UID SEARCH": b"\x00\r\n" * 100}),
    "nul-in-tag": Lie({"UID SEARCH": b"* SEARCH 1\r\nTAG\x00 OK done\r\n"}),
    "another-tag": Lie({"UID SEARCH": b"* SEARCH 1\r\nZZZZ9 OK done\r\n"}),
    "an-old-tag": Lie({"UID SEARCH": b"* SEARCH 1\r\nTAG1 OK done\r\n"}),
    "no-tag": Lie({"UID SEARCH": b"* SEARCH 1\r\nOK done\r\n"}),
    "another-protocol": Lie({"UID SEARCH": b"HTTP/1.1 200 OK\r\n\r\n"}),
    "lines-end-in-lf": Lie({"UID SEARCH": b"* SEARCH 1\nTAG OK done\n"}),
    # Depth
    "deep-fetch": Lie(fetch(b"* 1 FETCH (UID 1 BODY[] " + DEEP + b")\r\n" + DONE), kinds=ANY),
    "deep-capability": Lie({"LOGIN": b"* CAPABILITY " + DEEP + b"\r\nTAG BAD\r\n"}),
    "deep-flags": Lie({"SELECT": b"* FLAGS " + DEEP + b"\r\n* OK [PERMANENTFLAGS " + DEEP + b"]\r\n" + DONE}),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_costs_little_and_is_told(name: str, tmp_path: Path) -> None:
    lie = LIES[name]
    greeting = GOOD_GREETING if lie.greeting is None else lie.greeting
    with ScriptedImap(lie.replies, greeting=greeting) as server:
        ended = run(tmp_path, server)
    assert ended.status == 1, ended.said
    assert ended.memory < MEMORY
    assert ended.seconds < DEADLINE + 10
    assert "hanging" not in ended.said
    cases = lines(tmp_path, "cases.jsonl")
    assert [case["subject"] for case in cases if case["integration"] == "beside"] == ["Question 9"]
    assert len([case for case in cases if case["integration"] == "lying"]) == lie.cases
    (error,) = lines(tmp_path, "errors.jsonl")
    assert error["kind"] in lie.kinds
    assert len(ended.said.splitlines()) == 1
    assert ended.said.strip().isprintable()


def test_a_server_that_does_not_lie_needs_as_much(tmp_path: Path) -> None:
    """So that the bound on memory is known to be no wide one."""
    with ScriptedImap({**GOOD_REPLIES, **fetch(fetch_response(1, MAIL) + DONE)}) as server:
        ended = run(tmp_path, server)
    assert (ended.status, ended.said) == (0, "")
    assert len(lines(tmp_path, "cases.jsonl")) == 2
    assert MEMORY / 5 < ended.memory < MEMORY
