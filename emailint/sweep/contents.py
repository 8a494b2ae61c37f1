"""Mails whose place the ledger does not know: what their headers say, and whether their content is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emailint import message as reader
from emailint.errors import SourceError, Throttled
from emailint.store.records import Key
from emailint.sweep import mailbox
from emailint.sweep.books import Head

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from emailint.config.model import Config, Integration
    from emailint.message.model import InboundMessage
    from emailint.sources.protocol import MailSource, MessageRef, RawMessage
    from emailint.store.ledger import Ledger
    from emailint.store.records import Known

SILENT = "the server lists it and gives nothing of it"

HEADERS_AT_ONCE = 200
"""Messages of whose headers are asked for by one command."""


@dataclass(slots=True)
class Contents:
    """What was found, by locus. `vanished`: no longer there; `unreadable`: why it was not given."""

    heads: dict[str, Head] = field(default_factory=dict)
    message_ids: dict[str, str] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)
    vanished: set[str] = field(default_factory=set)
    unreadable: dict[str, str] = field(default_factory=dict)

    def fetch(self, source: MailSource, job: mailbox.Job) -> Iterator[RawMessage]:
        """The messages of one job, one after the other; what is not given keeps no other back.

        An answer that broke off is asked for once more. Raises SourceError where that breaks off too.
        """
        missing = {ref.locus: ref for ref in job.refs}
        for last in (False, True):
            try:
                for raw in source.fetch(list(missing.values()), headers_only=job.headers_only):
                    ref = missing.pop(raw.ref.locus, raw.ref)
                    if raw.raw or not raw.whole or ref.size == 0:
                        yield raw
                    else:
                        self.unreadable[ref.locus] = SILENT
                break
            except SourceError as error:
                named = [locus for locus in error.loci if missing.pop(locus, None)]
                self.unreadable.update(dict.fromkeys(named, str(error)))
                if named:
                    break
                if last or isinstance(error, Throttled):
                    raise
        self._part(source, missing)

    def _part(self, source: MailSource, missing: Mapping[str, MessageRef]) -> None:
        """What did not come and is listed all the same stays in the books; what went away does not."""
        there = {ref.locus for ref in source.measure(list(missing.values()))} if missing else set[str]()
        self.unreadable.update(dict.fromkeys(there, SILENT))
        self.vanished |= missing.keys() - there


def heads(
    source: MailSource, refs: Sequence[MessageRef], config: Config, integration: Integration
) -> Contents:
    """Sender, subject and Message-ID of each. Raises SourceError."""
    found = Contents()
    settings = mailbox.read_settings(config, integration)
    for start in range(0, len(refs), HEADERS_AT_ONCE):
        job = mailbox.Job(refs[start : start + HEADERS_AT_ONCE], headers_only=True)
        for raw in found.fetch(source, job):
            message = reader.read_headers(raw.raw, settings)
            found.heads[raw.ref.locus] = _head(message)
            if message.message_id is not None:
                found.message_ids[raw.ref.locus] = message.message_id
    return found


def known_contents(
    source: MailSource, refs: Sequence[MessageRef], config: Config, scope: str, ledger: Ledger
) -> Contents:
    """Those whose content the ledger knows, fetched as a sweep fetches them: bounded batches, size limit.

    Raises SourceError, StoreError.
    """
    from emailint.message.fingerprint import fingerprint  # noqa: PLC0415 - a sweep without mail pays nothing

    found = Contents()
    for job in mailbox.jobs(refs, config):
        keys = {raw.ref.locus: Key(scope, fingerprint(raw.raw)) for raw in found.fetch(source, job)}
        with ledger.transaction() as batch:
            rows = {locus: batch.find(key) for locus, key in keys.items()}
        found.known.update((locus, row) for locus, row in rows.items() if row is not None)
    return found


def _head(message: InboundMessage) -> Head:
    sender = message.senders[0].address if message.senders else ""
    return Head(sender, message.subject)
