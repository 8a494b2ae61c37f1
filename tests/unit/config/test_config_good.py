"""What good configurations mean: presets, inheritance, defaults, paths, values."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emailint.config.load import load
from emailint.config.model import (
    Alias,
    CaseDefaults,
    Config,
    Integration,
    OutboundSettings,
    ReplyLimit,
    ReplySettings,
    SweepLimits,
)
from emailint.config.secrets import GivenSecret, SecretCommand, SecretFile, reveal

if TYPE_CHECKING:
    from collections.abc import Callable

    Load = Callable[..., Config]

LOCAL = """\
integrations:
- name: local
  mailbox: Desk@localhost
  protocol: maildir
  path: data/maildir
  outbound: {type: folder, path: data/outbox}
"""


def only(config: Config) -> Integration:
    """The one integration."""
    (integration,) = config.integrations
    return integration


def test_the_least_gets_every_default(load_text: Load, file: Path) -> None:
    assert load_text(LOCAL) == Config(
        path=file,
        digest=hashlib.sha256(LOCAL.encode()).hexdigest(),
        store=file.parent / "data",
        integrations=(
            Integration(
                name="local",
                mailbox="Desk@localhost",
                protocol="maildir",
                username="Desk@localhost",
                path=file.parent / "data/maildir",
                outbound=OutboundSettings(type="folder", path=file.parent / "data/outbox"),
                aliases=(Alias(address="desk@localhost", default=True),),
            ),
        ),
        own_addresses=frozenset({"desk@localhost"}),
    )


def test_the_defaults_are_those_of_the_contract() -> None:
    assert ReplySettings() == ReplySettings(
        template="case-confirm",
        from_=None,
        envelope_from=None,
        max_age=timedelta(days=2),
        require_dmarc=False,
        follow_up_template=None,
        limit=ReplyLimit(
            address_hour=5,
            address_day=20,
            domain_hour=100,
            public_domain_hour=1000,
            per_minute=None,
            breaker_cases=1000,
            breaker_window=timedelta(minutes=10),
        ),
    )
    assert SweepLimits() == SweepLimits(
        message_size=35_000_000, attempts=3, batch_messages=50, batch_bytes=16_000_000
    )
    assert (CaseDefaults().priority, CaseDefaults().status) == ("Medium", "New")


def test_the_top_is_read_whole(load_text: Load, file: Path) -> None:
    config = load_text(
        """\
store: /var/lib/emailint
directory: directory.csv
templates: templates
case_prefix: PEO
concurrency: 4
deadline: 2m
dedupe: global
limits: {message_size: 10MB, attempts: 5, batch_messages: 7, batch_bytes: 500kB}
follow_up: {max_age: 30d}
x-mine: {anything: [goes]}
"""
        + LOCAL
    )
    assert config.store == Path("/var/lib/emailint")
    assert config.directory == file.parent / "directory.csv"
    assert config.templates == file.parent / "templates"
    assert (config.case_prefix, config.concurrency, config.deadline, config.dedupe) == (
        "PEO",
        4,
        120.0,
        "global",
    )
    assert config.limits == SweepLimits(10_000_000, 5, 7, 500_000)
    assert config.follow_up_max_age == timedelta(days=30)


def test_the_home_folder_is_found(load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert load_text(f"store: ~/cases\n{LOCAL}").store == Path("/home/ann/cases")


def test_a_relative_name_gives_absolute_paths(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(LOCAL)
    monkeypatch.chdir(file.parent)
    config = load(Path(file.name), {})
    assert (config.path, config.store) == (file, file.parent / "data")


PRESETS = {
    "gmail": (
        ("imap.gmail.com", 993, "implicit"),
        ("smtp.gmail.com", 465, "implicit"),
        "mx.google.com",
        None,
    ),
    "yahoo": (("imap.mail.yahoo.com", 993, "implicit"), ("smtp.mail.yahoo.com", 465, "implicit"), None, None),
    "aol": (("imap.aol.com", 993, "implicit"), ("smtp.aol.com", 465, "implicit"), None, None),
    "aim": (("imap.aol.com", 993, "implicit"), ("smtp.aol.com", 465, "implicit"), None, None),
    "icloud": (
        ("imap.mail.me.com", 993, "implicit"),
        ("smtp.mail.me.com", 587, "starttls"),
        "dmarc.icloud.com",
        None,
    ),
    "outlook": (
        ("outlook.office365.com", 993, "implicit"),
        ("smtp-mail.outlook.com", 587, "starttls"),
        "topmost-without-id",
        None,
    ),
    "hotmail": (
        ("outlook.office365.com", 993, "implicit"),
        ("smtp-mail.outlook.com", 587, "starttls"),
        "topmost-without-id",
        None,
    ),
    "office365": (
        ("outlook.office365.com", 993, "implicit"),
        ("smtp.office365.com", 587, "starttls"),
        "topmost-without-id",
        25,
    ),
}


@pytest.mark.parametrize("provider", PRESETS)
def test_a_provider_fills_everything_in(provider: str, load_text: Load) -> None:
    login = (
        "enabled: false, oauth: {}"
        if provider in ("outlook", "hotmail", "office365")
        else "password: '${PW}'"
    )
    integration = only(
        load_text(
            f"integrations: [{{name: a, mailbox: A@b.c, protocol: imap, provider: {provider}, {login}}}]"
        )
    )
    outbound = integration.outbound
    found = (
        (integration.host, integration.port, integration.tls),
        (outbound.host, outbound.port, outbound.tls),
        integration.authserv_id,
        integration.aliases[0].reply.limit.per_minute,
    )
    assert found == PRESETS[provider]
    assert (integration.provider, integration.username, outbound.type) == (provider, "A@b.c", "smtp")
    assert not outbound.null_sender


def test_what_is_said_goes_on_top_of_a_provider(load_text: Load) -> None:
    integration = only(
        load_text(
            """\
integrations:
- name: a
  mailbox: a@b.c
  provider: gmail
  host: proxy.b.c
  port: 1143
  tls: starttls
  username: anna
  password: ${PW}
  authserv_id: mx.b.c
  outbound: {port: 2525, tls: starttls, username: bert}
  reply: {limit: {per_minute: 7}}
"""
        )
    )
    assert (integration.host, integration.port, integration.tls) == ("proxy.b.c", 1143, "starttls")
    assert (integration.username, integration.authserv_id) == ("anna", "mx.b.c")
    outbound = integration.outbound
    assert (outbound.host, outbound.port, outbound.tls) == ("smtp.gmail.com", 2525, "starttls")
    assert (outbound.username, outbound.password) == ("bert", integration.password)
    assert integration.aliases[0].reply.limit.per_minute == 7


def test_office365_is_graph_unless_said(load_text: Load) -> None:
    integration = only(
        load_text("integrations: [{name: a, mailbox: a@b.c, provider: office365, enabled: false, oauth: {}}]")
    )
    assert (integration.protocol, integration.outbound.type, integration.host) == ("graph", "graph", "")


SERVER = """\
integrations:
- name: desk
  mailbox: desk@example.org
  host: Mail.Example.org
  password: ${PW}
"""

SERVERS = {
    "{}": (993, "implicit"),
    "{tls: starttls}": (143, "starttls"),
    "{port: 1993}": (1993, "implicit"),
    "{port: '${PORT}'}": (1993, "implicit"),
    "{port: 143, tls: starttls}": (143, "starttls"),
    "{port: 143, tls: implicit}": (143, "implicit"),
}


@pytest.mark.parametrize("said", SERVERS)
def test_the_port_follows_from_tls(said: str, load_text: Load) -> None:
    integration = only(load_text(f"x-said: &said {said}\n{SERVER}  <<: *said\n  outbound: {{type: none}}\n"))
    assert (integration.port, integration.tls) == SERVERS[said]
    assert integration.host == "mail.example.org"


OUTBOUNDS = {
    "{host: smtp.b.c}": OutboundSettings("smtp", "smtp.b.c", 465, "implicit", username="desk@example.org"),
    "{type: smtp, host: smtp.b.c, tls: starttls}": OutboundSettings(
        "smtp", "smtp.b.c", 587, "starttls", username="desk@example.org"
    ),
    "{host: localhost, tls: none, username: null}": OutboundSettings("smtp", "localhost", 25, "none"),
    "{host: 127.0.0.1, tls: none, port: 2525, username: null}": OutboundSettings(
        "smtp", "127.0.0.1", 2525, "none"
    ),
    "{host: '::1', tls: none, username: null}": OutboundSettings("smtp", "::1", 25, "none"),
    "{host: smtp.b.c, username: bert}": OutboundSettings(
        "smtp", "smtp.b.c", 465, "implicit", username="bert"
    ),
    "{type: none}": OutboundSettings("none"),
    "{type: sendmail}": OutboundSettings("sendmail", command=("/usr/sbin/sendmail",)),
    "{type: sendmail, command: [msmtp, -a, desk]}": OutboundSettings(
        "sendmail", command=("msmtp", "-a", "desk")
    ),
    "{type: folder, path: /tmp/out}": OutboundSettings("folder", path=Path("/tmp/out")),  # noqa: S108 - never touched
}


@pytest.mark.parametrize("said", OUTBOUNDS)
def test_how_replies_leave(said: str, load_text: Load) -> None:
    found = only(load_text(f"{SERVER}  outbound: {said}\n")).outbound
    password = (
        GivenSecret(found.password.text, literal=False) if isinstance(found.password, GivenSecret) else None
    )
    assert (password is not None) == (found.username is not None)
    wanted = OUTBOUNDS[said]
    assert (found.type, found.host, found.port, found.tls) == (
        wanted.type,
        wanted.host,
        wanted.port,
        wanted.tls,
    )
    assert (found.username, found.command, found.path) == (wanted.username, wanted.command, wanted.path)
    assert found.null_sender


def test_certificates_are_those_of_the_mailbox_unless_said(load_text: Load, file: Path) -> None:
    for name in ("ca.pem", "o.pem"):
        (file.parent / name).write_text("-----BEGIN CERTIFICATE-----\n")
    both = only(load_text(f"{SERVER}  ca_file: ca.pem\n  outbound: {{host: b.c}}\n"))
    assert both.ca_file == both.outbound.ca_file == file.parent / "ca.pem"
    other = file.parent / "o.pem"
    own = only(load_text(f"{SERVER}  ca_file: ca.pem\n  outbound: {{host: b.c, ca_file: {other}}}\n"))
    assert (own.ca_file, own.outbound.ca_file) == (file.parent / "ca.pem", other)
    none = only(load_text(f"{SERVER}  ca_file: ca.pem\n  outbound: {{host: b.c, ca_file: null}}\n"))
    assert none.outbound.ca_file is None
    preset = only(load_text(f"{SERVER}  ca_file: ca.pem\n  provider: gmail\n"))
    assert preset.outbound.ca_file is None


def test_no_outbound_is_fine_when_nobody_is_answered(load_text: Load) -> None:
    integration = only(load_text(f"reply: {{template: none}}\n{SERVER}"))
    assert integration.outbound.type == "none"
    assert integration.aliases[0].reply.template is None


ENVELOPES = {
    "outbound: {host: smtp.b.c}": "",
    "outbound: {type: sendmail}": "",
    "provider: gmail": "desk@example.org",
    "{provider: gmail, outbound: {type: sendmail}}": "",
    "{provider: gmail, outbound: {host: smtp.b.c}}": "",
    "{provider: gmail, reply: {envelope_from: <>}}": "",
    "{outbound: {host: smtp.b.c}, reply: {envelope_from: bounces@b.c}}": "bounces@b.c",
}


@pytest.mark.parametrize("said", ENVELOPES)
def test_the_reverse_path(said: str, load_text: Load) -> None:
    text = f"""\
x-said: &said {said if said.startswith("{") else "{" + said + "}"}
{SERVER}  <<: *said
"""
    integration = only(load_text(text))
    assert integration.envelope_from(integration.aliases[0].reply) == ENVELOPES[said]


INHERITANCE = """\
reply: {template: top, max_age: 1d, limit: {address_hour: 1, address_day: 1}}
defaults:
  form: default_form
  workspace: 1
  automatic: {bounce: ignore, list: ignore}
  case: {category: Default, priority: Low, fields: {a: 1, b: 1}}
  reply: {template: default, limit: {address_day: 2}}
integrations:
- name: one
  mailbox: one@example.org
  protocol: maildir
  path: one
  outbound: {type: sendmail}
  workspace: 2
  automatic: {list: case}
  case: {priority: High, fields: {b: 2, c: 2}}
  reply: {from: One <one@example.org>, limit: {domain_hour: 3}}
  aliases:
  - address: One@example.org
    default: true
  - address: two@example.org
    workspace: three
    trust_reply_to: [Form@b.c]
    automatic: ignore
    case: {status: Open, due_in: 2d, fields: {c: 3}}
    reply: {template: none, envelope_from: <>, limit: {breaker: 5/1h}}
  - address: three@example.org
    workspace: null
    case: null
    reply: {max_age: null, limit: null}
- {name: other, mailbox: other@example.org, protocol: maildir, path: other, outbound: {type: none}}
"""


def test_the_nearest_wins_key_by_key(load_text: Load) -> None:
    first, other = load_text(INHERITANCE).integrations
    one, two, three = first.aliases
    assert first.default_alias is one
    assert (one.address, one.form, one.workspace) == ("one@example.org", "default_form", 2)
    assert [kind for kind, disposal in one.automatic.items() if disposal == "ignore"] == ["bounce"]
    assert one.case == CaseDefaults(category="Default", priority="High", fields={"a": 1, "b": 2, "c": 2})
    assert one.reply == ReplySettings(
        template="default",
        from_="One <one@example.org>",
        max_age=timedelta(days=1),
        limit=ReplyLimit(address_hour=1, address_day=2, domain_hour=3),
    )
    assert (two.workspace, two.trust_reply_to, two.default) == ("three", frozenset({"form@b.c"}), False)
    assert {two.automatic_for(kind) for kind in ("auto_reply", "bounce", "list", "feedback", "own")} == {
        "ignore"
    }
    assert two.automatic_for("person") == "case"
    assert two.case == CaseDefaults(
        category="Default",
        priority="High",
        status="Open",
        due_in=timedelta(days=2),
        fields={"a": 1, "b": 2, "c": 3},
    )
    assert two.reply == ReplySettings(
        template=None,
        from_="One <one@example.org>",
        envelope_from="",
        max_age=timedelta(days=1),
        limit=ReplyLimit(1, 2, 3, breaker_cases=5, breaker_window=timedelta(hours=1)),
    )
    assert (three.workspace, three.case) == (None, CaseDefaults())
    assert (three.reply.max_age, three.reply.limit, three.reply.template) == (
        timedelta(days=2),
        ReplyLimit(),
        "default",
    )
    assert (other.aliases[0].workspace, other.aliases[0].reply.limit) == (1, ReplyLimit(1, 2))


def test_own_addresses_are_all_of_them(load_text: Load) -> None:
    assert load_text(INHERITANCE.replace("from: One <one@", "from: One <Team@")).own_addresses == {
        f"{name}@example.org" for name in ("one", "two", "three", "other", "team")
    }


VALUES = {
    "workspace: 0123": ("workspace", 123),
    "workspace: '77'": ("workspace", 77),
    "workspace: ACME 7": ("workspace", "ACME 7"),
    "form: 123": ("form", "123"),
    "unknown_sender: hold": ("unknown_sender", "hold"),
    "tokens: anyone": ("tokens", "anyone"),
    "{workspace: 1, always_use_default_workspace: YES}": ("always_use_default_workspace", True),
}


@pytest.mark.parametrize("said", VALUES)
def test_values_of_an_alias(said: str, load_text: Load) -> None:
    said_as_flow = said if said.startswith("{") else "{" + said + "}"
    alias = only(load_text(f"x-said: &said {said_as_flow}\n{LOCAL}  <<: *said\n")).aliases[0]
    name, wanted = VALUES[said]
    assert getattr(alias, name) == wanted
    assert type(getattr(alias, name)) is type(wanted)


def test_yaml_has_no_say_in_texts_but_in_fields(load_text: Load) -> None:
    case = (
        only(
            load_text(
                LOCAL
                + """\
  case:
    category: no
    case_type: 1_000
    assigned_to: 2026-11-01
    fields: {truth: yes, number: 7, half: .5, day: 2026-11-01, text: "7", no: ~, name: "${HALF}-$$", odd: 0x_}
"""
            )
        )
        .aliases[0]
        .case
    )
    assert (case.category, case.case_type, case.assigned_to) == ("no", "1_000", "2026-11-01")
    assert case.fields == {
        "truth": True,
        "number": 7,
        "half": 0.5,
        "day": "2026-11-01",
        "text": "7",
        "no": None,
        "name": "halb-$",
        "odd": "0x_",
    }


def test_an_integration_that_is_off_may_use_what_is_not_there_yet(load_text: Load) -> None:
    integration = only(
        load_text(
            """\
integrations:
- name: benefits
  enabled: false
  mailbox: benefits@example.org
  protocol: graph
  oauth: {tenant: t, client_id: c, client_secret: "${PW}"}
  password: {file: /not/there}
  since: 2026-11-01
  folder: Büro/&
  move_to: Done
"""
        )
    )
    assert not integration.enabled
    assert (integration.since, integration.folder, integration.move_to) == (
        date(2026, 11, 1),
        "Büro/&",
        "Done",
    )


def test_two_folders_of_one_mailbox_are_two(load_text: Load) -> None:
    config = load_text(
        """\
integrations:
- &a {name: a, mailbox: a@gmail.com, provider: gmail, password: '${PW}'}
- {<<: *a, name: b, folder: Other}
- {<<: *a, name: c, folder: other}
- {<<: *a, name: d, enabled: false}
- {<<: *a, name: e, username: else}
"""
    )
    assert [integration.folder for integration in config.integrations] == [
        "INBOX",
        "Other",
        "other",
        "INBOX",
        "INBOX",
    ]


def test_merges_of_several_mappings_take_the_first(load_text: Load) -> None:
    config = load_text(
        """\
x-a: &a {protocol: maildir, path: first}
x-b: &b {path: second, outbound: {type: none}}
integrations:
- {<<: [*a, *b], name: a, mailbox: a@b.c}
- {path: own, <<: [*a, *b], name: b, mailbox: a@b.c}
"""
    )
    assert [integration.path and integration.path.name for integration in config.integrations] == [
        "first",
        "own",
    ]


def test_passwords_come_from_where_they_are(load_text: Load, file: Path) -> None:
    secret = file.parent / "secret"
    secret.write_text("aus der datei\nzweite zeile\n")
    secret.chmod(0o600)
    config = load_text(
        """\
integrations:
- &a {name: a, mailbox: a@gmail.com, provider: gmail, password: '${PW}'}
- {<<: *a, name: b, folder: b, password: {file: secret}}
- {<<: *a, name: c, folder: c, password: {command: [echo, aus dem befehl]}}
- {<<: *a, name: d, folder: d, password: 'pa$$w$ord ${HALF}${ $x'}
- {<<: *a, name: e, folder: e, password: '${EMPTY:-ersatz}'}
- {<<: *a, name: f, folder: f, password: 012}
"""
    )
    sources = [integration.password for integration in config.integrations]
    assert [type(source) for source in sources] == [
        GivenSecret,
        SecretFile,
        SecretCommand,
        GivenSecret,
        GivenSecret,
        GivenSecret,
    ]
    assert [reveal(source) for source in sources if source] == [
        "geheim-aus-der-umgebung",
        "aus der datei",
        "aus dem befehl",
        "pa$w$ord halb${ $x",
        "ersatz",
        "012",
    ]
    assert [source.literal for source in sources if isinstance(source, GivenSecret)] == [
        False,
        True,
        True,
        True,
    ]


def test_commands_are_lists_of_words_and_none_unless_said(load_text: Load) -> None:
    assert load_text(LOCAL).hooks == {}
    limits = "limits: {hooks: 7, hook_time: 5s}\n"
    config = load_text(f"on_case: [notify, $$X, '${{USER:-a b}}']\non_error: [/bin/true]\n{limits}{LOCAL}")
    assert config.hooks == {"on_case": ("notify", "$X", "a b"), "on_error": ("/bin/true",)}
    assert (config.limits.hooks, config.limits.hook_time) == (7, timedelta(seconds=5))
