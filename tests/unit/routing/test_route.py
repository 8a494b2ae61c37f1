"""The route of a message: a case, ignored, or no alias fits."""

from __future__ import annotations

import pytest

from emailint.config.model import Alias
from emailint.message.model import Kind
from emailint.routing.route import Ignore, NewCase, Unrouted, decide
from tests.support.routing import message

ALIAS = Alias("desk@example.org", automatic={"bounce": "ignore", "list": "case"})


@pytest.mark.parametrize(
    ("kind", "ignored"),
    [
        (Kind.PERSON, False),
        (Kind.BOUNCE, True),
        (Kind.LIST, False),
        (Kind.AUTO_REPLY, False),
    ],
)
def test_automatic_mail_by_kind(kind: Kind, ignored: bool) -> None:
    route = decide(message(kind=kind), (ALIAS,))
    assert isinstance(route, Ignore) == ignored
    assert isinstance(route, NewCase | Ignore)
    assert (route.match.alias, route.match.matched_by) == (ALIAS, "To")
    if isinstance(route, Ignore):
        assert route.reason == "automatic: bounce is ignored by alias desk@example.org"


def test_no_alias_says_whom_the_mail_named() -> None:
    assert decide(message(to="Else@x.example"), (ALIAS,)) == Unrouted(("else@x.example",))
