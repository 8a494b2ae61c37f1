"""Long mail is undone and read in stretches: where these end makes no difference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.message import fingerprint, flowed, transfer

QUOTED = st.lists(st.sampled_from([b"=", b" ", b"\t", b"\n", b"\r\n", b"\r", b"4", b"1", b"Z", b"=3D"])).map(
    b"".join
)
CODED = st.lists(st.sampled_from([b"QUJD", b"Q", b"=", b"==", b"\n", b"!", b"QQ"])).map(b"".join)
LINES = st.lists(st.sampled_from(["> ", ">", "a", " ", " \n", "\n", "-- "])).map("".join)
HEAD = b"Subject: a  b \t c\r\nContent-Transfer-Encoding: "


def shortened(patch: pytest.MonkeyPatch, length: int) -> None:
    patch.setattr(fingerprint, "_STRETCH", length)
    patch.setattr(transfer, "_STRETCH", length)
    patch.setattr(flowed, "_AT_A_TIME", length)


@given(QUOTED, CODED, LINES, st.integers(1, 6))
def test_short_stretches_read_as_one(quoted: bytes, coded: bytes, lines: str, length: int) -> None:
    def all_of_it() -> tuple[str, str, bytes, bytes, str]:
        return (
            fingerprint.fingerprint(HEAD + b"quoted-printable\n\n" + quoted),
            fingerprint.fingerprint(HEAD + b"base64\n\n" + coded),
            transfer.quoted_printable(quoted),
            transfer.base64(coded),
            flowed.unflow(lines, delsp=True),
        )

    whole = all_of_it()
    with pytest.MonkeyPatch.context() as patch:
        shortened(patch, length)
        assert all_of_it() == whole


@pytest.mark.parametrize(
    ("coded", "meant"),
    [
        (b"= = =3D", b"= = ="),
        (b"=4=\n1=Z", b"A=Z"),
        (b"a= \t\r\nb=Zc= ", b"ab=Zc"),
        (b"==\n\nb", b"b"),
    ],
)
def test_odd_signs_in_quoted_printable(coded: bytes, meant: bytes) -> None:
    assert transfer.quoted_printable(coded) == meant
