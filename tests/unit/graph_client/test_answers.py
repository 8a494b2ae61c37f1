"""What Graph's refusals mean, by status and code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emailint.errors import (
    ConnectionFailed,
    FolderMissing,
    FolderReadOnly,
    LoginRefused,
    ProtocolFailed,
    SourceError,
    Throttled,
)
from emailint.graph_client.answers import Answer, Refused


def refused(status: int, code: str = "", inner: dict[str, Any] | None = None) -> Refused:
    error = {"code": code, "message": "words", **({"innerError": inner} if inner else {})}
    return Refused(Answer(status, {}, json.dumps({"error": error}).encode(), "request-id 7"))


MEANINGS: dict[tuple[int, str], tuple[type[SourceError], bool]] = {
    (401, "InvalidAuthenticationToken"): (LoginRefused, False),
    (401, "NoPermissionsInAccessToken"): (LoginRefused, False),
    (403, "ErrorAccessDenied"): (LoginRefused, False),
    (403, "ErrorSendAsDenied"): (LoginRefused, False),
    (404, "ErrorItemNotFound"): (FolderMissing, False),
    (404, "ErrorInvalidUser"): (LoginRefused, False),
    (404, "ResourceNotFound"): (LoginRefused, False),
    (404, "MailboxNotEnabledForRESTAPI"): (LoginRefused, False),
    (400, "ErrorInvalidIdMalformed"): (ProtocolFailed, True),
    (400, "InefficientFilter"): (ProtocolFailed, True),
    (429, "TooManyRequests"): (Throttled, True),
    (503, ""): (Throttled, True),
    (504, ""): (ConnectionFailed, True),
    (500, "InternalServerError"): (ConnectionFailed, True),
    (409, "ErrorMailboxMoveInProgress"): (Throttled, True),
    (500, "ErrorMailboxStoreUnavailable"): (Throttled, True),
    (418, "Teapot"): (ProtocolFailed, True),
}


@pytest.mark.parametrize(("status", "code"), MEANINGS)
def test_each_refusal_has_its_meaning(status: int, code: str) -> None:
    kind, transient = MEANINGS[status, code]
    error = refused(status, code).explained("payroll@example.org: listing")
    assert type(error) is kind
    assert error.transient is transient
    assert error.hint
    for part in ("payroll@example.org: listing", str(status), code, "request-id 7"):
        assert part in str(error)


@pytest.mark.parametrize("status", [302, 401, 403, 407, 451])
def test_who_answers_in_place_of_graph_is_told_so(status: int) -> None:
    error = Refused(Answer(status, {}, b"<html>Blocked by policy</html>")).explained("x")
    assert type(error) is ProtocolFailed
    assert "not Graph" in str(error)
    assert "HTTPS_PROXY" in error.hint


def test_a_refusal_without_words_is_graphs() -> None:
    assert type(Refused(Answer(403, {}, b"")).explained("x")) is LoginRefused


def test_a_token_without_permissions_is_not_called_invalid() -> None:
    error = refused(401, "NoPermissionsInAccessToken").explained("x")
    assert "names no permission" in str(error)
    assert "Mail.ReadWrite" in error.hint


def test_how_long_graph_asks_to_wait_is_told() -> None:
    content = json.dumps({"error": {"code": "TooManyRequests"}}).encode()
    assert "asks to wait, for 120 s" in str(
        Refused(Answer(429, {"Retry-After": "120"}, content)).explained("x")
    )


def test_codes_that_are_nested_count() -> None:
    nested = refused(404, "NotFound", {"code": "x", "innerError": {"code": "MailboxNotEnabledForRESTAPI"}})
    assert nested.codes == ("NotFound", "x", "MailboxNotEnabledForRESTAPI")
    assert type(nested.explained("x")) is LoginRefused
    assert not nested.gone


def test_the_message_of_an_error_is_never_branched_on() -> None:
    content = json.dumps({"error": {"code": "Other", "message": "ErrorInvalidUser ErrorItemNotFound"}})
    assert type(Refused(Answer(404, {}, content.encode())).explained("x")) is ProtocolFailed


@pytest.mark.parametrize(
    ("status", "code", "gone"),
    [
        (404, "ErrorItemNotFound", True),
        (404, "", True),
        (410, "", True),
        (404, "ErrorInvalidUser", False),
        (400, "ErrorInvalidIdMalformed", False),
        (403, "ErrorItemNotFound", False),
    ],
)
def test_what_has_gone_is_told_from_a_mailbox_that_is_not_there(status: int, code: str, gone: bool) -> None:
    assert refused(status, code).gone is gone


def test_marking_that_is_forbidden_makes_a_folder_read_only() -> None:
    assert type(refused(403, "ErrorAccessDenied").explained("x", FolderReadOnly)) is FolderReadOnly
    assert type(refused(404, "ErrorInvalidUser").explained("x", FolderReadOnly)) is LoginRefused


CONTENTS = [
    b"",
    b"<html>",
    b"[]",
    b'"x"',
    b"null",
    b'{"error": "x"}',
    b'{"error": {"code": 7}}',
    b"[" * 50_000,
]


@pytest.mark.parametrize("content", CONTENTS)
def test_a_refusal_without_a_code_is_judged_by_its_status(content: bytes) -> None:
    found = Refused(Answer(503, {"Retry-After": "3"}, content, "request-id 7"))
    assert (found.code, found.wait) == ("", 3.0)
    assert type(found.explained("x")) is Throttled


def test_a_token_that_is_echoed_is_not_told() -> None:
    content = json.dumps({"error": {"code": "x", "message": "bad token eyJ0 here \x1b[2J\r\nmore"}}).encode()
    found = Refused(Answer(400, {}, content), "eyJ0")
    assert found.text == "bad token *** here [2J more"


def test_inner_errors_that_do_not_end() -> None:
    deep: dict[str, Any] = {"code": "a"}
    for _ in range(100):
        deep = {"code": "a", "innerError": deep}
    assert len(Refused(Answer(400, {}, json.dumps({"error": deep}).encode())).codes) == 10
