"""What a quiet sweep of cron's loads: nothing that only mail, replies, people or Microsoft need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONFIG = """\
store: store
integrations:
  - name: local
    mailbox: desk@example.org
    protocol: maildir
    path: maildir
    outbound: {type: folder, path: outbox}
    workspace: 1
  - name: other
    mailbox: other@example.org
    protocol: maildir
    path: other
    outbound: {type: none}
    workspace: 1
"""
HEAVY = {
    *("charset_normalizer", "cryptography", "email.policy", "imapclient", "importlib.metadata", "inscriptis"),
    *("jinja2", "jwt", "lxml", "msal", "multiprocessing", "nh3", "pydantic", "pydantic_core", "requests"),
    *("rich", "smtplib", "tenacity", "urllib3"),
}
OF_MAIL = {
    *("emailint.message.read", "emailint.message.parallel", "emailint.routing.route", "emailint.templating"),
    *("emailint.sweep.taking", "emailint.sweep.entry", "emailint.sweep.plans", "emailint.sweep.dry_run"),
    *("emailint.message.model", "emailint.message.quoted", "emailint.reply.policy"),
}
NOT_ASKED_FOR = {"emailint.sweep.metrics", "emailint.sweep.status"}
SCRIPT = """\
import sys
from emailint.cli import main
status = main(["process"])
print(*sys.modules, sep="\\n")
sys.exit(status)
"""


def loaded(folder: Path) -> set[str]:
    """The modules that a sweep has loaded by its end."""
    return set(run(SCRIPT, folder).split())


def run(script: str, folder: Path) -> str:
    """What a script prints that runs in an environment as bare as cron's."""
    environ = {"PATH": "/usr/bin:/bin", "LANG": "C", "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=folder, env=environ, check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_an_idle_sweep_loads_nothing_that_only_mail_needs(tmp_path: Path) -> None:
    (tmp_path / "integrations.yaml").write_text(CONFIG, encoding="utf-8")
    for name in ("maildir", "other"):
        for part in ("cur", "new", "tmp"):
            (tmp_path / name / part).mkdir(parents=True)
    loaded(tmp_path)  # the first sweep makes the store
    modules = loaded(tmp_path)
    assert "emailint.sweep.order" in modules
    assert modules & HEAVY == set()
    assert modules & (OF_MAIL | NOT_ASKED_FOR) == set()
    (tmp_path / "maildir" / "new" / "1.one").write_bytes(b"From: ann@example.com\nSubject: Hi\n\nHelp.\n")
    assert loaded(tmp_path) >= OF_MAIL - {"emailint.message.parallel", "emailint.sweep.dry_run"}
