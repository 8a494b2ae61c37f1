"""What subject and text alone say of a mail: that a machine wrote it, or that a person speaks of one."""

from __future__ import annotations

import functools
import re
from typing import Final

from emailint.message import automatic_words as words

_HEAD: Final = 3_000
_FIRST_WORDS: Final = 250
_LONGEST_SUBJECT: Final = 300

_PREFIX: Final = re.compile(r"([^\W\d_]{1,12})(?:\[\d+\]|\(\d+\))?\s*[:\uff1a]")
_TAGS: Final = re.compile(r"(?:\s*[\[<*({]+[^\]>*)}:]{1,40}[\]>*)}]+[\s:-]*)+")
_TITLE: Final = re.compile(
    r"[^:\uff1a\u2013\u2014\[(|\u201c\"]+?(?=\s*(?:[:\uff1a\u2013\u2014\[(|\u201c\"]|\s-\s|\Z))"
)
_DMARC_REPORT: Final = re.compile(r"report domain:.{1,250}submitter:")


class Wording:
    """Subject and first lines of one mail; each question is answered when it is first asked."""

    def __init__(self, subject: str, text: str) -> None:
        subject = subject[:_LONGEST_SUBJECT].casefold()
        self.subject = _TAGS.sub("", subject, count=1).strip() or subject.strip()
        self._text = text

    @functools.cached_property
    def _head(self) -> str:
        """The first lines, without quoted ones, in one line."""
        lines = [line for line in self._text[:_HEAD].split("\n") if not line.lstrip().startswith(">")]
        return " ".join(" ".join(lines).split()).casefold()

    @functools.cached_property
    def is_personal(self) -> bool:
        """Whether the subject shows that somebody answers or passes on (RFC 5322 section 3.6.5)."""
        match = _PREFIX.match(self.subject)
        return match is not None and match[1] in words.PERSONAL_PREFIXES

    @property
    def is_dmarc_report(self) -> bool:
        """Whether the subject is that of an aggregate report (RFC 7489 section 7.2.1.1)."""
        return _DMARC_REPORT.match(self.subject) is not None

    @functools.cached_property
    def subject_of_bounce(self) -> bool:
        """Whether the subject speaks of mail that was not delivered; people's may as well."""
        return _search(words.BOUNCE_SUBJECTS, self.subject)

    @property
    def text_of_bounce(self) -> bool:
        """Whether the text speaks of it."""
        return _search(words.BOUNCE_TEXTS, self._head)

    @functools.cached_property
    def begins_as_system(self) -> bool:
        """Whether the first words are those of a mail system, and no person's."""
        return _search(words.SYSTEM_TEXTS, self._head[:_FIRST_WORDS])

    @property
    def is_absence_notice(self) -> bool:
        """Whether only a program writes such a subject, or such a subject and text together."""
        if not self.subject:
            return False
        title = _TITLE.match(self.subject)
        if title is not None and _compiled(words.AUTO_REPLY_SUBJECTS).fullmatch(title[0]):
            return True
        return _search(words.ABSENCE_SUBJECTS, self.subject) and _search(words.AUTO_REPLY_TEXTS, self._head)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when it is first needed: most mails need few of these."""
    return re.compile(pattern)


def _search(pattern: str, text: str) -> bool:
    return _compiled(pattern).search(text) is not None
