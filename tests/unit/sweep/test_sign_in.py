"""Which sign-in serves an integration: scopes follow from the server, and mailboxes of one app share it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emailint.config.model import Config, Integration
from emailint.config.secrets import GivenSecret, SecretText
from emailint.config.sign_in import SignIn
from emailint.errors import ConfigError
from emailint.oauth.tokens import forget_shared
from emailint.sweep.connect import outbound_key
from emailint.sweep.sign_in import graph_app, graph_tokens, mail_app, mail_tokens, refresh_sign_in

SECRET = GivenSecret(SecretText("s3cret"), literal=False)
CONFIG = Config(Path("/etc/emailint/integrations.yaml"), "0", Path("/var/lib/emailint"), ())


def integration(name: str = "a", **changes: Any) -> Integration:
    sign_in = SignIn("entra", "t", "c", client_secret=SECRET, authority="https://login.microsoftonline.com")
    settings: dict[str, Any] = {
        "name": name,
        "mailbox": f"{name}@b.c",
        "username": f"{name}@b.c",
        "protocol": "graph",
        "sign_in": sign_in,
    }
    return Integration(**settings | changes)


PERSON = SignIn("entra", "organizations", "c", flow="device", authority="https://login.microsoftonline.com")

GRAPH_SCOPES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "an app": ({}, ("https://graph.microsoft.com/.default",)),
    "an app in a national cloud": (
        {"graph_url": "https://graph.microsoft.us/v1.0"},
        ("https://graph.microsoft.us/.default",),
    ),
    "an app at an address of its own": (
        {"graph_url": "https://localhost:8443"},
        ("https://localhost:8443/.default",),
    ),
    "a person": (
        {"sign_in": PERSON},
        ("https://graph.microsoft.com/Mail.ReadWrite", "https://graph.microsoft.com/Mail.Send"),
    ),
    "a person and a shared mailbox": (
        {"sign_in": PERSON, "username": "me@b.c"},
        ("https://graph.microsoft.com/Mail.ReadWrite.Shared", "https://graph.microsoft.com/Mail.Send.Shared"),
    ),
}


@pytest.mark.parametrize("case", GRAPH_SCOPES)
def test_the_scope_follows_from_the_address_of_graph(case: str) -> None:
    changes, expected = GRAPH_SCOPES[case]
    assert graph_app(CONFIG, integration(**changes)).scopes == expected


MAIL_SCOPES: dict[str, tuple[SignIn | None, str, tuple[str, ...]]] = {
    "an app": (None, "outlook.office365.com", ("https://outlook.office365.com/.default",)),
    "an app, SMTP": (None, "smtp.office365.com", ("https://outlook.office365.com/.default",)),
    "an app in a national cloud": (None, "outlook.office365.us", ("https://outlook.office365.us/.default",)),
    "a person": (
        PERSON,
        "outlook.office365.com",
        ("https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send"),
    ),
}


@pytest.mark.parametrize("case", MAIL_SCOPES)
def test_a_token_for_imap_is_none_for_graph(case: str) -> None:
    sign_in, host, expected = MAIL_SCOPES[case]
    changes: dict[str, Any] = {"sign_in": sign_in} if sign_in else {}
    assert mail_app(CONFIG, integration(**changes), host).scopes == expected


def test_mailboxes_of_one_app_share_their_tokens_and_those_of_persons_do_not() -> None:
    forget_shared()
    assert graph_tokens(CONFIG, integration("a")) is graph_tokens(CONFIG, integration("b"))
    one, two = integration("a", sign_in=PERSON), integration("b", sign_in=PERSON)
    assert graph_tokens(CONFIG, one) is not graph_tokens(CONFIG, two)
    assert graph_tokens(CONFIG, one) is graph_tokens(CONFIG, one)
    assert graph_tokens(CONFIG, integration()) is not mail_tokens(CONFIG, integration())
    other = SignIn("entra", "t", "c", client_secret=GivenSecret(SecretText("other"), literal=False))
    assert graph_tokens(CONFIG, integration(sign_in=other)) is not graph_tokens(CONFIG, integration())
    forget_shared()


def test_what_a_person_signed_in_for_is_kept_below_the_store() -> None:
    app = graph_app(CONFIG, integration("payroll", sign_in=PERSON))
    assert app.cache == Path("/var/lib/emailint/sign-ins/payroll.json")
    assert graph_app(CONFIG, integration()).cache is None
    google = SignIn("google", client_id="g", client_secret=SECRET)
    assert refresh_sign_in(CONFIG, integration("payroll", sign_in=google)).cache == app.cache


def test_no_secret_is_in_any_text() -> None:
    app = graph_app(CONFIG, integration())
    assert "s3cret" not in f"{app!r} {app} {graph_tokens(CONFIG, integration())!r}"


def test_two_mailboxes_never_share_a_way_out_of_graph() -> None:
    one, two = integration("a"), integration("b")
    keys = set()
    for each in (one, two):
        changed = Integration(
            name=each.name,
            mailbox=each.mailbox,
            username=each.username,
            outbound=type(each.outbound)(type="graph"),
        )
        keys.add(outbound_key(changed))
    assert len(keys) == 2


def test_an_integration_without_oauth_has_no_tokens() -> None:
    with pytest.raises(ConfigError):
        graph_tokens(CONFIG, integration(sign_in=None))
