"""Two mails of one batch that are the same message by their fingerprint, which part headers do not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.world import make_world

if TYPE_CHECKING:
    from pathlib import Path


def mail(second: str) -> bytes:
    text = (
        "From: Ann <ann@example.com>\nTo: payroll@example.org\nSubject: Form\nMessage-ID: <1@example.com>\n"
        "Content-Type: multipart/mixed; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nHere it is.\n"
        f"--b\n{second}\n\nname: Ann\n"
        "--b\nContent-Type: application/pdf; name=form.pdf\n\n%PDF\n--b--\n"
    )
    return text.encode()


AS_FILE = mail("Content-Type: application/octet-stream; name=data.bin")
AS_TEXT = mail("Content-Type: text/plain")
WITHOUT_FILES = AS_TEXT.replace(b"application/pdf; name=form.pdf", b"text/plain")


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (AS_FILE, AS_TEXT, ["data.bin", "form.pdf"]),
        (AS_FILE, WITHOUT_FILES, ["data.bin", "form.pdf"]),
        (AS_TEXT, AS_FILE, ["form.pdf"]),
        (WITHOUT_FILES, AS_FILE, []),
    ],
)
def test_the_case_has_the_attachments_of_the_mail_it_is_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bytes, second: bytes, names: list[str]
) -> None:
    world = make_world(tmp_path, monkeypatch)
    world.source.deliver(first)
    world.source.deliver(second)
    (swept,) = world.sweep().integrations
    assert (swept.counts.cases, swept.counts.already_known) == (1, 1)
    (case,) = world.lines()
    assert [each["name"] for each in case["attachments"]] == names
