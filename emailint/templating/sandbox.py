"""The sandboxed Jinja2 environments, and what may go into and come out of them.

The sandbox is the second wall. The first is that template source comes from files and configuration of the
owner alone, and that every value is plain text, a number, or a frozen mapping or sequence of these.
"""

from __future__ import annotations

import difflib
import re
import threading
import time
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import jinja2
from jinja2.ext import Extension
from jinja2.lexer import Token
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from emailint.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from jinja2.lexer import TokenStream
    from jinja2.runtime import Context

OUTPUT_LIMIT: Final = 1_000_000
"""Characters that one block or field may make."""
SOURCE_LIMIT: Final = 1_000_000
"""Octets of one template file."""
SECONDS: Final = 2.0
"""Processor time that one block or field may take."""
BUILT_IN_PREFIX: Final = "builtin/"

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_MESSAGE_LENGTH: Final = 300
_FAILURES: Final = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What rendering raises when a template is wrong; anything else is a bug of this program."""


class Sandbox:
    """Compiled templates of one owner's folder and of the built-in ones, twice: escaping and not."""

    def __init__(self, folder: Path | None, built_in: Path) -> None:
        self._folders = [folder for folder in (folder, built_in) if folder is not None]
        loader = jinja2.FunctionLoader(self._load)
        self._plain = _Environment(loader=loader, autoescape=False)
        self._html = _Environment(loader=loader, autoescape=True)

    def render(self, name: str, block: str, variables: Mapping[str, object], *, html: bool) -> str:
        """As `Templates.render_block`."""
        return self._rendered(self._html if html else self._plain, name, block, variables)

    def render_marked(self, name: str, block: str, variables: Mapping[str, object]) -> str:
        """As `Templates.render_marked`."""
        environment = _Environment(autoescape=True, loader=jinja2.FunctionLoader(self._load))
        environment.add_extension(_Places)
        return self._rendered(environment, name, block, variables)

    def _rendered(
        self, environment: _Environment, name: str, block: str, variables: Mapping[str, object]
    ) -> str:
        values = freeze(variables)
        try:
            template = environment.get_template(name)
            return self._render(template, block, values, environment)
        except TemplateError:
            raise
        except jinja2.TemplateNotFound as error:
            raise self._unknown(name, error) from error
        except _FAILURES as error:
            raise _located(error, f"template {name}", values) from error

    @staticmethod
    def _render(
        template: jinja2.Template, block: str, values: Mapping[str, Any], environment: _Environment
    ) -> str:
        with environment.budget:
            context = template.new_context(dict(values))
            # What stands outside of blocks (set, import, the blocks of parents) takes effect only when the
            # whole is run; what it prints is nobody's.
            _collect(template.root_render_func(context), environment.budget)
            if block not in context.blocks:
                raise TemplateError(
                    f"{template.filename}: the block {block!r} is missing",
                    hint='define it, or begin the file with {% extends "case-confirm" %}',
                )
            return _collect(context.blocks[block][0](context), environment.budget)

    def _load(self, name: str) -> tuple[str, str, None] | None:
        folders = self._folders
        if name.startswith(BUILT_IN_PREFIX):
            name, folders = name.removeprefix(BUILT_IN_PREFIX), folders[-1:]
        if not _NAME.fullmatch(name):
            return None
        for folder in folders:
            path = folder / f"{name}.j2"
            if path.is_file():
                return _read(path), str(path), None
        return None

    def _unknown(self, name: str, error: jinja2.TemplateNotFound) -> TemplateError:
        wanted = str(error.name or name)
        place = _place(error.__traceback__)
        known = sorted(path.stem for folder in self._folders for path in folder.glob("[!_]*.j2"))
        near = difflib.get_close_matches(wanted, known, n=1)
        return TemplateError(
            f"{place + ': ' if place else ''}there is no template {wanted[:100]!r} in "
            + " or ".join(str(folder) for folder in self._folders),
            hint=f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}",
        )


def field(template: str, variables: Mapping[str, object]) -> str:
    """As `render_field`."""
    values = freeze(variables)
    try:
        compiled = _compiled(template)
        with _FIELDS.budget:
            return _collect(compiled.root_render_func(compiled.new_context(dict(values))), _FIELDS.budget)
    except TemplateError:
        raise
    except _FAILURES as error:
        raise _located(error, "field template", values) from error


def freeze(variables: Mapping[str, object]) -> Mapping[str, Any]:
    """A copy that no template can change and that leads nowhere; TypeError for any other kind of value."""
    return MappingProxyType({str(name): _frozen(name, value) for name, value in variables.items()})


def _frozen(name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict | MappingProxyType):
        return freeze(value)
    if isinstance(value, list | tuple):
        return tuple(_frozen(name, each) for each in value)
    msg = f"{name!r} cannot be a template variable: it is of type {type(value).__name__}"
    raise TypeError(msg)


class _Budget(threading.local):
    """The processor time that a thread's rendering may still take."""

    until: float = 0.0

    def __enter__(self) -> None:
        self.until = time.thread_time() + SECONDS

    def __exit__(self, *error: object) -> None:
        self.until = 0.0

    def check(self) -> None:
        """Raise TemplateRuntimeError when the time is used up."""
        if time.thread_time() > self.until:
            msg = f"it takes more than {SECONDS:g} s"
            raise jinja2.TemplateRuntimeError(msg)


class _Missing(jinja2.StrictUndefined):
    """An undefined name, with the names that would have been right."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[jinja2.TemplateRuntimeError] = jinja2.UndefinedError,
    ) -> None:
        if hint is None and isinstance(obj, MappingProxyType):
            hint = f"{name!r} is not there; there are: {', '.join(sorted(obj)) or 'none'}"
        super().__init__(hint, obj, name, exc)


class _Environment(ImmutableSandboxedEnvironment):
    """Undefined names are errors, entries of mappings go before their methods, calls are on the clock."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, *, autoescape: bool, loader: jinja2.BaseLoader | None = None) -> None:
        super().__init__(
            loader=loader,
            autoescape=autoescape,
            undefined=_Missing,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.budget = _Budget()
        del self.globals["lipsum"]

    def join_path(self, template: str, parent: str) -> str:
        """A template that extends its own name means the built-in one."""
        return BUILT_IN_PREFIX + template if template == parent else template

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`fields.items` is the entry of that name where there is one."""
        if isinstance(obj, MappingProxyType) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call(self, context: Context, called: Any, *args: Any, **kwargs: Any) -> Any:
        """Each call looks at the clock: no loop nests without one."""
        self.budget.check()
        return super().call(context, called, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Only numbers are multiplied, and powers stay small."""
        numbers = all(isinstance(each, int | float) for each in (left, right))
        if not numbers or (operator == "**" and abs(right) > 100):
            msg = f"{operator!r} is for numbers of a moderate size"
            raise jinja2.TemplateRuntimeError(msg)
        return super().call_binop(context, operator, left, right)


class _Places(Extension):
    """Puts before each `<` of a template's own text where it stands."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """The tokens, with marks in those of text."""
        for token in stream:
            yield self._marked(token, stream.filename or "") if token.type == "data" else token

    @staticmethod
    def _marked(token: Token, file: str) -> Token:
        first, *rest = token.value.split("<")
        lines, marked = token.lineno + first.count("\n"), first
        for piece in rest:
            marked += f"\ue000{file}:{lines}\ue001<{piece}"
            lines += piece.count("\n")
        return Token(token.lineno, token.type, marked)


_FIELDS: Final = _Environment(autoescape=False)


@lru_cache(maxsize=1024)
def _compiled(template: str) -> jinja2.Template:
    return _FIELDS.from_string(template)


def _collect(pieces: Iterable[str], budget: _Budget) -> str:
    return "".join(_bounded(pieces, budget))


def _bounded(pieces: Iterable[str], budget: _Budget) -> Iterator[str]:
    length = 0
    for count, piece in enumerate(pieces):
        length += len(piece)
        if length > OUTPUT_LIMIT:
            msg = f"it makes more than {OUTPUT_LIMIT} characters"
            raise jinja2.TemplateRuntimeError(msg)
        if not count % 100:
            budget.check()
        yield piece


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(SOURCE_LIMIT + 1)
    except OSError as error:
        raise TemplateError(f"{path}: the template cannot be read: {error.strerror}") from error
    if len(raw) > SOURCE_LIMIT:
        raise TemplateError(f"{path}: the template is larger than {SOURCE_LIMIT} octets")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TemplateError(f"{path}:{line}: the template is not UTF-8", hint="save it as UTF-8") from error


def _located(error: Exception, what: str, values: Mapping[str, Any]) -> TemplateError:
    """The error in our words: where in which file, what is wrong, which names there are."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        place = f"{error.filename or what}:{error.lineno}"
    else:
        place = _place(error.__traceback__, what) or what
    cause = str(error) or type(error).__name__
    hint = f"variables are: {', '.join(sorted(values))}" if isinstance(error, jinja2.UndefinedError) else ""
    return TemplateError(f"{place}: {cause[:_MESSAGE_LENGTH]}", hint=hint)


def _place(trace: TracebackType | None, unnamed: str = "") -> str:
    """`file:line` of the innermost frame that a template was compiled to; "" when there is none."""
    place = ""
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, jinja2.Template):
            name = template.filename if template.filename not in {None, "<template>"} else unnamed
            place = f"{name}:{template.get_corresponding_lineno(trace.tb_lineno)}"
        trace = trace.tb_next
    return place
