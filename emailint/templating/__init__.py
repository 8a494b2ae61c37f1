"""Templates that the owner wrote, rendered over what strangers wrote.

Mail-derived text is only ever a value, never template source. jinja2 is imported when something is
rendered, and not before: a sweep with nothing to say does not pay for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emailint.templating.sandbox import Sandbox

BUILT_IN: Final = Path(__file__).parent.parent / "reply" / "templates"


def render_field(template: str, variables: Mapping[str, object]) -> str:
    """A case field: `template` is configuration text such as `{{ message.subject }}`.

    Text without `{{`, `{%` and `{#` is returned as it is. Raises TemplateError, whose text says which line
    of the field is wrong.
    """
    if "{" not in template or not any(mark in template for mark in ("{{", "{%", "{#")):
        return template
    from emailint.templating.sandbox import field  # noqa: PLC0415 - jinja2 only when something is rendered

    return field(template, variables)


class Templates:
    """Reply templates by name: the owner's folder first, then the built-in ones.

    A template is one file, `NAME.j2`, with the blocks subject, text and html. It may extend another one by
    its name; a template of the owner's that extends its own name extends the built-in of that name.
    `NAME.de.j2` is NAME in German; `reply.language` chooses. Each
    file is read and compiled once. Safe to share between threads.
    """

    def __init__(self, folder: Path | None = None, built_in: Path = BUILT_IN) -> None:
        self.folder = folder
        self.built_in = built_in
        self._sandbox: Sandbox | None = None
        self._files: frozenset[str] | None = None

    def names(self) -> tuple[str, ...]:
        """All templates there are, sorted; a file whose name begins with `_` is a part of others."""
        folders = [folder for folder in (self.folder, self.built_in) if folder is not None]
        found = {path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.j2")}
        return tuple(sorted(name for name in found if not name.startswith("_")))

    def is_own(self, name: str) -> bool:
        """Whether a file of the owner's serves under this name."""
        return name in self._own()

    def translations(self, name: str) -> tuple[str, ...]:
        """The languages LANG for which the owner has a file `NAME.LANG.j2`, lower case, sorted."""
        prefix = f"{name}."
        found = {each.removeprefix(prefix) for each in self._own() if each.startswith(prefix)}
        return tuple(sorted(each for each in found if each == each.lower()))

    def _own(self) -> frozenset[str]:
        """The names of the owner's files, read once."""
        if self._files is None:
            there = self.folder is not None and self.folder.is_dir()
            files = self.folder.glob("*.j2") if there and self.folder else ()
            self._files = frozenset(path.stem for path in files)
        return self._files

    def render_block(
        self, name: str, block: str, variables: Mapping[str, object], *, html: bool = False
    ) -> str:
        """One block of a template. With `html` every value is escaped, else none.

        `variables` hold nothing but texts, numbers, None, and mappings and sequences of these. Raises
        TemplateError with file and line when the template is unknown, wrong, lacks the block, names what is
        not there, or makes more than a reply can hold.
        """
        if self._sandbox is None:
            from emailint.templating.sandbox import Sandbox  # noqa: PLC0415 - as above

            self._sandbox = Sandbox(self.folder, self.built_in)
        return self._sandbox.render(name, block, variables, html=html)

    def render_marked(self, name: str, block: str, variables: Mapping[str, object]) -> str:
        """As `render_block` with `html`, and each `<` of the templates follows its place.

        The place is `file:line` between U+E000 and U+E001.
        """
        self.render_block(name, block, variables, html=True)
        if self._sandbox is None:
            return ""
        return self._sandbox.render_marked(name, block, variables)
