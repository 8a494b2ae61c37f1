"""Which addresses are written to, and which two are one person's."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.addresses import domain_of, is_deliverable, local_part, normalise, normalised


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.com",
        "Ann.Lee+news@mail.example.co.uk",
        "o'brien@example.com",
        "a@localhost",
        "x_y=z@example.com",
        "ann@xn--bcher-kva.example",
        "дарья@пример.example",
        "a" * 64 + "@example.com",
        "a@" + ".".join(["b" * 63] * 3),
    ],
)
def test_deliverable(address: str) -> None:
    assert is_deliverable(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "root",
        "@example.com",
        "ann@",
        "a@b@c.example",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "alice@example.org)bob@evil.example",
        "ann@example..com",
        "ann@-example.com",
        "ann@example-.com",
        "ann@example.com.",
        ".ann@example.com",
        "an..n@example.com",
        '"a b"@example.com',
        "a b@example.com",
        "-oQ/tmp@example.com",
        "|/bin/sh@example.com",
        "/etc/passwd@example.com",
        "ann@example.com\n",
        "ann@example.com\r\nRCPT TO:<v@example.com>",
        "ann\x00@example.com",
        "ann\u202e@example.com",
        "ann\u00a0@example.com",
        "ann\ud800@example.com",
        "ann>@example.com",
        "<ann@example.com>",
        "ann,bob@example.com",
        "a" * 65 + "@example.com",
        "ann@" + "b" * 64 + ".example",
        "ann@" + ".".join(["b" * 60] * 5),
        "é" * 40 + "@example.com",
    ],
)
def test_not_deliverable(address: str) -> None:
    assert not is_deliverable(address)


@given(st.text(max_size=80))
def test_nothing_deliverable_breaks_out_of_a_command(address: str) -> None:
    if is_deliverable(address):
        assert not set(address) & set('<>\r\n\0 \t,;:"\\()[]')
        assert address[0] not in "-|/"
        assert address.count("@") == 1
        address.encode()


@given(st.text(alphabet=string.ascii_letters + "@.-+|/<> \r\n", max_size=40))
def test_nothing_deliverable_breaks_out_of_a_command_near_the_grammar(address: str) -> None:
    if is_deliverable(address):
        assert not set(address) & set("<>\r\n ")


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("Ann@Example.COM", "ann@example.com"),
        ("ann+news+more@example.com", "ann@example.com"),
        (" ann@example.com ", "ann@example.com"),
        ("+ann@example.com", "+ann@example.com"),
        ("root", "root"),
        ("a+b", "a+b"),
        ("", ""),
    ],
)
def test_normalise(address: str, normal: str) -> None:
    assert normalise(address) == normal
    assert normalise(normal) == normal


@pytest.mark.parametrize(
    ("address", "local", "domain"),
    [("Ann@Example.com", "Ann", "example.com"), ("root", "root", ""), ("a@b@c.example", "a@b", "c.example")],
)
def test_parts(address: str, local: str, domain: str) -> None:
    assert (local_part(address), domain_of(address)) == (local, domain)


def test_thousands_of_own_addresses_are_normalised_once() -> None:
    own = frozenset(f"Desk+{number}@Example.com" for number in range(3)) | {"ann@example.com"}
    assert normalised(own) == {"desk@example.com", "ann@example.com"}
    assert normalised(own) is normalised(frozenset(own))
