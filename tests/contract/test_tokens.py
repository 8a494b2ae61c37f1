"""Sign-in on the doubles of Entra and Google: what works, and what is said and done where it does not."""

from __future__ import annotations

import json
import logging
import threading
import time
import traceback
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from emailint.errors import (
    ConnectionFailed,
    EmailintError,
    LoginRefused,
    ProtocolFailed,
    SecretUnavailable,
    Throttled,
    TlsFailed,
)
from emailint.oauth.cache import PrivateFile
from emailint.oauth.entra import EntraTokens
from emailint.oauth.refresh import RefreshSignIn, RefreshTokens
from emailint.oauth.sign_in import sign_in
from tests.support.connect_proxy import ConnectProxy, production_context
from tests.support.entra_double import CLIENT, SECRET, TENANT, USER
from tests.support.google_double import CLIENT as GOOGLE_CLIENT
from tests.support.google_double import REFRESH
from tests.support.google_double import SECRET as GOOGLE_SECRET
from tests.support.graph import ADDRESS, entra_app, graph_settings, graph_source
from tests.support.graph_double import HTML, Fault, GraphDouble, given, throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from emailint.oauth.entra import EntraApp

WRONG_PASSPHRASE = "close sesame"
TOKEN = "oauth2/v2.0/token"


@pytest.fixture
def double() -> Iterator[GraphDouble]:
    with GraphDouble() as running:
        yield running


def told(error: EmailintError) -> str:
    """Everything that anybody could get to read of an error."""
    return f"{error} {error!r} {error.hint} {''.join(traceback.format_exception(error))}"


# An application


def test_a_token_is_asked_for_once_and_kept(double: GraphDouble) -> None:
    tokens = EntraTokens(entra_app(double))
    assert {tokens.token() for _ in range(5)} == {tokens.token()}
    assert len(double.entra.asked) == 1
    assert double.entra.asked[0]["scope"] == f"{double.root}/.default"


def test_a_token_that_is_about_to_expire_is_replaced(double: GraphDouble) -> None:
    double.entra.lifetime = 200
    tokens = EntraTokens(entra_app(double))
    assert tokens.token() != tokens.token()


def test_a_refused_token_is_replaced_once_for_all_who_come_with_it(double: GraphDouble) -> None:
    tokens = EntraTokens(entra_app(double))
    dead = tokens.token()
    fresh = tokens.renewed(dead)
    assert fresh != dead
    assert tokens.renewed(dead) == fresh == tokens.token()
    assert len(double.entra.asked) == 2


def test_many_threads_ask_once(double: GraphDouble) -> None:
    tokens = EntraTokens(entra_app(double))
    double.fault(TOKEN, Fault(seconds=0.1))
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(tokens.token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(double.entra.asked) == 1


WRONG: dict[str, tuple[Callable[[GraphDouble], object], dict[str, Any], str, str]] = {
    "wrong tenant": (lambda _d: None, {"tenant": "nobody.example"}, "AADSTS90002", "oauth.tenant"),
    "unknown app": (lambda _d: None, {"client_id": "0000"}, "AADSTS700016", "oauth.client_id"),
    "wrong secret": (lambda _d: None, {"secret": given("nope")}, "AADSTS7000215", "Value"),
    "expired secret": (
        lambda d: setattr(d.entra.apps[CLIENT], "expired", True),
        {},
        "AADSTS7000222",
        "new one",
    ),
    "no consent": (
        lambda d: setattr(d.entra.apps[CLIENT], "consented", False),
        {},
        "AADSTS65001",
        "administrator",
    ),
    "another cloud": (
        lambda _d: None,
        {"scopes": ("https://graph.microsoft.us/.default",)},
        "AADSTS1002012",
        "graph",
    ),
    "a reason without a number": (
        lambda d: d.fault(TOKEN, Fault(400, {"error": "unauthorized_client"})),
        {},
        "unauthorized_client",
        "client_id",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_refusal_names_its_cause_and_its_cure(double: GraphDouble, name: str) -> None:
    change, changes, code, cure = WRONG[name]
    change(double)
    with pytest.raises(LoginRefused, match=code) as caught:
        EntraTokens(entra_app(double, **changes)).token()
    assert cure in caught.value.hint
    assert "\n" not in str(caught.value)
    assert SECRET not in told(caught.value)
    assert "nope" not in told(caught.value)


def test_what_was_refused_is_asked_again_and_not_taken_from_a_cache(double: GraphDouble) -> None:
    app = double.entra.apps[CLIENT]
    app.consented = False
    tokens = EntraTokens(entra_app(double))
    with pytest.raises(LoginRefused):
        tokens.token()
    app.consented = True
    assert tokens.token()


TROUBLE = {
    "429": (throttled(7), Throttled, 7.0),
    "503 in HTML": (Fault(503, HTML, {"Retry-After": "9"}), ConnectionFailed, 9.0),
    "reset": (Fault(drop="before"), ConnectionFailed, None),
    "half an answer": (Fault(drop="middle"), ConnectionFailed, None),
    "no JSON": (Fault(200, b"<html>"), ProtocolFailed, None),
    "a list": (Fault(200, b"[]"), ProtocolFailed, None),
    "a redirect": (Fault(302, b"", {"Location": "https://evil.example/"}), ProtocolFailed, None),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_on_the_way_passes_with_the_next_call(double: GraphDouble, name: str) -> None:
    fault, kind, wait = TROUBLE[name]
    double.fault(TOKEN, fault)
    tokens = EntraTokens(entra_app(double))
    with pytest.raises(kind) as caught:
        tokens.token()
    assert caught.value.retry_after == wait
    assert caught.value.transient
    assert SECRET not in told(caught.value)
    assert tokens.token()


def test_a_wrong_clock_is_named(double: GraphDouble) -> None:
    double.clock_ahead = 4_000.0
    with pytest.raises(LoginRefused) as caught:
        EntraTokens(entra_app(double, secret=given("nope"))).token()
    assert "clock is 4000 s off" in caught.value.hint or "clock is 3999 s off" in caught.value.hint
    tokens = EntraTokens(entra_app(double))
    tokens.token()
    assert "clock" in tokens.warnings()[0]


# Certificates


def key_pair(days: int = 400) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "emailint")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


@pytest.fixture(scope="module")
def pair() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    return key_pair()


def written(folder: Path, kind: str, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> Path:
    path = folder / "app"
    secret = serialization.BestAvailableEncryption(b"open sesame")
    pem = serialization.Encoding.PEM
    public = certificate.public_bytes(pem)
    traditional = serialization.PrivateFormat.PKCS8
    match kind:
        case "pem":
            path.write_bytes(key.private_bytes(pem, traditional, serialization.NoEncryption()) + public)
        case "pem, certificate first":
            path.write_bytes(public + key.private_bytes(pem, traditional, serialization.NoEncryption()))
        case "pem with a password":
            path.write_bytes(key.private_bytes(pem, traditional, secret) + public)
        case _:
            path.write_bytes(pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, secret))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("kind", ["pem", "pem, certificate first", "pem with a password", "pfx"])
def test_a_certificate_signs_in(
    double: GraphDouble, tmp_path: Path, pair: tuple[rsa.RSAPrivateKey, x509.Certificate], kind: str
) -> None:
    """The double takes PS256 with x5t#S256 alone, which is what msal does where no thumbprint is given."""
    double.entra.apps[CLIENT].certificates = [pair[1].public_bytes(serialization.Encoding.PEM)]
    path = written(tmp_path, kind, *pair)
    passphrase = given("open sesame") if "password" in kind or kind == "pfx" else None
    tokens = EntraTokens(entra_app(double, secret=None, certificate=path, passphrase=passphrase))
    assert tokens.token()
    end = tokens.end()
    assert end is not None
    assert (end.what, end.soon) == ("certificate", False)
    assert end.last_day == pair[1].not_valid_after_utc.date()


def test_a_certificate_that_entra_does_not_know(
    double: GraphDouble, tmp_path: Path, pair: tuple[rsa.RSAPrivateKey, x509.Certificate]
) -> None:
    path = written(tmp_path, "pem", *pair)
    with pytest.raises(LoginRefused, match="AADSTS700027") as caught:
        EntraTokens(entra_app(double, secret=None, certificate=path)).token()
    assert "Certificates & secrets" in caught.value.hint


def test_a_certificate_that_others_may_read_is_used(
    double: GraphDouble, tmp_path: Path, pair: tuple[rsa.RSAPrivateKey, x509.Certificate]
) -> None:
    """As `readable_secrets: accept` has it: containers mount secrets so."""
    double.entra.apps[CLIENT].certificates = [pair[1].public_bytes(serialization.Encoding.PEM)]
    path = written(tmp_path, "pem", *pair)
    path.chmod(0o644)
    assert EntraTokens(entra_app(double, secret=None, certificate=path, readable=True)).token()


def test_an_expired_certificate_is_called_so(double: GraphDouble, tmp_path: Path) -> None:
    """Entra has one number for it and for one that is not the app's."""
    path = written(tmp_path, "pem", *key_pair(-3))
    with pytest.raises(LoginRefused, match="the certificate expired") as caught:
        EntraTokens(entra_app(double, secret=None, certificate=path)).token()
    assert "make a new one" in caught.value.hint


def test_the_certificate_of_the_key_is_taken_whatever_stands_before_it(
    double: GraphDouble, tmp_path: Path, pair: tuple[rsa.RSAPrivateKey, x509.Certificate]
) -> None:
    pem = serialization.Encoding.PEM
    double.entra.apps[CLIENT].certificates = [pair[1].public_bytes(pem)]
    path = written(tmp_path, "pem", *pair)
    path.write_bytes(key_pair()[1].public_bytes(pem) + path.read_bytes())
    assert EntraTokens(entra_app(double, secret=None, certificate=path)).token()


UNFIT = {
    "another's certificate": ("no certificate of its key", ""),
    "an elliptic key": ("no RSA key", "RSA key"),
    "a password that is not given": ("its key has a password", "certificate_password"),
    "a password for nothing": ("its key has no password", "take oauth.certificate_password out"),
}


@pytest.mark.parametrize("what", UNFIT)
def test_a_certificate_file_says_what_is_wrong_with_it(
    double: GraphDouble, tmp_path: Path, pair: tuple[rsa.RSAPrivateKey, x509.Certificate], what: str
) -> None:
    kind = "pem with a password" if what == "a password that is not given" else "pem"
    path = written(tmp_path, kind, pair[0], key_pair()[1] if what.startswith("another") else pair[1])
    if what == "an elliptic key":
        key = ec.generate_private_key(ec.SECP256R1())
        form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, none) + path.read_bytes())
    passphrase = given(WRONG_PASSPHRASE) if what == "a password for nothing" else None
    with pytest.raises(SecretUnavailable, match=UNFIT[what][0]) as caught:
        EntraTokens(entra_app(double, secret=None, certificate=path, passphrase=passphrase)).token()
    assert UNFIT[what][1] in caught.value.hint
    assert double.entra.asked == []


@pytest.mark.parametrize(("days", "words"), [(12, ""), (-3, "expired 3 days ago")])
def test_the_end_of_a_certificate_is_told_before(
    double: GraphDouble, tmp_path: Path, days: int, words: str
) -> None:
    key, certificate = key_pair(days) if days > 0 else key_pair(5)
    double.entra.apps[CLIENT].certificates = [certificate.public_bytes(serialization.Encoding.PEM)]
    tokens = EntraTokens(
        entra_app(double, secret=None, certificate=written(tmp_path, "pem", key, certificate))
    )
    tokens.token()
    today = datetime.now(UTC).date()
    if days > 0:  # the day it ends on may be the next one, late in the evening
        words = f"expires in {(certificate.not_valid_after_utc.date() - today).days} days"
    if days < 0:
        tokens._last_day = datetime.now(UTC).date() + timedelta(days=days)
    assert words in tokens.warnings()[0]


def test_the_end_of_a_secret_is_told_before_where_it_is_known(double: GraphDouble) -> None:
    soon = datetime.now(UTC).date() + timedelta(days=5)
    assert "expires in 5 days" in EntraTokens(entra_app(double, secret_expires=soon)).warnings()[0]
    late = soon + timedelta(days=100)
    assert EntraTokens(entra_app(double, secret_expires=late)).warnings() == [
        "the client secret expires in 105 days"
    ]
    assert EntraTokens(entra_app(double)).warnings() == []


@pytest.mark.parametrize(("days", "soon"), [(31, False), (30, True), (0, True), (-1, True)])
def test_thirty_days_ahead_is_soon(double: GraphDouble, days: int, *, soon: bool) -> None:
    last_day = datetime.now(UTC).date() + timedelta(days=days)
    end = EntraTokens(entra_app(double, secret_expires=last_day)).end()
    assert end is not None
    assert end.soon is soon


@pytest.mark.parametrize("what", ["missing", "empty", "rubbish", "key alone", "readable", "wrong password"])
def test_a_certificate_file_that_cannot_be_used(
    double: GraphDouble, tmp_path: Path, pair: tuple[rsa.RSAPrivateKey, x509.Certificate], what: str
) -> None:
    path = written(tmp_path, "pem with a password" if what == "wrong password" else "pem", *pair)
    key_text = path.read_text().splitlines()[5]
    match what:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "rubbish":
            path.write_bytes(b"\x00rubbish")
        case "key alone":
            path.write_text(path.read_text().partition("-----BEGIN CERT")[0])
        case "readable":
            path.chmod(0o644)
    with pytest.raises(SecretUnavailable) as caught:
        EntraTokens(
            entra_app(double, secret=None, certificate=path, passphrase=given(WRONG_PASSPHRASE))
        ).token()
    assert caught.value.hint
    assert key_text not in told(caught.value)
    assert WRONG_PASSPHRASE not in told(caught.value)
    assert double.entra.asked == []


# A person


@pytest.fixture
def person(double: GraphDouble, tmp_path: Path) -> EntraApp:
    scopes = (f"{double.root}/Mail.ReadWrite", f"{double.root}/Mail.Send")
    return entra_app(double, secret=None, scopes=scopes, cache=tmp_path / "sign-ins" / "payroll.json")


def test_a_person_signs_in_once_and_sweeps_go_on_from_there(double: GraphDouble, person: EntraApp) -> None:
    shown: list[str] = []
    assert EntraTokens(person).sign_in(shown.append) == USER
    assert "ABCD-EFGH" in shown[0]
    assert person.cache is not None
    assert person.cache.stat().st_mode & 0o777 == 0o600
    assert person.cache.parent.stat().st_mode & 0o777 == 0o700
    before, stamp = len(double.entra.asked), person.cache.stat().st_mtime_ns
    assert EntraTokens(person).token()
    assert len(double.entra.asked) == before
    assert person.cache.stat().st_mtime_ns == stamp


def test_a_person_who_has_not_signed_in_is_told_how(person: EntraApp) -> None:
    with pytest.raises(LoginRefused, match="nobody has signed in") as caught:
        EntraTokens(person).token()
    assert "emailint authorize payroll" in caught.value.hint


def test_a_refused_token_of_a_person_is_refreshed_and_kept(double: GraphDouble, person: EntraApp) -> None:
    EntraTokens(person).sign_in(lambda _text: None)
    tokens = EntraTokens(person)
    dead = tokens.token()
    fresh = tokens.renewed(dead)
    assert fresh != dead
    assert EntraTokens(person).token() == fresh


def test_a_sign_in_that_has_expired_is_told(double: GraphDouble, person: EntraApp) -> None:
    EntraTokens(person).sign_in(lambda _text: None)
    double.entra.refresh_tokens.clear()
    tokens = EntraTokens(person)
    with pytest.raises(LoginRefused, match=r"The access token is invalid: .*AADSTS700082") as caught:
        tokens.renewed(tokens.token())
    assert "emailint authorize" in caught.value.hint


def test_trouble_on_the_way_does_not_end_a_sign_in(double: GraphDouble, person: EntraApp) -> None:
    """The code is shown once, and is good for minutes; one lost answer must not make it worthless."""
    double.fault(f"POST .*{TOKEN}", Fault(503, HTML))
    shown: list[str] = []
    assert EntraTokens(person).sign_in(shown.append) == USER
    assert "still waiting" in shown[1]


@pytest.mark.parametrize("where", ["devicecode", TOKEN])
def test_an_answer_that_is_none_ends_a_sign_in(double: GraphDouble, person: EntraApp, where: str) -> None:
    double.fault(f"POST .*{where}", Fault(200, HTML), 99)
    with pytest.raises(ProtocolFailed):
        EntraTokens(person).sign_in(lambda _text: None)


def test_sweeps_go_on_while_somebody_signs_in(double: GraphDouble, person: EntraApp) -> None:
    """With what was kept before: a person may take minutes, and nothing is locked so long."""
    EntraTokens(person).sign_in(lambda _text: None)
    got: list[str] = []
    double.entra.entered = False
    EntraTokens(person).sign_in(lambda _text: got.append(EntraTokens(person).token()))
    assert got


def test_who_signs_in_anew_takes_the_place_of_who_did_before(double: GraphDouble, person: EntraApp) -> None:
    EntraTokens(person).sign_in(lambda _text: None)
    assert person.cache is not None
    person.cache.write_text(person.cache.read_text().replace(USER, "other@bigtmepeo.com").replace("u1", "u0"))
    assert EntraTokens(person).sign_in(lambda _text: None) == USER
    assert "other@" not in person.cache.read_text()


def test_a_sign_in_that_another_holds_is_not_waited_for_for_ever(
    person: EntraApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emailint.oauth.cache.PATIENCE", 0.2)
    assert person.cache is not None
    with (
        PrivateFile(person.cache).locked(),
        pytest.raises(SecretUnavailable, match="held by another") as caught,
    ):
        EntraTokens(person).token()
    assert "next run" in caught.value.hint


def test_an_app_that_allows_no_public_flow(double: GraphDouble, person: EntraApp) -> None:
    double.entra.apps[CLIENT].public_flows = False
    with pytest.raises(LoginRefused, match="AADSTS7000218") as caught:
        EntraTokens(person).sign_in(lambda _text: None)
    assert "public client flows" in caught.value.hint


@pytest.mark.parametrize("content", ["{", "[]", "null", "\x00"])
def test_a_kept_sign_in_that_is_damaged_is_told(person: EntraApp, content: str) -> None:
    assert person.cache is not None
    person.cache.parent.mkdir()
    person.cache.write_text(content)
    person.cache.chmod(0o600)
    with pytest.raises(LoginRefused) as caught:
        EntraTokens(person).token()
    assert "emailint authorize payroll" in caught.value.hint


def test_a_kept_sign_in_that_others_can_read_is_not_used(double: GraphDouble, person: EntraApp) -> None:
    EntraTokens(person).sign_in(lambda _text: None)
    assert person.cache is not None
    person.cache.chmod(0o640)
    with pytest.raises(SecretUnavailable, match="read by others"):
        EntraTokens(person).token()


def test_a_link_in_place_of_the_kept_sign_in_is_not_followed(person: EntraApp, tmp_path: Path) -> None:
    assert person.cache is not None
    person.cache.parent.mkdir()
    (tmp_path / "elsewhere").write_text("{}")
    person.cache.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretUnavailable):
        EntraTokens(person).token()


def test_two_runs_at_once_do_not_lose_a_sign_in(double: GraphDouble, person: EntraApp) -> None:
    EntraTokens(person).sign_in(lambda _text: None)
    errors: list[BaseException] = []

    def refresh() -> None:
        try:
            tokens = EntraTokens(person)
            tokens.renewed(tokens.token())
        except BaseException as error:  # noqa: BLE001 - any is one too many
            errors.append(error)

    threads = [threading.Thread(target=refresh) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert person.cache is not None
    json.loads(person.cache.read_text())
    assert EntraTokens(person).token()


# Google, Yahoo, AOL


def google(double: GraphDouble, **changes: Any) -> RefreshSignIn:
    settings: dict[str, Any] = {
        "issuer": "google",
        "client_id": GOOGLE_CLIENT,
        "client_secret": given(GOOGLE_SECRET),
        "refresh_token": given(REFRESH),
        "user": "payroll@gmail.com",
        "authority": double.root,
        "ca_file": double.ca_file,
        "name": "payroll",
    }
    return RefreshSignIn(**settings | changes)


@pytest.mark.parametrize("issuer", ["google", "yahoo", "aol"])
def test_a_refresh_token_gives_tokens(double: GraphDouble, issuer: str) -> None:
    tokens = RefreshTokens(google(double, issuer=issuer))
    first = tokens.token()
    assert tokens.token() == first
    assert tokens.renewed(first) != first
    assert len(double.google.asked) == 2


@pytest.mark.parametrize(
    ("changes", "code", "cure"),
    [
        ({"client_secret": given("nope")}, "invalid_client", "oauth.client_secret"),
        ({"refresh_token": given("old")}, "invalid_grant", "emailint authorize"),
        ({"refresh_token": None}, "nobody has signed in", "emailint authorize payroll"),
    ],
)
def test_a_refusal_of_google_names_its_cause(
    double: GraphDouble, changes: dict[str, Any], code: str, cure: str
) -> None:
    with pytest.raises(LoginRefused, match=code) as caught:
        RefreshTokens(google(double, **changes)).token()
    assert cure in caught.value.hint
    for secret in (GOOGLE_SECRET, REFRESH, "nope"):
        assert secret not in told(caught.value)


def kept(path: Path, token: str = REFRESH) -> Path:
    path.write_text(json.dumps({"refresh_token": token}))
    path.chmod(0o600)
    return path


def test_a_refresh_token_that_takes_the_place_of_another_is_kept(double: GraphDouble, tmp_path: Path) -> None:
    double.google.rotates = True
    cache = kept(tmp_path / "payroll.json")
    for _ in range(3):
        assert RefreshTokens(google(double, refresh_token=None, cache=cache)).token()
    assert json.loads(cache.read_text())["refresh_token"] in double.google.refresh_tokens
    assert cache.stat().st_mode & 0o777 == 0o600


def test_a_dry_run_keeps_no_refresh_token(double: GraphDouble, tmp_path: Path) -> None:
    double.google.rotates = True
    cache = kept(tmp_path / "payroll.json")
    before = cache.read_bytes()
    assert RefreshTokens(google(double, refresh_token=None, cache=cache, keep=False)).token()
    assert cache.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["payroll.json"]


@pytest.mark.parametrize(
    ("given_token", "cure"),
    [(given("old"), "oauth.refresh_token"), (None, "sign in anew: emailint authorize payroll")],
)
def test_a_refresh_token_that_was_revoked_says_what_to_do(
    double: GraphDouble, tmp_path: Path, given_token: Any, cure: str
) -> None:
    settings = google(double, refresh_token=given_token, cache=kept(tmp_path / "payroll.json", "old"))
    with pytest.raises(LoginRefused, match="The access token is invalid: invalid_grant") as caught:
        RefreshTokens(settings).token()
    assert cure in caught.value.hint


def test_a_service_account_speaks_for_a_mailbox(
    double: GraphDouble, tmp_path: Path, pair: tuple[rsa.RSAPrivateKey, x509.Certificate]
) -> None:
    key, _ = pair
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "account.json"
    account = {
        "client_email": "x@y.iam.gserviceaccount.com",
        "private_key": pem.decode(),
        "private_key_id": "1",
    }
    path.write_text(json.dumps(account))
    path.chmod(0o600)
    double.google.public_key = key.public_key()
    assert RefreshTokens(google(double, service_account=path)).token()
    double.google.delegated = False
    with pytest.raises(LoginRefused, match="unauthorized_client") as caught:
        RefreshTokens(google(double, service_account=path)).token()
    assert "delegation" in caught.value.hint.lower()
    link = tmp_path / "link.json"  # as containers mount secrets
    link.symlink_to(path)
    double.google.delegated = True
    assert RefreshTokens(google(double, service_account=link)).token()
    path.chmod(0o640)
    with pytest.raises(SecretUnavailable, match=r"key file .* can be read by others"):
        RefreshTokens(google(double, service_account=path)).token()
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(SecretUnavailable, match="no key file"):
        RefreshTokens(google(double, service_account=path)).token()


class Browser:
    """Goes where it is sent, and comes back to the address that it was given."""

    def __init__(self, double: GraphDouble, **changes: str) -> None:
        self.double = double
        self.changes = changes
        self.thread: threading.Thread | None = None

    def __call__(self, text: str) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(text.split("\n")[1]).query).items()}
        self.double.google.challenge = query["code_challenge"]
        back = {"code": "4/abc", "state": query["state"], **self.changes}
        target = (
            f"{query['redirect_uri']}?{'&'.join(f'{name}={value}' for name, value in back.items() if value)}"
        )

        def come_back() -> None:
            time.sleep(0.05)
            icon = f"{query['redirect_uri']}favicon.ico"
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(icon).close()
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(target).close()

        self.thread = threading.Thread(target=come_back)
        self.thread.start()


def test_a_person_signs_in_at_google_with_a_browser(double: GraphDouble, tmp_path: Path) -> None:
    settings = google(double, refresh_token=None, cache=tmp_path / "sign-ins" / "payroll.json")
    browser = Browser(double)
    sign_in(settings, browser, seconds=5)
    assert browser.thread is not None
    browser.thread.join()
    assert settings.cache is not None
    assert settings.cache.stat().st_mode & 0o777 == 0o600
    assert RefreshTokens(settings).token()


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"state": "forged"}, "another sign-in"), ({"code": "", "error": "access_denied"}, "declined")],
)
def test_what_comes_back_wrong_is_not_used(
    double: GraphDouble, tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    settings = google(double, refresh_token=None, cache=tmp_path / "sign-in.json")
    browser = Browser(double, **changes)
    with pytest.raises(LoginRefused, match=words):
        sign_in(settings, browser, seconds=5)
    assert browser.thread is not None
    browser.thread.join()
    assert double.google.asked == []
    assert not (tmp_path / "sign-in.json").exists()


# The way there


def test_the_certificate_of_the_server_is_checked(
    double: GraphDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TlsFailed, match="certificate") as caught:
        EntraTokens(entra_app(double, ca_file=None)).token()
    assert "ca_file" in caught.value.hint
    assert double.entra.asked == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environment_names_authorities(
    double: GraphDouble, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(double.ca_file))
    assert EntraTokens(entra_app(double, ca_file=None)).token()


def test_a_ca_file_goes_before_the_environment(
    double: GraphDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nothing.pem"))
    assert EntraTokens(entra_app(double)).token()


def test_a_netrc_never_takes_the_place_of_a_token(
    double: GraphDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    double.mailbox(ADDRESS)
    with graph_source(double) as source:
        assert list(source.list_unread()) == []
    assert all(each["Authorization"].startswith("Bearer ") for each in double.headers)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_production_hosts_are_reached_through_a_proxy_with_its_own_authority(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    context, ca_file = production_context()
    graph = "https://graph.microsoft.com"
    with GraphDouble(context, graph) as double, ConnectProxy(double.port) as proxy:
        double.entra.root = "https://login.microsoftonline.com"
        double.mailbox(ADDRESS).add(b"Subject: x\r\n\r\n")
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(variable, str(ca_file))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        app = entra_app(double, authority="https://login.microsoftonline.com", ca_file=None)
        mailbox = replace(graph_settings(double, EntraTokens(app)), ca_file=None)
        with graph_source(double, mailbox=mailbox) as source:
            (ref,) = source.list_unread()
    assert ref.locus.startswith(f"graph://graph.microsoft.com/{ADDRESS}/")
    assert set(proxy.asked) == {"login.microsoftonline.com:443", "graph.microsoft.com:443"}


@pytest.mark.parametrize(
    "proxy", ["http://user:pr0xy-secret@127.0.0.1:1", "http://user:pr0xy-secret@127.0.0.1:{port}"]
)
def test_a_proxy_that_does_not_lead_there_is_named_without_its_password(
    double: GraphDouble, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ConnectProxy(1, refuse=True) as refusing:
        monkeypatch.setenv("HTTPS_PROXY", proxy.format(port=refusing.port))
        with pytest.raises(ConnectionFailed, match="proxy") as caught:
            EntraTokens(entra_app(double)).token()
    assert "HTTPS_PROXY" in caught.value.hint
    assert "pr0xy-secret" not in told(caught.value)


def test_a_name_that_nobody_knows(double: GraphDouble) -> None:
    app = entra_app(double, authority="https://login.invalid")
    with pytest.raises(ConnectionFailed, match=r"login\.invalid"):
        EntraTokens(app).token()


@pytest.mark.parametrize("status", [200, 403, 404])
def test_who_answers_in_place_of_entra_is_no_wrong_tenant(double: GraphDouble, status: int) -> None:
    double.fault("GET .*openid-configuration", Fault(status, HTML))
    with pytest.raises(ProtocolFailed, match=f"status {status}") as caught:
        EntraTokens(entra_app(double)).token()
    assert "oauth.authority" in caught.value.hint
    assert double.entra.asked == []


def test_what_msal_logs_is_not_printed(double: GraphDouble, capfd: pytest.CaptureFixture[str]) -> None:
    """It logs whole answers, where a token may stand."""
    double.fault(f"POST .*{TOKEN}", Fault(200, b'{"access_token": "t0ken-in-broken-json'))
    with pytest.raises(ProtocolFailed):
        EntraTokens(entra_app(double)).token()
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("msal").propagate is False


def test_no_server_is_waited_for_longer_than_the_sweep_lasts(double: GraphDouble) -> None:
    double.fault("GET .*openid-configuration", Fault(seconds=4))
    begun = time.monotonic()
    with pytest.raises(ConnectionFailed, match="in time"):
        EntraTokens(entra_app(double), time_left=lambda: 1.0).token()
    assert time.monotonic() - begun < 3


def test_an_authority_may_hold_its_tenant(double: GraphDouble) -> None:
    assert EntraTokens(entra_app(double, tenant="", authority=f"{double.root}/{TENANT}")).token()
