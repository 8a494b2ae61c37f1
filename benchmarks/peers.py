"""What people write with the libraries there are: `python -m benchmarks.peers NAME PORT USER [...]`.

Each reads subject, addresses, date, texts and attachments of every unread mail and marks it read; the idle
ones log in and look for unread mail. Prints how many mails there were.
"""

from __future__ import annotations

import argparse
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import wire
from benchmarks.wire import HOSTS, Door

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 50


def imap_tools_loop(door: Door) -> int:
    """The loop of imap_tools' own first example: a mail a command, marked by fetching it."""
    return _imap_tools(door, bulk=False)


def imap_tools_bulk(door: Door) -> int:
    """The same with `bulk`: fifty mails a command."""
    return _imap_tools(door, bulk=BATCH)


def _imap_tools(door: Door, *, bulk: bool | int) -> int:
    from imap_tools import MailBoxUnencrypted  # noqa: PLC0415 - each peer pays for its own library
    from imap_tools.query import AND  # noqa: PLC0415

    count = 0
    with MailBoxUnencrypted(door.host, door.port).login(door.user, door.password) as mailbox:
        for mail in mailbox.fetch(AND(seen=False), mark_seen=True, bulk=bulk):
            _ = (mail.subject, mail.from_values, mail.to_values, mail.date, mail.text, mail.html)
            _ = [file.payload for file in mail.attachments]
            count += 1
    return count


def imapclient_one_by_one(door: Door) -> int:
    """Fetch a mail, read it, mark it, the next."""
    from benchmarks.readers import with_default  # noqa: PLC0415

    with _imapclient(door) as client:
        client.select_folder("INBOX")
        uids = client.search("UNSEEN")
        for uid in uids:
            with_default(client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"])
            client.add_flags([uid], [b"\\Seen"], silent=True)
    return len(uids)


def imapclient_in_batches(door: Door) -> int:
    """Fifty mails a command."""
    from benchmarks.readers import with_default  # noqa: PLC0415

    with _imapclient(door) as client:
        client.select_folder("INBOX")
        uids = client.search("UNSEEN")
        for part in wire.batches(uids, BATCH):
            for found in client.fetch(part, ["BODY.PEEK[]"]).values():
                with_default(found[b"BODY[]"])
            client.add_flags(part, [b"\\Seen"], silent=True)
    return len(uids)


def imapclient_look(door: Door) -> int:
    """Look into one mailbox, as an idle sweep does."""
    with _imapclient(door) as client:
        client.select_folder("INBOX")
        return len(client.search("UNSEEN"))


_contexts: dict[Path, ssl.SSLContext] = {}


def _imapclient(door: Door) -> Any:
    from imapclient import IMAPClient  # noqa: PLC0415

    if door.ca_file is None:
        client = IMAPClient(door.host, door.port, ssl=False)
    else:
        if door.ca_file not in _contexts:
            _contexts[door.ca_file] = ssl.create_default_context(cafile=door.ca_file)
        client = IMAPClient(door.host, door.port, ssl=True, ssl_context=_contexts[door.ca_file])
    client.login(door.user, door.password)
    return client


PEERS: dict[str, Callable[[Door], int]] = {
    "floor": wire.floor,
    "floor-look": wire.look,
    "imap_tools-loop": imap_tools_loop,
    "imap_tools-bulk": imap_tools_bulk,
    "imapclient-one": imapclient_one_by_one,
    "imapclient-batch": imapclient_in_batches,
    "imapclient-look": imapclient_look,
}


def main() -> None:
    """Do the work of one peer in one mailbox, or in many by a pool of threads."""
    options = argparse.ArgumentParser()
    options.add_argument("name", choices=PEERS)
    options.add_argument("port", type=int)
    options.add_argument("users", nargs="+")
    options.add_argument("--pool", type=int, default=1)
    options.add_argument("--ca-file", type=Path)
    chosen = options.parse_args()
    doors = [
        Door(user, chosen.port, HOSTS[number % len(HOSTS)], ca_file=chosen.ca_file)
        for number, user in enumerate(chosen.users)
    ]
    with ThreadPoolExecutor(chosen.pool) as pool:
        print(sum(pool.map(PEERS[chosen.name], doors)))


if __name__ == "__main__":
    main()
