"""Thirty-two mailboxes at once over one store."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

from emailint.message.model import Attachment
from emailint.store import Store
from emailint.store.records import Entry, Key, Trouble
from tests.unit.store.making import NOW, case, case_id, line, locus, reply

THREADS = 32
BATCHES = 5
BATCH = 4


def test_thirty_two_threads_neither_lose_nor_double(folder: Path, store: Store) -> None:
    start = Barrier(THREADS)

    def mailbox(number: int) -> None:
        account = f"imap://{number}@host"
        start.wait()
        for batch_number in range(BATCHES):
            uids = range(batch_number * BATCH, (batch_number + 1) * BATCH)
            loci = [locus(uid, account) for uid in uids]
            assert store.ledger.done(loci) == frozenset()
            store.ledger.begin(loci)
            with store.ledger.transaction() as batch:
                for uid in uids:
                    batch.add(entry(account, uid, batch.next_case_number()))
            store.attachments.save(entry(account, uids[0], 1).key, [Attachment("a", "x/y", b"z")])
            store.project()
            assert set(store.ledger.unmarked(account)) == set(loci)
            store.ledger.marked(loci)
            store.ledger.trouble(Trouble("kind", "message", False, "text"), NOW)
            store.ledger.set_health(account, store.ledger.health(account))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(mailbox, range(THREADS)))
    total = THREADS * BATCHES * BATCH
    lines = (folder / "cases.jsonl").read_text().splitlines()
    assert [json.loads(each)["case_id"] for each in lines] == [case_id(n) for n in range(1, total + 1)]
    assert store.ledger.errors()[0].count == THREADS * BATCHES
    due = store.ledger.due_replies(NOW)
    assert len(due) == total
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda each: store.ledger.sending(each, NOW), due))
    assert store.ledger.due_replies(NOW) == []


def entry(account: str, uid: int, number: int) -> Entry:
    """The case of one message of a mailbox, with the number that was taken for it."""
    return replace(
        case(uid, account=account, content=line(number), answer=reply(number)),
        key=Key(account, f"1:{account} {uid}"),
        case_id=case_id(number),
    )
