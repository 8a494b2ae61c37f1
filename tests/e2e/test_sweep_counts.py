"""What a sweep costs in commands, round trips and connections, which no busy machine can blur."""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING

import pytest

from tests.support.memory import letter
from tests.support.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Installation
    from tests.support.dovecot import Dovecot, Mailbox

BATCH = 50
CONFIG = """\
store: data
deadline: 10m
integrations:
  - name: desk
    mailbox: desk@example.org
    username: {user}
    password: {password}
    host: 127.0.0.1
    port: {port}
    tls: none
    outbound: {{type: none}}
    reply: {{template: none}}
    workspace: 1
"""


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Mailbox:
    return dovecot.create_user()


@pytest.fixture
def relay(dovecot: Dovecot, mailbox: Mailbox, installation: Installation) -> Iterator[Relay]:
    """Stands before the server, and counts."""
    with Relay(dovecot.port) as between:
        installation.configure(
            CONFIG.format(user=mailbox.user, password=f'"{mailbox.password}"', port=between.port)
        )
        yield between


def commands(relay: Relay) -> list[str]:
    """All that was asked of the server, without tags."""
    return [line.partition(" ")[2] for line in bytes(relay.from_client).decode("ascii").split("\r\n") if line]


@pytest.mark.parametrize("count", [0, 1, 50, 120, 300])
def test_commands_for_so_many_unread(
    count: int, mailbox: Mailbox, relay: Relay, installation: Installation
) -> None:
    """Three hundred are read in other processes, one batch ahead; the wire does not see it."""
    mailbox.deliver_many(letter(number) for number in range(count))
    document = installation.process()
    assert document["totals"]["cases"] == count
    assert mailbox.unread() == []
    asked = commands(relay)
    assert len(asked) <= 5 + 2 * ceil(count / BATCH)
    assert relay.connections == 1
    assert relay.round_trips <= 6 + 2 * ceil(count / BATCH)
    stores = [each for each in asked if "STORE" in each]
    assert len(stores) == ceil(count / BATCH)
    assert all(re.fullmatch(r"UID STORE [\d,:]+ \+FLAGS\.SILENT \(\\Seen\)", each) for each in stores)


def test_nothing_is_fetched_in_a_way_that_marks_it(
    mailbox: Mailbox, relay: Relay, installation: Installation
) -> None:
    mailbox.deliver_many([letter(1), letter(2, body="x" * 100_000)])
    installation.process()
    fetches = [each for each in commands(relay) if "FETCH" in each]
    assert fetches
    for fetch in fetches:
        items = re.sub(r"BODY\.PEEK\[[^\]]*\](?:<[\d.]+>)?|RFC822\.SIZE|INTERNALDATE|UID|FLAGS", "", fetch)
        assert re.fullmatch(r" FETCH [\d,:]+ [( )]*", items), fetch


def test_consecutive_mails_are_named_by_ranges(
    mailbox: Mailbox, relay: Relay, installation: Installation
) -> None:
    mailbox.deliver_many(letter(number) for number in range(BATCH))
    installation.process()
    named = [each for each in commands(relay) if "STORE" in each or "FETCH" in each]
    assert {re.sub(r"UID \w+ ([\d,:]+).*", r"\1", each) for each in named} == {f"1:{BATCH}"}
