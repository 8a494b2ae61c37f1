"""What a configuration costs, since cron pays for it every minute."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from emailint.config.model import Config
    from emailint.config.problems import Problem

    Load = Callable[..., Config]
    Problems = Callable[..., tuple[Problem, ...]]

HEAVY = {
    "asyncio",
    "charset_normalizer",
    "click",
    "email.policy",
    "email_validator",
    "http.client",
    "imapclient",
    "importlib.metadata",
    "inscriptis",
    "jinja2",
    "jsonschema",
    "msal",
    "nh3",
    "pydantic",
    "pydantic_core",
    "requests",
    "rich",
    "sqlite3",
    "ssl",
    "tenacity",
}

BOX = """\
- name: box{number}
  <<: *server
  mailbox: box{number}@example.org
  password: ${{PW}}
  workspace: {number}
  case: {{category: Payroll, priority: High}}
"""
SERVER = """\
x-server: &server {host: mail.example.org, outbound: {host: mail.example.org}}
integrations:
"""


def modules_after(statement: str) -> set[str]:
    """What a fresh interpreter has imported."""
    program = f"import sys; {statement}; print(*sys.modules)"
    return set(
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        ).stdout.split()
    )


def test_loading_imports_nothing_heavy() -> None:
    loaded = modules_after("import emailint.config.load as load; load.validated({}, None, None)")
    assert "emailint.config.keys" in loaded
    assert loaded & HEAVY == set()


def test_the_resolved_model_needs_neither_pydantic_nor_yaml() -> None:
    assert not modules_after("import emailint.config.model, emailint.config.secrets") & {"pydantic", "yaml"}


def test_five_thousand_mailboxes_load_in_time(load_text: Load) -> None:
    text = SERVER + "".join(BOX.format(number=number) for number in range(5000))
    assert len(text) < 1_000_000
    begun = time.process_time()
    assert len(load_text(text).integrations) == 5000
    assert time.process_time() - begun < 8


def test_two_thousand_wrong_ones_are_told_in_time(problems_of: Problems) -> None:
    text = SERVER + "".join(BOX.format(number=number).replace("mailbox", "mialbox") for number in range(2000))
    begun = time.process_time()
    assert len(problems_of(text)) == 2000
    assert time.process_time() - begun < 12
