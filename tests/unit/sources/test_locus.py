"""Loci: one text a message, whatever stands in its mailbox's name."""

from __future__ import annotations

import pytest

from emailint.sources.locus import ImapFolder, imap_account, maildir_account, maildir_locus


@pytest.mark.parametrize(
    ("host", "user", "folder", "locus"),
    [
        ("mail.example.org", "ann", "INBOX", "imap://ann@mail.example.org/INBOX;UIDVALIDITY=3/;UID=7"),
        ("Mail.Example.ORG", "ann", "inbox", "imap://ann@mail.example.org/INBOX;UIDVALIDITY=3/;UID=7"),
        ("h", "ann@example.org", "A/B", "imap://ann%40example.org@h/A/B;UIDVALIDITY=3/;UID=7"),
        (
            "h",
            "a/b:c;d",
            "x;UIDVALIDITY=9/;UID=1",
            "imap://a%2Fb%3Ac%3Bd@h/x%3BUIDVALIDITY=9/%3BUID=1;UIDVALIDITY=3/;UID=7",
        ),
        (
            "h",
            "jörg",
            "Erläutert & mehr",
            "imap://j%C3%B6rg@h/Erl%C3%A4utert%20&%20mehr;UIDVALIDITY=3/;UID=7",
        ),
    ],
)
def test_imap_loci_are_urls(host: str, user: str, folder: str, locus: str) -> None:
    assert ImapFolder(imap_account(host, user), folder, 3).locus(7) == locus


def test_another_port_is_another_server() -> None:
    assert imap_account("H", "ann", 993) == imap_account("h", "ann", 143) == imap_account("h", "ann")
    assert imap_account("h", "ann", 10143) == "imap://ann@h:10143"


def test_only_loci_of_this_folder_in_this_life_are_taken() -> None:
    account = imap_account("h", "ann")
    folder = ImapFolder(account, "INBOX", 3)
    others = [
        ImapFolder(account, "INBOX", 33).locus(7),
        ImapFolder(account, "INBOX2", 3).locus(7),
        ImapFolder(imap_account("h2", "ann"), "INBOX", 3).locus(7),
        ImapFolder(imap_account("h", "bob"), "INBOX", 3).locus(7),
        f"{folder.prefix}x",
        f"{folder.prefix}",
        f"{folder.prefix}-1",
        "maildir:/h/7",
        "",
    ]
    mine = folder.locus(7)
    assert folder.uids([*others, mine]) == {7: mine}


@pytest.mark.parametrize(
    ("path", "unique", "locus"),
    [
        ("/var/mail/desk", "1.M2P3.host", "maildir:/var/mail/desk/1.M2P3.host"),
        ("/a b", "1.M2P3.host,S=5,W=6", "maildir:/a%20b/1.M2P3.host,S=5,W=6"),
        ("/odd\udcff", "x%y\nz", "maildir:/odd%FF/x%25y%0Az"),
    ],
)
def test_maildir_loci_are_plain_ascii(path: str, unique: str, locus: str) -> None:
    made = maildir_locus(maildir_account(path), unique)
    assert made == locus
    assert made.isascii()
    assert made.isprintable()
