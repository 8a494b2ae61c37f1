"""What the standard library writes, in any form it knows, is read as it was meant."""

from __future__ import annotations

import email.charset
import email.policy
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formataddr

from hypothesis import given
from hypothesis import strategies as st

from emailint.message import read_message
from emailint.message.clean import one_line

# Not folded: where Python 3.11 folds between two encoded words it loses the blank.
UNFOLDED = email.policy.SMTP.clone(max_line_length=900)
SPOKEN = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="\u034f\u115f\u1160\u3164\uffa0"
    ),
    min_size=1,
    max_size=12,
)
PHRASES = st.lists(SPOKEN, min_size=1, max_size=6).map(" ".join)
NAMES = st.lists(SPOKEN, min_size=1, max_size=3).map(" ".join)
TEXTS = st.lists(
    PHRASES.filter(lambda line: not line.startswith((">", "-", "_"))), min_size=1, max_size=5
).map(lambda lines: "x " + "\nx ".join(lines))
FILES = st.lists(st.tuples(NAMES, st.binary(max_size=100)), max_size=2)
CHARSETS = st.sampled_from(["utf-8", "utf-16", "gb18030", "utf-7"])


def plain(text: str) -> bool:
    """Whether a phrase is not taken for an encoded word, nor its quotes for the Outlook kind."""
    return "=?" not in text and not text.startswith("'")


@given(
    PHRASES.filter(plain),
    NAMES.filter(plain),
    TEXTS,
    FILES,
    st.sampled_from([UNFOLDED, UNFOLDED.clone(utf8=True)]),
)
def test_the_modern_way(
    subject: str, name: str, text: str, files: list[tuple[str, bytes]], policy: email.policy.EmailPolicy
) -> None:
    message = EmailMessage(policy=policy)
    message["Subject"] = subject
    message["From"] = Address(name, "ann", "example.com")
    message["To"] = "desk@example.org"
    message.set_content(text)
    for file, content in files:
        message.add_attachment(content, maintype="application", subtype="x-data", filename=file)
    read = read_message(message.as_bytes())
    assert read.subject == one_line(subject)
    assert [(each.name, each.address) for each in read.senders] == [(one_line(name), "ann@example.com")]
    assert read.sender is not None
    assert (read.text + "\n" + read.quoted).split() == text.split()
    assert [each.content for each in read.attachments] == [content for _, content in files]
    assert [each.name for each in read.attachments] == [file for file, _ in files]
    assert read.defects == ()


@given(
    PHRASES.filter(plain), NAMES.filter(plain), TEXTS, FILES, CHARSETS, st.sampled_from(["utf-8", "gb18030"])
)
def test_the_old_way(
    subject: str, name: str, text: str, files: list[tuple[str, bytes]], charset: str, header_charset: str
) -> None:
    message = MIMEMultipart()
    message["Subject"] = Header(subject, header_charset, maxlinelen=40).encode()
    message["From"] = formataddr((name, "ann@example.com"), header_charset)
    message.attach(MIMEText(text, _charset=charset))
    for file, content in files:
        part = MIMEApplication(content, "x-data")
        part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", file))
        message.attach(part)
    read = read_message(message.as_bytes())
    assert read.subject == one_line(subject)
    assert [(each.name, each.address) for each in read.senders] == [(one_line(name), "ann@example.com")]
    assert (read.text + "\n" + read.quoted).split() == text.split()
    assert [(each.name, each.content) for each in read.attachments] == files


@given(PHRASES.filter(plain))
def test_raw_utf_8_headers(subject: str) -> None:
    raw = f"Subject: {subject}\r\nFrom: {subject.replace(',', '')} <ann@example.com>\r\n\r\nx".encode()
    assert read_message(raw).subject == one_line(subject)
