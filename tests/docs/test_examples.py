"""The example mailbox and the configuration at the top, which `make demo` runs."""

from __future__ import annotations

import email
import re
import subprocess
from email import policy
from pathlib import Path

import pytest

from emailint.config.load import load
from emailint.directory.check import check

ROOT = Path(__file__).parents[2]
MAILS = sorted((ROOT / "examples" / "maildir" / "new").iterdir())
DIRECTORY = ROOT / "examples" / "directory.csv"
KINDS = (
    "plain", "html-only", "alternative", "attachments", "inline-image", "raw-8bit-subject", "encoded-subject",
    "auto-reply", "bounce", "list", "follow-up", "two-aliases", "plus-address", "quoted-history", "forwarded",
    "broken", "token", "token-of-a-stranger", "two-firms", "contact",
)  # fmt: skip
RESERVED = re.compile(rb"@(?:[a-z0-9.-]+\.)?(?:example\.(?:com|net|org)|court\.example)\b")


def test_it_holds_every_kind_of_mail() -> None:
    assert [path.name.split(".", 2)[2] for path in MAILS] == list(KINDS)


@pytest.mark.parametrize("path", [*MAILS, DIRECTORY], ids=lambda path: str(path.name.split(".", 2)[-1]))
def test_addresses_are_of_domains_that_nobody_has(path: Path) -> None:
    """RFC 2606 sections 2 and 3."""
    addresses = re.findall(rb"[\w.+-]+@[\w.-]+\w", path.read_bytes())
    assert addresses
    assert [address for address in addresses if not RESERVED.search(address)] == []


def test_the_mails_are_what_their_names_say() -> None:
    mails = {
        path.name.split(".", 2)[2]: email.message_from_bytes(path.read_bytes(), policy=policy.compat32)
        for path in MAILS
    }
    assert mails["html-only"].get_content_type() == "text/html"
    assert mails["alternative"].get_content_type() == "multipart/alternative"
    assert mails["bounce"].get_content_type() == "multipart/report"
    assert mails["auto-reply"]["Auto-Submitted"] == "auto-replied"
    assert mails["list"]["List-Id"]
    assert mails["follow-up"]["In-Reply-To"] == mails["plain"]["Message-ID"]
    assert mails["broken"].get_boundary() is None
    assert b"Cong\xe9 pay\xe9" in next(path for path in MAILS if "8bit" in path.name).read_bytes()


def test_the_configuration_at_the_top_is_well_and_touches_this_machine_alone() -> None:
    config = load(ROOT / "integrations.yaml", {})
    assert [each.protocol for each in config.integrations] == ["maildir"]
    assert [each.outbound.type for each in config.integrations] == ["folder"]
    assert config.store == ROOT / "data"
    assert config.directory == DIRECTORY
    inspected = check(DIRECTORY)
    assert (inspected.problems, inspected.notices) == ((), ())
    assert inspected.organisations == 3
    assert len(config.integrations[0].aliases) >= 2


def alternatives() -> list[str]:
    """The configuration with one of its commented alternatives in force at a time."""
    text = (ROOT / "integrations.yaml").read_text(encoding="utf-8")
    gmail = re.sub(r"    protocol: maildir\n    path: data/maildir\n", "", text)
    gmail = re.sub(r"    # (provider: gmail|password: \$\{PAYROLL_PASSWORD\})", r"    \1", gmail)
    server = re.sub(r"    protocol: maildir\n    path: data/maildir\n", "", text)
    server = re.sub(r"    # (host: mail|username: payroll |password: \{file)", r"    \1", server)
    sendmail = re.sub(r"    outbound: \{type: folder.*\n", "", text)
    smtp = re.sub(
        r"    # (outbound: \{type: smtp)", r"    \1", re.sub(r"    outbound: \{type: folder.*\n", "", server)
    )
    sendmail = re.sub(r"    # (outbound: \{type: sendmail)", r"    \1", sendmail)
    return [gmail, server, smtp, sendmail]


@pytest.mark.parametrize("text", alternatives(), ids=["gmail", "server", "smtp", "sendmail"])
def test_what_it_offers_in_comments_is_well_too(text: str, tmp_path: Path) -> None:
    path = tmp_path / "integrations.yaml"
    secret = tmp_path / "payroll.secret"
    secret.touch(mode=0o600)
    path.write_text(text.replace("/etc/emailint/payroll.secret", str(secret)), encoding="utf-8")
    load(path, {"PAYROLL_PASSWORD": "one"})


@pytest.mark.parametrize("line", ["host: imap.example.org", "provider: gmail", "protocol: imap"])
def test_the_demo_never_sweeps_a_real_mailbox(line: str, tmp_path: Path) -> None:
    demo = tmp_path / "examples" / "demo.sh"
    demo.parent.mkdir()
    demo.write_bytes((ROOT / "examples" / "demo.sh").read_bytes())
    demo.chmod(0o755)
    (tmp_path / "integrations.yaml").write_text(f"integrations:\n  - name: a\n    {line}\n", encoding="utf-8")
    ended = subprocess.run([demo, "/bin/false"], capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 1
    assert "real mailbox" in ended.stderr
    assert not (tmp_path / "data").exists()


def test_the_demo_empties_no_store_that_is_not_its_own(tmp_path: Path) -> None:
    demo = tmp_path / "examples" / "demo.sh"
    demo.parent.mkdir()
    demo.write_bytes((ROOT / "examples" / "demo.sh").read_bytes())
    demo.chmod(0o755)
    (tmp_path / "integrations.yaml").write_text("integrations: []\n", encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cases.jsonl").write_bytes(b"{}\n")
    ended = subprocess.run([demo, "/bin/false"], capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 1
    assert (tmp_path / "data" / "cases.jsonl").read_bytes() == b"{}\n"
