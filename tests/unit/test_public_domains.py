"""The list of public mail domains."""

from __future__ import annotations

import pytest

from emailint.addresses import is_deliverable
from emailint.public_domains import PUBLIC_DOMAINS, is_public


@pytest.mark.parametrize(
    "domain",
    [
        "gmail.com",
        "GMAIL.com",
        "outlook.com",
        "hotmail.co.uk",
        "yahoo.co.jp",
        "icloud.com",
        "web.de",
        "qq.com",
    ],
)
def test_public(domain: str) -> None:
    assert is_public(domain)


@pytest.mark.parametrize(
    "domain", ["example.com", "mail.gmail.com", "gmail.com.evil.example", "", "google.com"]
)
def test_not_public(domain: str) -> None:
    assert not is_public(domain)


def test_every_entry_is_a_host_name_in_lower_case() -> None:
    assert len(PUBLIC_DOMAINS) > 400
    assert all(domain == domain.lower() and is_deliverable(f"a@{domain}") for domain in PUBLIC_DOMAINS)
