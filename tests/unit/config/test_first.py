"""A first configuration, made of answers, says what was answered and passes the check."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from emailint.config.first import (
    CHOICES,
    LOCAL,
    OWN_SERVER,
    Answers,
    Login,
    Reference,
    Server,
    block,
    guessed_name,
    guessed_provider,
    indent_of,
    scalar,
    whole_file,
)
from emailint.config.load import read
from emailint.config.providers import PROVIDERS
from emailint.config.secrets import GivenSecret, SecretCommand

if TYPE_CHECKING:
    from emailint.config.model import Config, Integration

VARIABLE = Reference("variable", ("SECRET",))
PASSWORD = Login("password", VARIABLE)
APP = Login("secret", VARIABLE, tenant="example.onmicrosoft.com", client_id="1111-2222")
DEVICE = Login("device", client_id="1111-2222")


def loaded(text: str) -> Config:
    return read(text.encode(), Path("/etc/emailint/x.yaml"), stat.S_IFREG | 0o644, {"SECRET": "geheim"})


def only(answers: Answers) -> Integration:
    (integration,) = loaded(whole_file(answers, "data")).integrations
    return integration


def login_for(provider: str) -> Login:
    return {"office365": APP, "outlook": DEVICE, "hotmail": DEVICE}.get(provider, PASSWORD)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("replies", [True, False])
def test_each_provider_makes_a_configuration_that_is_accepted(provider: str, replies: bool) -> None:
    answers = Answers(
        name="payroll",
        mailbox="payroll@example.org",
        provider=provider,
        login=login_for(provider),
        since=date(2026, 11, 25),
        workspace="1201",
        replies=replies,
    )
    found = only(answers)
    assert (found.name, found.mailbox, found.provider) == ("payroll", "payroll@example.org", provider)
    assert found.since == date(2026, 11, 25)
    assert found.aliases[0].workspace == 1201
    assert (found.aliases[0].reply.template is not None) is replies


def test_a_server_of_ones_own() -> None:
    answers = Answers(
        name="desk",
        mailbox="desk@example.org",
        provider=OWN_SERVER,
        login=PASSWORD,
        server=Server("mail.example.org", 143, "starttls"),
        smtp=Server("smtp.example.org", 587, "starttls"),
        username="desk",
    )
    found = only(answers)
    assert (found.host, found.port, found.tls, found.username) == (
        "mail.example.org",
        143,
        "starttls",
        "desk",
    )
    assert (found.outbound.host, found.outbound.port, found.outbound.tls) == (
        "smtp.example.org",
        587,
        "starttls",
    )
    assert found.outbound.username == "desk"
    assert found.since is None
    assert only(replace(answers, smtp=None)).outbound.type == "none"


def test_a_folder_of_this_machine() -> None:
    found = only(Answers("local", "desk@localhost", LOCAL, path="data/maildir"))
    assert (found.protocol, found.path) == ("maildir", Path("/etc/emailint/data/maildir"))
    assert (found.outbound.type, found.outbound.path) == ("folder", Path("/etc/emailint/outbox"))


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        (APP, ("app", "example.onmicrosoft.com", "1111-2222")),
        (replace(DEVICE, tenant="example.org"), ("device", "example.org", "1111-2222")),
    ],
)
def test_sign_in_at_microsoft(login: Login, expected: tuple[str, ...]) -> None:
    sign_in = only(Answers("b", "b@example.org", "office365", login=login)).sign_in
    assert sign_in is not None
    assert (sign_in.flow, sign_in.tenant, sign_in.client_id) == expected


def test_sign_in_of_a_person_at_google() -> None:
    login = Login("person", VARIABLE, client_id="1-a.apps.googleusercontent.com")
    sign_in = only(Answers("b", "b@gmail.com", "gmail", login=login)).sign_in
    assert sign_in is not None
    assert (sign_in.issuer, sign_in.client_id) == ("google", "1-a.apps.googleusercontent.com")
    assert isinstance(sign_in.client_secret, GivenSecret)


def test_a_command_with_odd_words_is_passed_on_whole() -> None:
    words = ("pass", "show", "a, b}: # $HOME ${X} 'c' \"d\"")
    login = Login("password", Reference("command", words))
    assert only(Answers("b", "b@gmail.com", "gmail", login=login)).password == SecretCommand(words)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
        lambda text: text.strip() == text
    )
)
def test_a_scalar_is_itself_in_any_place(text: str) -> None:
    written = scalar(text).replace("$$", "$") if "$" in text else scalar(text)
    assert yaml.safe_load(f"[{written}, x]") == [text, "x"]
    assert yaml.safe_load(f"a: {written}  # comment") == {"a": text}


@pytest.mark.parametrize("workspace", ["1201", "Northside: #1", "null", "0x10", "007"])
def test_a_workspace_is_what_was_answered(workspace: str) -> None:
    answers = Answers("b", "b@gmail.com", "gmail", login=PASSWORD, workspace=workspace)
    expected = int(workspace) if workspace.isdigit() else workspace
    assert only(answers).aliases[0].workspace == expected


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("a@gmail.com", "gmail"),
        ("a@GoogleMail.com", "gmail"),
        ("a@hotmail.co.uk", "outlook"),
        ("a@live.fr", "outlook"),
        ("a@yahoo.de", "yahoo"),
        ("a@me.com", "icloud"),
        ("a@aim.com", "aol"),
        ("a@example.org", OWN_SERVER),
        ("a@gmail.com.example.org", OWN_SERVER),
    ],
)
def test_the_provider_is_guessed_from_the_address(address: str, provider: str) -> None:
    assert guessed_provider(address) == provider
    assert provider in CHOICES


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("payroll@x.org", "payroll"),
        ("pay+roll@x.org", "pay-roll"),
        ("+@x.org", "mailbox"),
        ("a" * 70 + "@x", "a" * 64),
    ],
)
def test_the_name_is_guessed_from_the_address(address: str, name: str) -> None:
    assert guessed_name(address) == name


@pytest.mark.parametrize("indent", ["", "  ", "    "])
@pytest.mark.parametrize("between", ["", "\n# about them\n"])
def test_a_block_can_be_pasted_beside_the_others(indent: str, between: str) -> None:
    first = block(Answers("one", "one@gmail.com", "gmail", login=PASSWORD), indent)
    text = f"store: data\nintegrations: # mine\n{between}{first}"
    assert indent_of(text) == indent
    second = block(Answers("two", "two@gmail.com", "gmail", login=PASSWORD), indent_of(text))
    assert [each.name for each in loaded(text + second).integrations] == ["one", "two"]
