"""`emailint init` at a terminal and against a real server, to the first sweep."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.memory import letter
from tests.support.typing_person import TypingPerson

if TYPE_CHECKING:
    from tests.e2e.conftest import Installation
    from tests.support.dovecot import Dovecot, Mailbox

SECRET = "geheim-4711"


def person(installation: Installation, *arguments: str) -> TypingPerson:
    return TypingPerson(installation.command("init", *arguments), installation.folder, installation.environ)


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Mailbox:
    user = dovecot.create_user()
    user.deliver(letter(1))
    return user


def options(dovecot: Dovecot, mailbox: Mailbox) -> list[str]:
    return [
        *("--mailbox", "payroll@example.org", "--host", "localhost", "--port", str(dovecot.tls_port)),
        *("--ca-file", str(dovecot.ca_file), "--username", mailbox.user, "--smtp-host", "none"),
    ]


def test_a_person_is_asked_and_the_secret_is_never_shown(installation: Installation) -> None:
    with person(installation) as sara:
        sara.answers("Address of the mailbox", "payroll")
        sara.answers("is not an e-mail address", "payroll@gmail.com")
        sara.answers("[gmail]", "")
        sara.answers("A name for it [payroll]", "")
        sara.waits_for("https://myaccount.google.com/apppasswords")
        sara.answers("Where is it?", "")
        sara.answers("Its password", SECRET)
        sara.answers("[payroll.secret]", "")
        sara.answers("Leave older mail alone?", "")
        sara.answers("Workspace", "1201")
        sara.answers("Confirm each mail", "n")
        sara.answers("Test the connection now?", "n")
        sara.answers("Write integrations.yaml?", "")
        sara.waits_for("emailint process --dry-run")
        assert sara.ends() == 0
        assert SECRET not in sara.seen
    assert (installation.folder / "payroll.secret").read_text() == f"{SECRET}\n"
    assert "template: none" in (installation.folder / "integrations.yaml").read_text()
    installation.run("check")


@pytest.mark.parametrize("question", ["Address of the mailbox", "Its password", "Write integrations.yaml?"])
def test_an_interrupt_at_any_question_leaves_nothing(installation: Installation, question: str) -> None:
    replies = {
        "Address of the mailbox": "payroll@gmail.com",
        "Provider": "",
        "A name for it": "",
        "Where is it?": "",
        "Its password": SECRET,
        "[payroll.secret]": "",
        "Leave older mail": "",
        "Workspace": "",
        "Confirm each mail": "",
        "Write integrations.yaml?": "",
    }
    with person(installation, "--no-test") as sara:
        for asked, reply in replies.items():
            if asked == question:
                sara.interrupts(asked)
                break
            sara.answers(asked, reply)
        assert sara.ends() == 130
        assert "interrupted; nothing was written" in sara.seen
        assert SECRET not in sara.seen
    assert list(installation.folder.iterdir()) == []


def test_beside_a_configuration_a_person_gets_a_block(installation: Installation) -> None:
    installation.run("init", "--mailbox", "desk@localhost", "--provider", "maildir")
    before = (installation.folder / "integrations.yaml").read_bytes()
    with person(installation, "--mailbox", "desk@localhost", "--provider", "maildir", "--path", "b") as sara:
        sara.waits_for("stays as it is: you get a block to paste into it")
        sara.answers("A name for it [desk]", "desk")
        sara.answers("is there already; give another name", "other")
        sara.answers("Workspace", "")
        sara.waits_for("- name: other")
        sara.waits_for("Paste it below `integrations:`")
        assert sara.ends() == 0
    assert (installation.folder / "integrations.yaml").read_bytes() == before


def with_stdin(
    installation: Installation, arguments: list[str], text: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        installation.command("init", "--password-stdin", *arguments),
        cwd=installation.folder,
        env=installation.environ,
        input=text,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_script_gets_from_nothing_to_the_first_case(
    installation: Installation, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    done = with_stdin(installation, options(dovecot, mailbox), f"{mailbox.password}\n")
    assert done.returncode == 0, done.stderr
    assert "mark read" in done.stdout
    assert mailbox.password not in done.stdout + done.stderr
    assert len(mailbox.unread()) == 1
    installation.run("check")
    assert installation.process()["totals"]["cases"] == 1


def test_a_login_that_is_refused_leaves_nothing(
    installation: Installation, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    done = with_stdin(installation, options(dovecot, mailbox), f"{SECRET}\n")
    assert done.returncode == 1
    assert "the connection test failed; nothing was written" in done.stderr
    assert "What to do:" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    assert list(installation.folder.iterdir()) == []
