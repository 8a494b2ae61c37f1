"""Replies through Microsoft Graph: a draft that is checked, noted, and sent once.

Nothing in Graph makes sending idempotent: an answer that is lost after POST means "perhaps sent". So the
immutable id of the draft is durable before it is sent, and whoever doubts looks where the draft is: it keeps
its id when Exchange moves it to Sent Items.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from emailint.errors import (
    ConnectionFailed,
    LoginRefused,
    OutboundDeferred,
    OutboundRefused,
    OutboundUnavailable,
    OutcomePending,
    SourceError,
    Throttled,
)
from emailint.graph_client.answers import Refused
from emailint.graph_client.client import GraphClient
from emailint.oauth.claims import may
from emailint.outbound import graph_trace
from emailint.outbound.gate import KEPT, admit
from emailint.outbound.graph_draft import Draft, make_draft, remove
from emailint.outbound.graph_marks import Leftovers
from emailint.outbound.graph_trace import Whereabouts
from emailint.outbound.trial import Unusable, deliver_trial, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from emailint.graph_client.client import GraphSettings
    from emailint.outbound.protocol import Begin, OutgoingMail
    from emailint.probe import Step

LOOKS: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each look for a draft whose sending is in doubt: Exchange takes a moment to move it."""
TEST_PATIENCE: Final = 10.0

_SENDING: Final = frozenset({"Mail.Send", "Mail.Send.Shared"})
_TIMED_OUT: Final = 408  # said by what stands between, of a request that may have come through
_LATER: Final = frozenset({"ErrorExceededMessageLimit", "ErrorMessageSubmissionBlocked"})


class GraphOutbound:
    """An `Outbound` on one Exchange Online mailbox, for one thread.

    `sender` is what the connection test uses; `answered` finds the id of the message that a reply answers by
    its locus (None: not in this mailbox).
    """

    def __init__(
        self,
        settings: GraphSettings,
        *,
        sender: str = "",
        answered: Callable[[str], str | None] = lambda _locus: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self._sender = sender
        self._answered = answered
        self._sleep = sleep
        self._client: GraphClient | None = None
        self._leftovers: Leftovers | None = None

    def __enter__(self) -> Self:
        """Nothing is connected yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close connections; never raises."""
        client, self._client, self._leftovers = self._client, None, None
        if client is not None:
            client.close()

    def send(self, mail: OutgoingMail, begin: Begin) -> None:
        """As `Outbound.send`. `begin` gets the draft's immutable id and its Message-ID, before it is sent."""
        admit(mail)
        client = self._connected()
        if self.settings.time_left() <= 0:
            raise self._unavailable("no time is left to begin a mail")
        draft = self._drafted(client, mail)
        try:
            begin(draft.identity, draft.message_id)
        except BaseException:
            self._drafts(client).forget()
            remove(client, draft.identity)
            raise
        self._send(client, draft, mail)

    def was_sent(self, token: str, message_id: str, *, take_back: bool = False) -> bool | None:
        """As `Traceable.was_sent`."""
        client = self._connected()
        try:
            found = graph_trace.look(client, token, message_id)
            if found is Whereabouts.STILL_A_DRAFT and take_back:
                taken = graph_trace.take_back(client, token, message_id)
                return {Whereabouts.NOT_FOUND: False, Whereabouts.SENT: True}.get(taken)
        except (Refused, SourceError) as error:
            raise self._later(error) from None
        return True if found is Whereabouts.SENT else None

    def clear_away(self, token: str, message_id: str) -> bool:
        """As `Clearing.clear_away`: from Sent Items, beyond Deleted Items."""
        try:
            return graph_trace.clear_away(self._connected(), token, message_id)
        except (Refused, SourceError) as error:
            raise self._later(error) from None

    def test(self, send_to: str | None = None) -> Iterator[Step]:
        """Sign-in and permission; and one mail where `send_to` is given."""
        settings = replace(self.settings, time_left=lambda: TEST_PATIENCE)
        trial = type(self)(settings, sender=self._sender)
        with trial:
            yield from steps(
                (
                    ("outbound sign-in", trial._sign_in),  # noqa: SLF001 - one of its own kind
                    ("outbound permission", trial._permission),  # noqa: SLF001 - as above
                    ("outbound mail", lambda: deliver_trial(trial.send, self._sender, self._sender, send_to)),
                )
            )

    # Before `begin`: nothing is delivered, whatever goes wrong

    def _drafted(self, client: GraphClient, mail: OutgoingMail) -> Draft:
        answered = self._answered(mail.written.answers) if mail.written else None
        try:
            return make_draft(client, mail, answered, self._drafts(client))
        except Refused as refused:
            raise self._refusal(refused, mail) from None
        except SourceError as error:
            raise self._unavailable(str(error), error) from None

    # After it

    def _send(self, client: GraphClient, draft: Draft, mail: OutgoingMail) -> None:
        try:
            client.request("POST", client.message(draft.identity, "send"), repeat=False)
        except Refused as refused:
            if refused.status >= 500 or refused.status == _TIMED_OUT or refused.gone:
                self._settle(client, draft, mail, str(refused))
                return
            remove(client, draft.identity)
            raise self._refusal(refused, mail) from None
        except SourceError as error:
            if error.retry_after is None:
                self._settle(client, draft, mail, str(error))
                return
            remove(client, draft.identity)  # it said 429 until the end: that is a no
            raise self._unavailable(str(error), error) from None

    def _settle(self, client: GraphClient, draft: Draft, mail: OutgoingMail, why: str) -> None:
        """Returns where it was sent, else raises OutcomePending: a draft may still be sent, and is kept."""
        try:
            for seconds in LOOKS:
                self._sleep(max(0.0, min(seconds, self.settings.time_left())))
                found = graph_trace.look(client, draft.identity, draft.message_id, mail.message_id)
                if found is Whereabouts.SENT:
                    return
        except (Refused, SourceError) as error:
            why = f"{why}; then {error}"
        raise OutcomePending(
            f"Graph was told to send the reply to {mail.recipient}, and it is not known yet whether it did"
            f" ({why})",
            hint="the next runs look where the draft is; nothing is sent a second time",
        )

    # What goes wrong

    def _refusal(self, refused: Refused, mail: OutgoingMail) -> OutboundRefused | OutboundUnavailable:
        """About the app, the mailbox or the way to it: later. About this mail: never.

        A draft that is not there any more, or not yet, is made anew later.
        """
        if refused.gone:
            return OutboundDeferred(
                f"the draft of the reply to {mail.recipient} was not there when it was to be filled in"
                f" ({refused.ids}); nothing was sent, and the reply is tried again",
                hint="look for rules or add-ins that remove drafts in this mailbox",
            )
        error = refused.explained(f"the reply to {mail.recipient}")
        known = refused.status in (401, 403) or refused.status >= 429 or _LATER.intersection(refused.codes)
        if known or refused.foreign or isinstance(error, LoginRefused | Throttled | ConnectionFailed):
            return self._unavailable(str(error), error)
        said = f"{refused.status} {refused.code} {refused.text}".strip()
        return OutboundRefused(
            f"Graph refused the reply to {mail.recipient}: {said} ({refused.ids}); {KEPT}",
            hint="once the cause is removed, `emailint retry` with the case id sends it",
        )

    def _unavailable(self, what: str, error: SourceError | None = None) -> OutboundUnavailable:
        return OutboundUnavailable(
            f"{self.settings.mailbox} by Graph: {what}; nothing was sent, and the reply is tried again",
            hint=error.hint if error else "",
            retry_after=error.retry_after if error else None,
        )

    def _later(self, error: Refused | SourceError) -> OutboundUnavailable:
        """Nobody could be asked what became of a reply."""
        told = error.explained("looking for a reply") if isinstance(error, Refused) else error
        return OutboundUnavailable(f"{self.settings.mailbox} by Graph: {told}", hint=told.hint)

    def _drafts(self, client: GraphClient) -> Leftovers:
        if self._leftovers is None:
            self._leftovers = Leftovers(client)
        return self._leftovers

    def _connected(self) -> GraphClient:
        if self._client is None:
            self._client = GraphClient(self.settings)
        return self._client

    # Stages of the connection test

    def _sign_in(self) -> str:
        try:
            tokens = self.settings.tokens
            tokens.token()
        except SourceError as error:
            raise Unusable(str(error), error.hint) from None
        return "; ".join(["signed in", *tokens.warnings()])

    def _permission(self) -> str:
        allowed = may(self.settings.tokens.token(), _SENDING)
        if allowed is None:
            return "the token names no permission for mail; --send-to shows whether mail is sent"
        if not allowed:
            raise Unusable(
                "the token has no Mail.Send, so no reply can leave (unless RBAC for Applications gives it)",
                "grant the app Mail.Send, with admin consent; or give outbound another type",
            )
        return "the token has Mail.Send"
