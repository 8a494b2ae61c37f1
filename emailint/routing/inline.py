"""Pictures in the HTML of a case: from the Content-IDs of the mail to the files in the store."""

from __future__ import annotations

import html as entities
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from emailint.message.markup import TAG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emailint.case import StoredAttachment

_ATTRIBUTE: Final = re.compile(r'(\s[^\s"=<>]+=)"([^"]*)"')
"""An attribute as the cleaner writes them: always in double quotes. Each is taken whole, so that what looks
like one within the value of another is never taken for one."""


def with_stored_paths(html: str | None, attachments: Sequence[StoredAttachment]) -> str | None:
    """The HTML with each `cid:` address that names a stored attachment replaced by its path.

    Addresses are those of RFC 2392, percent-encoded or not; an address that names none stays as it is. Paths
    are relative to the store folder, as in `attachments`. Only attributes are looked at, never text.
    """
    if html is None or "cid:" not in html.lower():
        return html
    paths = _paths(attachments)
    if not paths:
        return html
    return TAG.sub(lambda tag: _ATTRIBUTE.sub(lambda found: _replaced(found, paths), tag[0]), html)


def _paths(attachments: Sequence[StoredAttachment]) -> Mapping[str, str]:
    """Content-ID to path; of two parts with one id the first counts, as it does in mail programs."""
    paths: dict[str, str] = {}
    for stored in attachments:
        if stored.content_id and stored.path:
            paths.setdefault(_bare(stored.content_id), stored.path)
    return paths


def _bare(content_id: str) -> str:
    return content_id.strip().removeprefix("<").removesuffix(">").strip()


def _replaced(found: re.Match[str], paths: Mapping[str, str]) -> str:
    scheme, colon, named = entities.unescape(found[2]).strip().partition(":")
    if not colon or scheme.lower() != "cid":
        return found[0]
    path = paths.get(named) or paths.get(unquote(named))
    return f'{found[1]}"{entities.escape(quote(path))}"' if path else found[0]
