"""What reading costs before it begins: heavy libraries are imported for the mails that need them only."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "nh3",
    "inscriptis",
    "lxml",
    "charset_normalizer",
    "tnefparse",
    "email.policy",
    "email.parser",
    "requests",
)
PROGRAM = """
import json, sys
import emailint.message
from emailint.message import {name}
if {raw!r}: emailint.message.read_message({raw!r})
print(json.dumps(sorted(sys.modules)))
"""
PLAIN = (
    b"From: =?utf-8?Q?J=C3=B6rg?= <a@example.com>\nSubject: x\nDate: 24 Nov 2026 18:00:05 +0000\n\nHello\n"
)
HTML = PLAIN.replace(b"Subject", b"Content-Type: text/html\nSubject")


def imported(name: str, raw: bytes) -> set[str]:
    program = PROGRAM.format(name=name, raw=raw)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(("name", "raw"), [("model", b""), ("read_message", PLAIN)])
def test_heavy_libraries_stay_out(name: str, raw: bytes) -> None:
    modules = imported(name, raw)
    assert modules.isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("model", {"emailint.message.model"}),
        ("read_message, read_headers, read_minimal, read_in_child", set()),
    ],
)
def test_naming_the_readers_imports_next_to_nothing(name: str, more: set[str]) -> None:
    modules = {module for module in imported(name, b"") if module.startswith("emailint.")}
    assert modules == {"emailint.message"} | more


def test_html_brings_its_own() -> None:
    assert {"nh3", "inscriptis"} <= imported("read_message", HTML)
