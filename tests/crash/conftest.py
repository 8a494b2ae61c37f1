"""For the tests of deaths: the runner, the scenes, and what they counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.scenes import GraphScene, ImapScene, MaildirScene
from tests.support.dovecot import dovecot
from tests.support.dying import Dying
from tests.support.figures import figures
from tests.support.graph_double import GraphDouble
from tests.support.smtp import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.crash.scenes import Scene

__all__ = ["dovecot", "figures"]


@pytest.fixture(scope="module")
def dying() -> Iterator[Dying]:
    runner = Dying()
    yield runner
    runner.close()


@pytest.fixture
def stays(tmp_path: Path) -> MaildirScene:
    return MaildirScene(tmp_path / "here", name="Maildir, stays")


@pytest.fixture
def maildir(tmp_path: Path) -> MaildirScene:
    return MaildirScene(tmp_path / "here", move=True, name="Maildir, moves")


@pytest.fixture
def imap(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ImapScene]:
    with SmtpServer("none", login=False) as smtp:
        yield ImapScene(tmp_path / "here", request.getfixturevalue("dovecot"), smtp)


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[GraphScene]:
    with GraphDouble() as double:
        yield GraphScene(tmp_path / "here", double)


@pytest.fixture(params=["stays", "maildir", "imap", "graph"])
def scene(request: pytest.FixtureRequest) -> Scene:
    """Each kind of mailbox."""
    found: Scene = request.getfixturevalue(request.param)
    return found
