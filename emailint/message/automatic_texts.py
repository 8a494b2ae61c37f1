"""What subject and text alone say of a mail: that a machine wrote it, or that a person speaks of one."""

from __future__ import annotations

import enum
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
_COLON: Final = re.compile(r"\s*[:\uff1a]\s*(?=\S)")
_TAG: Final = re.compile(r"\s*[\[({]([^\](){}]{1,40})[\])}]\s*(?=[^\s:\-])")
_MOST_TAGS: Final = 5
_NOTICES: Final = f"{words.OFFICE_SUBJECTS}|{words.NOTICE_SUBJECTS}"
_DMARC_REPORT: Final = re.compile(r"report domain:.{1,250}submitter:")


class Title(enum.Enum):
    """How a subject bears the name of an automatic mail."""

    NONE = enum.auto()
    ALONE = enum.auto()
    BEFORE_A_SUBJECT = enum.auto()  # a colon and a further subject follow


class Wording:
    """Subject and first lines of one mail; each question is answered when it is first asked."""

    def __init__(self, subject: str, text: str, written: str | None = None) -> None:
        """`text` is all of the mail's; `written` what its sender wrote now, None: all of it."""
        subject = subject[:_LONGEST_SUBJECT].casefold()
        self._whole_subject = subject
        self._written = text if written is None else written
        self.subject = _TAGS.sub("", subject, count=1).strip() or subject.strip()
        self.text = text

    @functools.cached_property
    def _head(self) -> str:
        """The first lines, without quoted ones, in one line."""
        lines = [line for line in self.text[:_HEAD].split("\n") if not line.lstrip().startswith(">")]
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

    def is_reply(self, *, seconded: bool) -> bool:
        """Whether an automatic reply is seen by its wording; `seconded`: by something else as well.

        By the wording alone only where a program's title stands before the subject that it answers.
        """
        if self._reply_title is not Title.NONE:
            return seconded or (self._reply_title is Title.BEFORE_A_SUBJECT and not self._asks)
        if self._notice_title is Title.BEFORE_A_SUBJECT and (self._titles_reply or self._text_of_machine):
            return True
        return seconded and self._speaks_of_absence and self._text_of_absence

    @property
    def may_be_reply(self) -> bool:
        """Whether the wording is that of a program; people who announce their leave have another."""
        if self._reply_title is not Title.NONE:
            return True
        if self._title(words.OFFICE_SUBJECTS) is Title.BEFORE_A_SUBJECT and not self._dates:
            return True
        return self._speaks_of_absence and self._text_of_machine

    @functools.cached_property
    def _reply_title(self) -> Title:
        """Of a program's name for its replies."""
        if self._is_tagged_reply():
            return Title.BEFORE_A_SUBJECT
        return self._title(words.AUTO_REPLY_SUBJECTS)

    @functools.cached_property
    def _notice_title(self) -> Title:
        """Of the name of an absence notice, which people use for news of their leave as well."""
        return self._title(_NOTICES)

    @property
    def _speaks_of_absence(self) -> bool:
        return self._notice_title is not Title.NONE or _search(words.ABSENCE_SUBJECTS, self.subject)

    @property
    def _titles_reply(self) -> bool:
        """`Out of office: Re: Hours`."""
        match = _PREFIX.match(self._title_end[1])
        return match is not None and match[1] in words.PERSONAL_PREFIXES

    @property
    def _asks(self) -> bool:
        """`Automatic reply: how do I set it up?`."""
        return self._title_end[1].endswith(("?", "\uff1f", "\u061f"))

    @property
    def _dates(self) -> bool:
        """`Out of office: 24 to 28 November`."""
        return any(character.isdigit() for character in self._title_end[1])

    @property
    def _text_of_absence(self) -> bool:
        return _search(words.AUTO_REPLY_TEXTS, self._written_head) or self._text_of_machine

    @functools.cached_property
    def _text_of_machine(self) -> bool:
        return _search(words.MACHINE_TEXTS, self._written_head)

    @functools.cached_property
    def _written_head(self) -> str:
        return " ".join(self._written[:_HEAD].split()).casefold()

    @functools.cached_property
    def _title_end(self) -> tuple[str, str]:
        """What the subject begins with, and what stands behind its colon."""
        title = _TITLE.match(self.subject)
        if title is None:
            return "", ""
        colon = _COLON.match(self.subject, title.end())
        return title[0], self.subject[colon.end() :].strip() if colon else ""

    def _title(self, pattern: str) -> Title:
        title, titled = self._title_end
        if not title or not _compiled(pattern).fullmatch(title):
            return Title.NONE
        return Title.BEFORE_A_SUBJECT if titled else Title.ALONE

    def _is_tagged_reply(self) -> bool:
        """Whether one of the tags before the subject says so: `[Auto-Reply] Hours`."""
        position = 0
        for _ in range(_MOST_TAGS):
            tag = _TAG.match(self._whole_subject, position)
            if tag is None:
                return False
            if _compiled(words.AUTO_REPLY_SUBJECTS).fullmatch(tag[1].strip()):
                return True
            position = tag.end()
        return False


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when it is first needed: most mails need few of these."""
    return re.compile(pattern)


def _search(pattern: str, text: str) -> bool:
    return _compiled(pattern).search(text) is not None
