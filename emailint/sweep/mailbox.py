"""One mailbox: what is unread and new, in batches, fetched and read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from emailint import message as reader
from emailint.errors import MessageError, ProtocolFailed, SourceError, Undelivered
from emailint.sources.protocol import RawMessage
from emailint.sweep.troubles import About

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from emailint.config.model import Config, Integration
    from emailint.message.model import InboundMessage, ReadSettings
    from emailint.sources.protocol import MailSource, MessageRef

WINDOW = 1_000
"""How many messages are measured with one command."""


@dataclass(frozen=True, slots=True)
class Read:
    """A message that was fetched and read.

    `whole` is False where headers alone were fetched; `failure` is set, and `message` None, where reading
    ended by an error.
    """

    ref: MessageRef
    message: InboundMessage | None
    raw: bytes
    whole: bool = True
    failure: MessageError | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Some messages that are fetched with one command."""

    refs: Sequence[MessageRef]
    headers_only: bool = False

    @property
    def octets(self) -> int:
        """How much will come, as the server announces it."""
        return 0 if self.headers_only else sum(ref.size or 0 for ref in self.refs)


@dataclass(slots=True)
class Fetched:
    """What came of one fetch.

    `vanished` were no longer there; `withheld` are there and were not given, each with why; `unread` were not
    come to, since `error` ended it early (it may also name what was withheld, and have ended nothing).
    """

    reads: list[Read] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    withheld: dict[str, SourceError] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    error: SourceError | None = None


def jobs(refs: Sequence[MessageRef], config: Config) -> Iterator[Job]:
    """Cut measured messages into jobs, bounded by count and by octets, keeping their order.

    A message over the size limit is a job of its own, of which only the headers are fetched.
    """
    limits = config.limits
    waiting: list[MessageRef] = []
    octets = 0
    for ref in refs:
        size = ref.size or 0
        oversize = size > limits.message_size
        full = len(waiting) >= limits.batch_messages or octets + size > limits.batch_bytes
        if waiting and (oversize or full):
            yield Job(tuple(waiting))
            waiting, octets = [], 0
        if oversize:
            yield Job((ref,), headers_only=True)
        else:
            waiting.append(ref)
            octets += size
    if waiting:
        yield Job(tuple(waiting))


def windows(refs: Sequence[MessageRef]) -> Iterator[Sequence[MessageRef]]:
    """Cut a long list into pieces that are measured one by one."""
    for start in range(0, len(refs), WINDOW):
        yield refs[start : start + WINDOW]


def fetch(source: MailSource, job: Job, read_one: Callable[[RawMessage], Read]) -> Fetched:
    """Fetch and read a job. A connection that breaks in the middle keeps what came before."""
    fetched = Fetched()
    missing = {ref.locus: ref for ref in job.refs}
    try:
        for raw in source.fetch(job.refs, headers_only=job.headers_only):
            ref = missing.pop(raw.ref.locus, raw.ref)
            if raw.whole and not raw.raw and ref.size != 0:
                announced = "" if ref.size is None else f" of its {ref.size:,} octets"
                fetched.withheld[ref.locus] = ProtocolFailed(f"the server gave none{announced}")
            else:
                fetched.reads.append(read_one(raw))
        still_there = {ref.locus for ref in source.measure(list(missing.values()))} if missing else set[str]()
    except SourceError as error:
        fetched.error = error
        fetched.withheld |= {locus: error for locus in error.loci if locus in missing}
        fetched.unread += [locus for locus in missing if locus not in fetched.withheld]
    else:
        silence = ProtocolFailed("the server lists it and gives nothing of it")
        fetched.withheld |= {locus: silence for locus in missing if locus in still_there}
        fetched.vanished += [locus for locus in missing if locus not in still_there]
    order = {ref.locus: number for number, ref in enumerate(job.refs)}
    fetched.reads.sort(key=lambda each: order[each.ref.locus])
    return fetched


def read(raw: RawMessage, settings: ReadSettings) -> Read:
    """Read one message; whatever goes wrong with it stays with it, and its octets are kept."""
    try:
        if raw.whole:
            return Read(raw.ref, reader.read_message(raw.raw, settings), raw.raw)
        message = reader.read_headers(raw.raw, settings)
        return Read(raw.ref, replace(message, size=raw.ref.size or message.size), raw.raw, whole=False)
    except Exception as error:  # noqa: BLE001 - the message boundary: one mail never ends a sweep
        failure = MessageError(f"the mail could not be read: {type(error).__name__}")
        failure.__cause__ = error
        return Read(raw.ref, None, raw=raw.raw, whole=raw.whole, failure=failure)


def again_alone(failed: Read, settings: ReadSettings) -> Read:
    """Read once more, in a child process, what could not be read in this one."""
    return read_alone(RawMessage(failed.ref, failed.raw, failed.whole), settings)


def read_alone(raw: RawMessage, settings: ReadSettings) -> Read:
    """Read a suspect in a child process, so that what kills it does not kill the sweep."""
    if not raw.whole:
        return read(raw, settings)
    try:
        return Read(raw.ref, reader.read_in_child(raw.raw, settings), raw=raw.raw)
    except MessageError as error:
        return Read(raw.ref, None, raw=raw.raw, failure=error)


def quarantined(alone: Read, settings: ReadSettings) -> Read:
    """The minimal reading of a message that failed too often."""
    return replace(alone, message=reader.read_minimal(alone.raw, settings, str(alone.failure)))


def headers_alone(source: MailSource, ref: MessageRef, settings: ReadSettings, failure: Undelivered) -> Read:
    """The minimal reading of a message that is not given: of its headers, as far as these are to be had."""
    try:
        raw = next((each.raw for each in list(source.fetch([ref], headers_only=True))), b"")
    except SourceError:
        raw = b""
    message = reader.read_minimal(raw, settings)
    if message.message_id is None:  # nothing may tell it from another such message
        raw = (raw or b"\r\n") + ref.locus.encode("utf-8", "surrogatepass")
        message = reader.read_minimal(raw, settings)
    message = replace(
        message,
        size=ref.size or message.size,
        attachments=(),
        defects=(f"not_delivered: {failure}", *message.defects[1:]),
    )
    return Read(ref, message, raw, whole=False, failure=failure)


def about(ref: MessageRef, message: InboundMessage | None, attempt: int = 1) -> About:
    """What an error says of a message."""
    return About(
        key=ref.locus,
        locus=ref.locus,
        message_id=message.message_id if message else None,
        subject=message.subject if message else None,
        attempt=attempt,
    )


def read_settings(config: Config, integration: Integration) -> ReadSettings:
    """What reading has to know of this mailbox."""
    from emailint.message.model import Limits, ReadSettings  # noqa: PLC0415 - an idle sweep reads nothing

    return ReadSettings(
        own_addresses=config.own_addresses,
        authserv_id=integration.authserv_id,
        limits=Limits(message=config.limits.message_size),
    )
