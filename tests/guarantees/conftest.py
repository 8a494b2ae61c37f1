"""For the guarantees: a world in memory, and a desk on real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Installation, installation
from tests.support.desk import Desk
from tests.support.dovecot import dovecot
from tests.support.figures import figures
from tests.support.smtp import SmtpServer
from tests.support.world import World, make_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.dovecot import Dovecot

__all__ = ["dovecot", "figures", "installation"]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer("none", login=False) as server:
        yield server


@pytest.fixture
def desk(installation: Installation, dovecot: Dovecot, smtp: SmtpServer) -> Desk:
    """Configured and well."""
    mailbox = dovecot.create_user()
    made = Desk(installation, mailbox, smtp)
    made.configure(
        name="payroll",
        address="payroll@example.org",
        host="localhost",
        port=dovecot.tls_port,
        tls="implicit",
        ca=dovecot.ca_file,
        user=mailbox.user,
        password=mailbox.password,
        smtp=smtp.port,
    )
    return made
