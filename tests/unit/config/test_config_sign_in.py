"""Sign-in by OAuth as it is resolved: who issues tokens, where, and what replies leave by."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from emailint.config.secrets import reveal
from emailint.config.sign_in import clouds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.config.model import Config, Integration

    Load = Callable[..., Config]

ENTRA = "https://login.microsoftonline.com"
GRAPH = "https://graph.microsoft.com"

CLOUDS = {
    "nothing said": (None, None, ENTRA, GRAPH),
    "L4 by Graph": (
        None,
        "https://graph.microsoft.us",
        "https://login.microsoftonline.us",
        "https://graph.microsoft.us",
    ),
    "L5 by Graph": (
        None,
        "https://dod-graph.microsoft.us/v1.0",
        "https://login.microsoftonline.us",
        "https://dod-graph.microsoft.us/v1.0",
    ),
    "China by login": (
        "https://login.partner.microsoftonline.cn",
        None,
        "https://login.partner.microsoftonline.cn",
        "https://microsoftgraph.chinacloudapi.cn",
    ),
    "both": ("https://a.example", "https://b.example", "https://a.example", "https://b.example"),
    "unknown Graph": (None, "https://b.example", ENTRA, "https://b.example"),
    "unknown login": ("https://a.example", None, "https://a.example", GRAPH),
}


@pytest.mark.parametrize("case", CLOUDS)
def test_login_and_graph_of_one_cloud_belong_together(case: str) -> None:
    authority, graph, *expected = CLOUDS[case]
    assert clouds(authority, graph) == tuple(expected)


def one(load_text: Load, keys: str, mailbox: str = "pay@b.c") -> Integration:
    (integration,) = load_text(f"integrations:\n- name: a\n  mailbox: {mailbox}\n{keys}").integrations
    return integration


def test_an_app_with_a_secret(load_text: Load) -> None:
    found = one(
        load_text,
        "  provider: office365\n"
        "  oauth: {tenant: t, client_id: c, client_secret: '${PW}', secret_expires: 2028-11-01}\n",
    )
    sign_in = found.sign_in
    assert sign_in is not None
    assert sign_in.client_secret is not None
    assert reveal(sign_in.client_secret)
    assert (sign_in.issuer, sign_in.tenant, sign_in.client_id, sign_in.flow) == ("entra", "t", "c", "app")
    assert (sign_in.authority, found.graph_url) == (ENTRA, GRAPH)
    assert sign_in.secret_expires == date(2028, 11, 1)
    assert (found.protocol, found.outbound.type, found.outbound.null_sender) == ("graph", "graph", False)
    assert "***" in repr(sign_in)


@pytest.mark.parametrize(
    ("written", "stays"),
    [
        ("", True),
        ("  outbound: {save_to_sent_items: true}\n", True),
        ("  outbound: {save_to_sent_items: false}\n", False),
        ("  outbound: {type: graph, save_to_sent_items: false}\n", False),
    ],
)
def test_copies_stay_in_sent_items_unless_it_is_said(load_text: Load, written: str, stays: bool) -> None:
    keys = f"  protocol: graph\n  oauth: {{tenant: t, client_id: c, client_secret: '${{PW}}'}}\n{written}"
    found = one(load_text, keys).outbound
    assert (found.type, found.save_to_sent_items) == ("graph", stays)


def test_an_app_with_a_certificate_beside_the_configuration(load_text: Load, file: Path) -> None:
    path = file.parent / "app.pem"
    path.write_text("x")
    path.chmod(0o600)
    found = one(load_text, "  protocol: graph\n  oauth: {tenant: t, client_id: c, certificate: app.pem}\n")
    assert found.sign_in is not None
    assert found.sign_in.certificate == path


def test_keys_that_others_may_read_are_used_where_that_is_said(load_text: Load, file: Path) -> None:
    path = file.parent / "app.pem"
    path.write_text("x")
    path.chmod(0o644)
    (found,) = load_text(
        "readable_secrets: accept\nintegrations:\n- name: a\n  mailbox: a@b.c\n  protocol: graph\n"
        "  oauth: {tenant: t, client_id: c, certificate: app.pem}\n"
    ).integrations
    assert found.sign_in is not None
    assert found.sign_in.readable


TENANTS = {"office365": "organizations", "outlook": "consumers", "hotmail": "consumers"}


@pytest.mark.parametrize("provider", TENANTS)
def test_a_person_needs_no_tenant(load_text: Load, provider: str) -> None:
    found = one(load_text, f"  provider: {provider}\n  oauth: {{client_id: c, flow: device}}\n")
    assert found.sign_in is not None
    assert (found.sign_in.tenant, found.sign_in.flow) == (TENANTS[provider], "device")


ISSUERS = {"gmail": "google", "yahoo": "yahoo", "aol": "aol", "aim": "aol", "outlook": "entra"}


@pytest.mark.parametrize("provider", ISSUERS)
def test_replies_leave_by_the_same_sign_in(load_text: Load, provider: str) -> None:
    flow = "flow: device" if provider == "outlook" else "client_secret: '${PW}'"
    found = one(load_text, f"  provider: {provider}\n  oauth: {{client_id: c, {flow}}}\n")
    assert found.sign_in is not None
    assert found.sign_in.issuer == ISSUERS[provider]
    assert found.outbound.by_token
    assert (found.outbound.username, found.outbound.password) == ("pay@b.c", None)
    assert found.password is None


def test_a_password_of_the_outbound_goes_before_the_sign_in(load_text: Load) -> None:
    found = one(
        load_text,
        "  provider: gmail\n  oauth: {client_id: c, client_secret: '${PW}'}\n"
        "  outbound: {host: mail.b.c, username: me, password: '${PW}'}\n",
    )
    assert not found.outbound.by_token
    assert found.outbound.username == "me"


SAME = {
    "the host that mail is read at": "  host: mail.b.c\n  outbound: {host: mail.b.c}\n",
    "the provider's own, by preset": "  provider: office365\n  outbound: {host: smtp.office365.com}\n",
    "the provider's own, by host": "  host: outlook.office365.com\n  outbound: {host: smtp.office365.com}\n",
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_server_gets_the_same_sign_in(load_text: Load, case: str) -> None:
    oauth = "  oauth: {tenant: t, client_id: c, client_secret: '${PW}'}\n"
    found = one(load_text, f"{SAME[case]}{oauth}")
    assert found.outbound.by_token
    assert (found.outbound.username, found.outbound.password) == ("pay@b.c", None)


def test_a_server_of_ones_own_gets_no_token_unless_it_is_said(load_text: Load) -> None:
    """A token for Google or Microsoft is nothing that another server should see."""
    found = one(
        load_text,
        "  provider: gmail\n  oauth: {client_id: c, client_secret: '${PW}'}\n  outbound: {host: mail.b.c}\n",
    )
    assert not found.outbound.by_token
    assert found.outbound.username is None
