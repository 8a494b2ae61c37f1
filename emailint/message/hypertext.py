"""HTML of mail: made safe for display by nh3, made readable text by inscriptis."""

from __future__ import annotations

import html as entities
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from emailint.message import clean as cleaning
from emailint.message import layout, markup

if TYPE_CHECKING:
    from nh3 import Cleaner

LAID_OUT = 400_000
"""Characters of HTML of one mail that are laid out; of more, the text is taken as it stands."""

_FEW_TAGS = 500
_DEEPEST = 400
_MOST_WORK = 1_000_000
_TAGS = re.compile(r"<[^<>]*>")
_DATA_IMAGE = re.compile(r"data:image/(?:png|gif|jpeg|webp);base64,", re.IGNORECASE)
_STYLES = re.compile(
    r"(?<![a-z-])"
    r"((?:font-weight|font-style|text-align|text-decoration|vertical-align)\s*:\s*[a-z0-9% -]{1,40})",
    re.IGNORECASE,
)
_PICTURELESS = re.compile(r"<img(?![^>]* src=)[^>]*>")
_ATTRIBUTES = {
    "*": {"align", "dir", "lang", "style", "title"},
    "a": {"href"},
    "blockquote": {"cite"},
    "img": {"alt", "height", "src", "width"},
    "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
_ALLOWED = frozenset(
    (  # noqa: SIM905 - names read best as one text
        "a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd "
        "del dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li "
        "main nav ol p pre q rp rt ruby s samp section small span strike strong sub summary sup table tbody "
        "td tfoot th thead time tr tt u ul var wbr"
    ).split()
)


def clean(html: str) -> str | None:
    """HTML that can be shown: no script, form, style sheet, remote image or style that hides.

    Images keep `cid:` addresses (and embedded raster data) only. None when the markup is nested so deeply
    that cleaning it would not end in time.
    """
    if html.count("<") > _FEW_TAGS:
        deepest, formatting = markup.depth(html)
        if deepest > _DEEPEST or formatting * html.count("<") > _MOST_WORK:
            return None
    safe = _cleaner().clean(html)
    return _PICTURELESS.sub("", safe) if "<img" in safe else safe


@cache
def _cleaner() -> Cleaner:
    import nh3  # noqa: PLC0415 - only mail with HTML needs it

    return nh3.Cleaner(
        tags=set(_ALLOWED),
        clean_content_tags={"script", "style", "title", "noscript", "template"},
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        url_relative="deny",
    )


def _attribute(_tag: str, name: str, value: str) -> str | None:
    """What nh3 keeps of an attribute: pictures of the mail itself, no `data:` links, no hiding styles."""
    if name == "style":
        return "; ".join(_STYLES.findall(value)) or None
    if name == "src":
        start = value[:40].strip().lower()
        return value if start.startswith("cid:") or _DATA_IMAGE.match(start) else None
    if name in ("href", "cite") and value[:40].strip().lower().startswith("data:"):
        return None
    return value


def to_text(html: str, most: int = LAID_OUT) -> str:
    """The text that a reader of the HTML sees: links as `[text](address)`, tables of data in columns.

    Text only; nothing is cut. Quotations (`blockquote`) begin with `> `. HTML of more than `most`
    characters is not laid out.
    """
    if len(html) > most:
        return stripped(html)
    try:
        text = layout.tidy(_inscribed(layout.simplify(html)))
    except (ValueError, LookupError, RecursionError, AssertionError, TypeError, AttributeError):
        text = ""
    return cleaning.lines(text) if text.strip() else stripped(html)


def _inscribed(simple: str) -> str:
    from inscriptis import get_text  # noqa: PLC0415 - only mail whose text is HTML needs it
    from inscriptis.model.config import ParserConfig  # noqa: PLC0415
    from inscriptis.model.tag import CustomHtmlTagHandlerMapping  # noqa: PLC0415

    handlers = CustomHtmlTagHandlerMapping({"ul": _bulleted}, {})
    config = ParserConfig(display_links=True, custom_html_tag_handler_mapping=handlers)
    text: str = get_text(simple, config)
    return text


def _bulleted(state: Any, _attributes: Any) -> None:
    """Every list has the same bullet: of inscriptis' own, one is the letter o."""
    state.li_counter.append("* ")


def stripped(html: str) -> str:
    """The text between the tags, as it stands; for markup that nothing else can lay out."""
    text = entities.unescape(_TAGS.sub(" ", markup.without_silent(html)))
    lines = (line.strip() for line in cleaning.lines(text).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
