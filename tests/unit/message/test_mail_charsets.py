from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.message.charsets import decode, guess, resolve


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ('"utf-8"', "utf-8"),
        ("utf-8; x", "utf-8"),
        ("us-ascii", ""),
        ("", ""),
        ("X-UNKNOWN", ""),
        ("iso-8859-1", "cp1252"),
        ("ISO8859-15", "iso8859-15"),
        ("latin1", "cp1252"),
        ("windows1251", "cp1251"),
        ("x-cp1250", "cp1250"),
        ("gb2312", "gb18030"),
        ("x-gbk", "gb18030"),
        ("ks_c_5601-1987", "cp949"),
        ("x-sjis", "cp932"),
        ("x-mac-cyrillic", "mac-cyrillic"),
        ("cp-850", "cp850"),
        ("unicode-1-1-utf-7", "utf-7"),
    ],
)
def test_names_of_charsets(name: str, codec: str) -> None:
    assert resolve(name) == codec


@pytest.mark.parametrize(
    "name",
    [
        "idna",
        "punycode",
        "zlib",
        "hex",
        "rot13",
        "base64",
        "unicode_escape",
        "undefined",
        "utf\0-8",
        "x" * 500,
        "../x",
    ],
)
def test_what_is_no_charset_is_refused(name: str) -> None:
    assert resolve(name) is None


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Grüße aus Köln", "latin-1"),
        ("Über", "latin-1"),
        ("à", "latin-1"),
        ("réponse à votre question", "latin-1"),
        ("mañana por la señal", "latin-1"),
        ("não é só isso", "latin-1"),
        ("Søren Kjærgård", "latin-1"),
        ("ENVOYÉ À MONTRÉAL", "latin-1"),
        ("The price is 5 € … “fine”", "cp1252"),
        ("Dziękuję, proszę o odpowiedź", "cp1250"),
        ("Dziękuję, proszę o odpowiedź", "iso-8859-2"),
        ("Příliš žluťoučký kůň", "cp1250"),
        ("Árvíztűrő tükörfúrógép", "cp1250"),
        ("güneşli bir gün, şimdi", "cp1254"),
        ("Größe für Müller", "cp850"),
        ("Größe für Müller", "mac_roman"),
        ("Привет, как дела", "koi8-r"),
        ("Привет, как дела", "cp1251"),
        ("привет", "koi8-r"),
        ("привет", "cp1251"),
        ("Re: Счёт за ноябрь", "koi8-r"),
        ("ФИРМА «РОМАШКА»", "cp1251"),
        ("Привет, как дела", "cp866"),
        ("Καλημέρα σας", "cp1253"),
        ("שלום לך", "cp1255"),
        ("مرحبا بك", "cp1256"),
        ("สวัสดีครับ", "cp874"),
        ("关于发票的问题", "gbk"),
        ("发票", "gbk"),
        ("關於上個月薪資單的問題", "big5"),
        ("お問い合わせについて", "cp932"),
        ("給与明細のお問い合わせ", "euc_jp"),
        ("山田太郎", "euc_jp"),
        ("급여 명세서 문의", "cp949"),
        ("김철수", "cp949"),
        ("給与明細", "iso2022_jp"),
    ],
)
def test_even_short_texts_are_told_apart(text: str, codec: str) -> None:
    assert guess(text.encode(codec))[0] == text


def test_the_hint_of_the_mail_goes_before_a_guess() -> None:
    ambiguous = "ЖЖЖ".encode("koi8-r")
    assert decode(ambiguous, None, "koi8-r")[0] == "ЖЖЖ"


@pytest.mark.parametrize("declared", [None, "utf-8", "us-ascii", "x-nonsense"])
def test_damaged_utf_8_stays_utf_8(declared: str | None) -> None:
    damaged = "Grüße aus Köln".encode().replace("ö".encode(), b"\xc3")
    assert decode(damaged, declared)[0] == "Grüße aus K\ufffdln"


def test_a_long_text_is_judged_by_a_stretch_of_it() -> None:
    text = "plain ascii words " * 2_000 + "Größe und Farbe " * 2_000
    assert guess(text.encode("latin-1"))[0] == text


@given(st.binary(max_size=200), st.text(max_size=12))
def test_any_bytes_under_any_name_become_text(data: bytes, name: str) -> None:
    text, _ = decode(data, name)
    text.encode()


@given(st.text(max_size=60), st.sampled_from(["utf-8", "utf-16", "utf-7", "gb18030", "UTF-32"]))
def test_what_is_declared_rightly_comes_back(text: str, charset: str) -> None:
    assert decode(text.encode(charset), charset) == (text, None)
