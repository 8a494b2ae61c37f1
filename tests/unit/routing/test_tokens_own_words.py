"""Only a sender's own words can carry a token."""

from __future__ import annotations

import pytest

from emailint.routing.tokens import tokens_in


@pytest.mark.parametrize(
    ("subject", "text", "clid", "wsid"),
    [
        ("Re: invoice", "> please quote WSID=1300\nok, will do\n> and send it\nhere it is", (), ()),
        ("Re: invoice", "> please quote WSID=1300\nok, WSID=1201\n | WSID=7", (), ("1201",)),
        ("Fwd: invoice", "FYI\n\n---------- Forwarded message ---------\nFrom: M\n\nWSID=1300", (), ()),
        ("invoice", "FYI\n\nBegin forwarded message:\n\nWSID=1300", (), ()),
        ("WG: Rechnung", "CLID=4\n\n-----Ursprüngliche Nachricht-----\nVon: M\n\nWSID=1300", ("4",), ()),
        (
            "FW: invoice",
            "see below CLID=4\n\nFrom: M <m@evil.example>\nSent: Monday\n\nWSID=1300",
            ("4",),
            (),
        ),
        ("invoice", "From: Ann, about WSID=1201", (), ("1201",)),
        ("invoice", "https://x.example/?CLID=4713&WSID=9 and #WSID=8", (), ()),
        ("invoice", "(CLID=5), WSID=6.", ("5",), ("6",)),
    ],
)
def test_words_of_others_carry_no_token(
    subject: str, text: str, clid: tuple[str, ...], wsid: tuple[str, ...]
) -> None:
    found = tokens_in(text, subject)
    assert (found.clid, found.wsid) == (clid, wsid)
