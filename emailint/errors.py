"""The taxonomy of what can go wrong, and the exit codes.

Each class says how wide the trouble is (`scope`) and whether trying again can help (`transient`).

    EmailintError
    ├── ConfigError            run          permanent   exit 78   the configuration is wrong
    ├── UsageError             run          permanent   exit 2    wrong command line
    ├── StoreError             run          permanent   exit 73   the store cannot be used
    │   ├── LockTimeout        run          transient   exit 1    another sweep held it until the deadline
    │   └── StoreBusy          run          transient   exit 0    another sweep holds the store
    ├── DirectoryError         run          permanent             the directory cannot be used as it is
    ├── MetricsFailed          message      permanent             the file of metrics cannot be written
    ├── StoreWarning           run          permanent             a file of the store was changed by others
    ├── SourceError            integration                        a mailbox cannot be swept
    │   ├── ConnectionFailed   integration  transient             name, TCP, time-out, lost connection
    │   ├── TlsFailed          integration  permanent             certificate or TLS refused
    │   ├── LoginRefused       integration  permanent             user name, password or token refused
    │   ├── SecretUnavailable  integration  permanent             the secret gave nothing
    │   ├── FolderMissing      integration  permanent             no such folder
    │   ├── FolderForbidden    integration  permanent             a folder that may not be opened
    │   ├── FolderReadOnly     integration  permanent             mail cannot be marked read
    │   ├── Throttled          integration  transient             the server asks to wait
    │   └── ProtocolFailed     integration  transient             an answer that no RFC allows
    ├── OutboundError          message                            a reply was not sent
    │   ├── OutboundUnavailable  message    transient             nothing was handed over; safe to repeat
    │   │   └── OutboundDeferred  message   transient             this one mail is not taken now (a 4xx)
    │   ├── OutboundRefused      message    permanent             refused, this recipient or content
    │   ├── RepliesStopped     integration  permanent             too many cases at once: no replies
    │   ├── CopyLeft             message    transient             sent, and its copy cannot be removed
    │   └── OutcomeUnknown       message    permanent             handed over, no answer: never sent again
    │       └── OutcomePending   message    permanent             the same, and still looked for
    ├── MessageError           message      permanent             one mail cannot be read or stored
    │   ├── AttachmentError    message      permanent             an attachment cannot be stored
    │   ├── ReplyBounced       message      permanent             a reply came back undelivered
    │   ├── Held               message      permanent             waits for a person; its octets are kept
    │   ├── Undelivered        message      permanent             its server gives others and not this one
    │   ├── Unmarked           message      permanent             its server marks others and not this one
    │   ├── Unmoved            message      permanent             its server moves others and not this one
    │   └── Quarantined        message      permanent             failed too often; its octets are kept
    ├── HookFailed             message      transient             a command of the owner's fails on a line
    └── TemplateError          message      permanent             a template cannot be rendered

A message text says what failed, where, what became of the mail, and what to do (`hint`).
No secret ever goes into one.
"""

from __future__ import annotations

import re
from enum import IntEnum, StrEnum


class Exit(IntEnum):
    """Exit status of every command (sysexits.h where a number exists there)."""

    OK = 0
    TROUBLE = 1
    USAGE = 2
    BUG = 70
    STORE = 73
    CONFIG = 78


class Scope(StrEnum):
    """How wide a trouble is."""

    RUN = "run"
    INTEGRATION = "integration"
    MESSAGE = "message"


class EmailintError(Exception):
    """Root of all errors of this package.

    `str(error)` is one line for people; `hint` says what to do; `retry_after` is in seconds where a
    server named a time.
    """

    scope: Scope = Scope.RUN
    transient: bool = False
    exit_code: Exit = Exit.TROUBLE

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.retry_after = retry_after

    @property
    def kind(self) -> str:
        """The class name in snake case: `LoginRefused` is `login_refused`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()


class ConfigError(EmailintError):
    """The configuration is wrong; nothing was touched."""

    exit_code = Exit.CONFIG


class UsageError(EmailintError):
    """The command line asks for something that is not there."""

    exit_code = Exit.USAGE


class StoreError(EmailintError):
    """The store cannot be used; nothing remote was touched."""

    exit_code = Exit.STORE


class StoreWarning(EmailintError):
    """Something is amiss with a file of the store; the sweep goes on."""


class LockTimeout(StoreError):
    """A sweep that does not cover this one held the store until the deadline; nothing was touched."""

    transient = True
    exit_code = Exit.TROUBLE


class StoreBusy(StoreError):
    """Another sweep holds the store."""

    transient = True
    exit_code = Exit.OK


class DirectoryError(EmailintError):
    """The directory file or its index cannot be used; the last good index serves, where there is one."""


class MetricsFailed(EmailintError):
    """The file of metrics cannot be written; sweeps go on without it."""

    scope = Scope.MESSAGE


class SourceError(EmailintError):
    """A mailbox cannot be swept.

    `loci` are messages that were asked for and are not given (marked, moved), where it is about these and no
    others.
    """

    scope = Scope.INTEGRATION
    loci: tuple[str, ...] = ()


class ConnectionFailed(SourceError):
    """Name resolution, TCP, a time-out, or a connection that was lost."""

    transient = True


class TlsFailed(SourceError):
    """The certificate or the TLS handshake was refused; no credential was sent."""


class LoginRefused(SourceError):
    """The server refused the user name, password or token."""


class SecretUnavailable(SourceError):
    """The secret's variable, file or command gave nothing."""


class SecretExpires(SourceError):
    """The secret or certificate of an application ends soon; until then all is well."""


class FolderMissing(SourceError):
    """There is no such folder in the mailbox."""


class FolderForbidden(SourceError):
    """The folder may not be opened by this user."""


class FolderReadOnly(SourceError):
    """The folder does not let mail be marked read."""


class Throttled(SourceError):
    """The server asks to come back later."""

    transient = True


class ProtocolFailed(SourceError):
    """The server answered what no RFC allows, or more than the limits let in."""

    transient = True


class OutboundError(EmailintError):
    """A reply was not sent."""

    scope = Scope.MESSAGE


class OutboundUnavailable(OutboundError):
    """Nothing was handed over; the same reply may be tried again later."""

    transient = True


class OutboundDeferred(OutboundUnavailable):
    """The server takes mail, but not this one now (4xx: greylisting, a full mailbox)."""


class OutboundRefused(OutboundError):
    """The server refused the recipient or the content for good."""


class RepliesStopped(OutboundError):
    """Too many cases of one mailbox in a short time: its mail is taken, but nobody is answered."""

    scope = Scope.INTEGRATION


class OutcomeUnknown(OutboundError):
    """The reply was handed over and no answer came; it is never sent again by itself."""


class OutcomePending(OutcomeUnknown):
    """The same, and the server may be asked later what became of it."""


class CopyLeft(OutboundError):
    """A reply was sent, and the copy that the server filed of it could not be removed."""

    transient = True


class MessageError(EmailintError):
    """One mail cannot be read or stored."""

    scope = Scope.MESSAGE


class AttachmentError(MessageError):
    """An attachment cannot be stored."""


class ReplyBounced(MessageError):
    """A reply of ours came back: its reader did not get it."""


class Held(MessageError):
    """A mail that waits for a person; its octets are kept, and it is marked read."""


class Undelivered(MessageError):
    """A mail that its server lists and does not give, though it gives others; it stays unread."""


class Unmarked(MessageError):
    """A mail that its server does not let be marked read, though it does others; it stays unread."""


class Unmoved(MessageError):
    """A mail that its server does not let be moved, though it does others; it stays in its folder."""


class Quarantined(MessageError):
    """A mail that could not be read too often: its octets are kept, and a case of its headers was made."""


class HookFailed(EmailintError):
    """A command of the owner's (`on_case`, say) fails on a line that it is given; the line is kept for it."""

    scope = Scope.MESSAGE
    transient = True


class TemplateError(EmailintError):
    """A template cannot be found or rendered."""

    scope = Scope.MESSAGE
