"""What is made of headers and words of servers; no socket."""

from __future__ import annotations

import base64
import json
import math
import time
from email.utils import formatdate
from http.client import RemoteDisconnected
from typing import TYPE_CHECKING

import pytest
import requests
from urllib3.exceptions import ProxyError

from emailint.errors import TlsFailed
from emailint.oauth.claims import may, roles_of
from emailint.oauth.entra_causes import CAUSES, cause_of, number_in
from emailint.oauth.http import LONGEST_WAIT, clean, new_session, retry_after, time_outs, unreachable

if TYPE_CHECKING:
    from pathlib import Path

WAITS: dict[str, float | None] = {
    "": None,
    "0": 0.0,
    "7": 7.0,
    "1.5": 1.5,
    "-3": None,
    "soon": None,
    "nan": None,
    "inf": None,
    "1e9": None,
    "99999999999": LONGEST_WAIT,
    "Thu, 01 Jan 1970 00:00:00 GMT": 0.0,
    "Thu, 99 Jan 1970 00:00:00 GMT": None,
}


@pytest.mark.parametrize("said", WAITS)
def test_retry_after_is_a_number_or_a_date_and_bounded(said: str) -> None:
    assert retry_after({"Retry-After": said}) == WAITS[said]


def test_retry_after_may_be_a_date() -> None:
    found = retry_after({"Retry-After": formatdate(time.time() + 90, usegmt=True)})
    assert found is not None
    assert 85 < found <= 91


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (RemoteDisconnected("Remote end closed connection without response"), "it was lost"),
        (ConnectionResetError(104, "Connection reset by peer"), "it was lost"),
        (OSError("Tunnel connection failed: 407 Proxy Authentication Required"), "proxy does not lead"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_connection_lost_behind_a_proxy_is_not_the_proxys_fault(inner: Exception, words: str) -> None:
    """urllib3 calls each of them a ProxyError."""
    error = requests.exceptions.ProxyError(ProxyError("Unable to connect to proxy", inner))
    assert words in str(unreachable(error, "https://graph.microsoft.com/v1.0/x?secret=1"))


PROXY_ANSWERS = {
    "407 Proxy Authentication Required": ("login is wanted", "user:password@"),
    "403 Forbidden": ("forbidden", "allowed"),
    "502 Bad Gateway": ("answered 502", "cannot reach graph.microsoft.com"),
    "418 I am a teapot": ("answered 418", "HTTPS_PROXY"),
}


@pytest.mark.parametrize("answer", PROXY_ANSWERS)
def test_what_a_proxy_answers_is_told_apart(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:pr0xy-secret@proxy.example.com:3128")
    inner = OSError(f"Tunnel connection failed: {answer}")
    error = unreachable(
        requests.exceptions.ProxyError(ProxyError("x", inner)), "https://graph.microsoft.com/"
    )
    words, cure = PROXY_ANSWERS[answer]
    assert "the proxy proxy.example.com:3128 does not lead to graph.microsoft.com" in str(error)
    assert words in str(error)
    assert cure in error.hint
    assert "pr0xy-secret" not in f"{error} {error.hint}"


WAYS = {
    "time-out": (requests.exceptions.ReadTimeout(), "did not answer in time", "3128"),
    "closed": (requests.exceptions.ConnectionError(), "through the proxy proxy.example.com:3128", "next run"),
    "socks": (requests.exceptions.InvalidSchema("Missing dependencies"), "no http URL", "HTTPS_PROXY"),
    "no TLS": (requests.exceptions.SSLError("x"), "TLS with graph.microsoft.com", "HTTPS_PROXY"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_proxy_in_between_is_named(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example.com:3128")
    raised, words, cure = WAYS[way]
    error = unreachable(raised, "https://graph.microsoft.com/v1.0/me")
    assert words in str(error)
    assert cure in error.hint
    monkeypatch.setenv("NO_PROXY", "graph.microsoft.com")
    assert "through the proxy" not in str(unreachable(raised, "https://graph.microsoft.com/v1.0/me"))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "authorities.pem"
    if content:
        path.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    for ca_file, who in ((None, "REQUESTS_CA_BUNDLE"), (path, "ca_file")):
        with pytest.raises(TlsFailed, match=f"authorities.pem .{who}. cannot be read") as caught:
            new_session(ca_file)
        assert who in caught.value.hint


def test_no_server_is_waited_for_longer_than_there_is_time() -> None:
    assert time_outs(math.inf) == (10.0, 20.0)
    assert time_outs(4.0) == (4.0, 4.0)
    assert time_outs(-3.0) == (1.0, 1.0)


def test_words_of_a_server_are_one_short_line_without_secrets() -> None:
    assert clean("a\r\nb\x1b[31m\tc\u202e secret!", "secret") == "a b [31m c ***!"
    assert clean("longer-secret secret", "secret", "longer-secret") == "*** ***"
    assert len(clean("x" * 100_000)) == 301


def token(claims: object) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"h.{part}.s"


CLAIMS = {
    "roles": (token({"roles": ["Mail.ReadWrite"]}), {"Mail.ReadWrite"}),
    "scopes": (token({"scp": "Mail.Send Mail.Read"}), {"Mail.Send", "Mail.Read"}),
    "neither": (token({"aud": "x"}), set()),
    "odd roles": (token({"roles": [7, None, "a"], "scp": 3}), {"a"}),
    "roles that are no list": (token({"roles": "x"}), set()),
    "opaque": ("EwB4A8l6BAAU", None),
    "no JSON": ("a.b.c", None),
    "a list": (token([1]), None),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_what_a_token_claims(case: str) -> None:
    text, expected = CLAIMS[case]
    assert roles_of(text) == (None if expected is None else frozenset(expected))


SEND = frozenset({"Mail.Send"})
MAY: dict[str, tuple[str, bool | None]] = {
    "named": (token({"roles": ["Mail.ReadWrite", "Mail.Send"]}), True),
    "another for mail": (token({"scp": "Mail.Read User.Read"}), False),
    "none for mail, so RBAC perhaps": (token({"roles": ["User.Read.All"]}), None),
    "none": (token({}), None),
    "opaque": ("EwB4A8l6BAAU", None),
}


@pytest.mark.parametrize("case", MAY)
def test_what_a_token_does_not_name_may_be_given_all_the_same(case: str) -> None:
    assert may(MAY[case][0], SEND) is MAY[case][1]


def test_each_cause_says_what_it_is_and_what_to_do() -> None:
    for number, cause in CAUSES.items():
        assert cause.what
        assert cause.cure, number
        assert cause_of("whatever", f"AADSTS{number}: words") == cause


def test_causes_without_a_number_go_by_the_oauth_error() -> None:
    assert number_in("nothing here") is None
    assert cause_of("invalid_client", "") != cause_of("invalid_grant", "AADSTS999999: new")
    assert cause_of("", "").cure
