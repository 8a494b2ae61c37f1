"""YAML text as a tree of nodes that knows its lines, without all that a configuration never needs.

Refused: other encodings than UTF-8, tabs in the indentation, several documents, tags, keys given twice,
values nested too deeply, and aliases that make the whole too large (each counts for what it stands for).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml

from emailint.config.problems import Location, Problem, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MAXIMUM_OCTETS: Final = 1_000_000
MAXIMUM_NODES: Final = 1_000_000
MAXIMUM_DEPTH: Final = 50
BEGIN: Final = "begin with `integrations:`, or run: emailint init"
"""What to do about a file that holds no mapping."""

_TAG: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final = frozenset(
    _TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")
)
_TAB: Final = re.compile(rb"^ *\t", re.MULTILINE)

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Entries = dict[str, tuple[yaml.ScalarNode, yaml.Node]]


class Refused(Exception):
    """The text is not a document that can be looked at any further."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(str(problems[0]))
        self.problems = problems


class Document:
    """The nodes of one file. Aliases are the very nodes that their anchors name."""

    def __init__(self, file: str, raw: bytes, begin: str = BEGIN) -> None:
        """Compose the nodes and look at all of them; raises Refused with everything that was found."""
        self.file = file
        self._begin = begin
        self._entries: dict[int, Entries] = {}
        self._sizes: dict[int, tuple[int, int]] = {}
        self._problems: list[Problem] = []
        self.root = self._compose(raw)
        self._measure(self.root, ())
        if not self._problems:
            self._refuse_duplicates()
        if self._problems:
            raise Refused(self._problems)

    def problem(self, location: Location, what: str, cure: str, *, quoted: bool = False) -> Problem:
        """A problem at a location, or at the nearest that is there; `quoted`: the value as written first."""
        line, node = self._find(location)
        if quoted and isinstance(node, yaml.ScalarNode) and node.value and node.tag != _TAG + "null":
            shown = node.value if len(node.value) <= 60 else node.value[:57] + "..."
            what = f"{shown!r} {what}"
        return Problem(self.file, line, path_of(location), what, cure)

    def entries(self, node: yaml.MappingNode) -> Entries:
        """Keys of a mapping with their nodes; what `<<` brings in gives way to what stands there itself."""
        known = self._entries.get(id(node))
        if known is None:
            own = {key.value: (key, value) for key, value in node.value if not _is_merge(key)}
            known = {}
            for source in self._merged(node):
                known = {**self.entries(source), **known}
            known = {**known, **own}
            self._entries[id(node)] = known
        return known

    def _merged(self, node: yaml.MappingNode) -> Iterator[yaml.MappingNode]:
        for key, value in node.value:
            if _is_merge(key):
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                yield from (source for source in sources if isinstance(source, yaml.MappingNode))

    def _find(self, location: Location) -> tuple[int, yaml.Node]:
        node: yaml.Node = self.root
        line = 1
        for part in location:
            if isinstance(node, yaml.MappingNode) and part in (entries := self.entries(node)):
                key, node = entries[str(part)]
                line = key.start_mark.line + 1
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line + 1
            else:
                break
        return line, node

    def _compose(self, raw: bytes) -> yaml.MappingNode:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise self._refused(line, "is not UTF-8 text", "save the file as UTF-8") from None
        tabs = [raw.count(b"\n", 0, match.start()) + 1 for match in _TAB.finditer(raw)]
        if tabs:
            more = f" (and in {len(tabs) - 1} more lines)" if tabs[1:] else ""
            raise self._refused(tabs[0], f"a tab stands in the indentation{more}", "indent with spaces")
        try:
            root = yaml.compose(text, Loader=_LOADER)
        except yaml.YAMLError as error:
            raise self._refused(*_explained(error, text)) from None
        except RecursionError:
            raise self._refused(0, "is nested too deeply", "take levels out") from None
        if not isinstance(root, yaml.MappingNode):
            what = "is empty" if root is None or root.tag == _TAG + "null" else "is not a mapping"
            raise self._refused(1, what, self._begin)
        return root

    def _refused(self, line: int, what: str, cure: str) -> Refused:
        return Refused([Problem(self.file, line, path_of(()), what, cure)])

    def _measure(self, node: yaml.Node, above: tuple[int, ...]) -> tuple[int, int]:
        """How many nodes this one stands for and how deep it goes, aliases unfolded; each is seen once."""
        known = self._sizes.get(id(node))
        if known:
            return known
        if id(node) in above:
            self._complain(node, "an anchor holds itself", "take the alias out")
            return 1, 1
        self._refuse_tag(node)
        size, depth = 1, 1
        for child in _children(node):
            if len(above) >= MAXIMUM_DEPTH:
                break
            inner_size, inner_depth = self._measure(child, (*above, id(node)))
            size, depth = size + inner_size, max(depth, inner_depth + 1)
        if depth > MAXIMUM_DEPTH or len(above) >= MAXIMUM_DEPTH:
            self._complain(node, "is nested too deeply", f"stay within {MAXIMUM_DEPTH} levels")
        elif size > MAXIMUM_NODES and not self._problems:
            self._complain(
                node, "grows too large when its aliases are unfolded", "use fewer aliases (`*name`)"
            )
        self._sizes[id(node)] = size, depth
        return size, depth

    def _refuse_tag(self, node: yaml.Node) -> None:
        match node:
            case yaml.ScalarNode():
                known = node.tag in _SCALAR_TAGS
            case yaml.MappingNode():
                known = node.tag == _TAG + "map"
            case _:
                known = node.tag == _TAG + "seq"
        if not known:
            self._complain(
                node,
                "a YAML tag (`!` before a value) has no meaning here",
                "take it out; text that begins with `!` needs quotes",
            )

    def _refuse_duplicates(self) -> None:
        seen: set[int] = set()
        todo: list[tuple[yaml.Node, Location]] = [(self.root, ())]
        while todo:
            node, location = todo.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, yaml.SequenceNode):
                todo.extend((child, (*location, index)) for index, child in enumerate(node.value))
            elif isinstance(node, yaml.MappingNode):
                self._refuse_keys(node, location)
                todo.extend((value, (*location, str(key.value))) for key, value in node.value)

    def _refuse_keys(self, node: yaml.MappingNode, location: Location) -> None:
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag == _TAG + "null":
                what, cure = "a key is not a name", "write `key: value`, with quotes around text in braces"
                self._problems.append(Problem(self.file, line, path_of(location), what, cure))
                continue
            if key.value in first:
                what = f"stands here twice, first in line {first[key.value]}"
                cure = "take one of the two out"
            elif _is_merge(key) and not _is_mergeable(value):
                what, cure = (
                    "does not name a mapping",
                    "write `<<: *name`, where &name stands before a mapping",
                )
            else:
                first[key.value] = line
                continue
            self._problems.append(Problem(self.file, line, path_of((*location, key.value)), what, cure))

    def _complain(self, node: yaml.Node, what: str, cure: str) -> None:
        line = node.start_mark.line + 1
        if not any(problem.line == line and problem.what == what for problem in self._problems[-3:]):
            self._problems.append(Problem(self.file, line, path_of(()), what, cure))


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value


def _is_merge(key: yaml.Node) -> bool:
    return bool(key.tag == _TAG + "merge")


def _is_mergeable(node: yaml.Node) -> bool:
    if isinstance(node, yaml.SequenceNode):
        return all(isinstance(child, yaml.MappingNode) for child in node.value)
    return isinstance(node, yaml.MappingNode)


def _explained(error: yaml.YAMLError, text: str) -> tuple[int, str, str]:
    """Line, what and cure; the text around is left out, for a password may stand in it."""
    if isinstance(error, yaml.reader.ReaderError):
        return text.count("\n", 0, error.position) + 1, "holds a control character", "take it out"
    line, found = 0, ""
    if isinstance(error, yaml.MarkedYAMLError):
        found = f"{error.context} {error.problem}"
        mark = error.context_mark if _UNCLOSED.search(found) else error.problem_mark
        line = mark.line + 1 if mark else 0
    for part, what, cure in _SYNTAX:
        if part in found:
            return line, what, cure
    return (
        line,
        "cannot be read as YAML here",
        "look at the indentation and the quotes of this line and the one before",
    )


_UNCLOSED: Final = re.compile("flow (mapping|sequence|node)|quoted scalar")
_SYNTAX: Final = (
    ("undefined alias", "an alias (`*name`) names no anchor", "put text that begins with `*` in quotes"),
    ("undefined tag", "a YAML tag (`!`) has no meaning here", "put text that begins with `!` in quotes"),
    (
        "anchor",
        "an anchor (`&name`) is no good here",
        "put text that begins with `&` in quotes, or name it anew",
    ),
    (
        "start any token",
        "a value begins with a character that YAML keeps",
        "put text that begins with % @ ` in quotes",
    ),
    (
        "mapping values",
        "a colon stands where none can be",
        "put text that holds a colon and a blank in quotes",
    ),
    ("another document", "a second document begins", "keep to one document: take the `---` out"),
    ("nesting depth", "is nested too deeply", f"stay within {MAXIMUM_DEPTH} levels"),
    ("unknown escape", "a backslash in double quotes begins nothing known", "use single quotes"),
    ("quoted scalar", "a quote is not closed", "close it"),
    ("flow", "a bracket or brace is not closed", "close it"),
    ("expected ':'", "a line is neither `key: value` nor `- item`", "add the colon, and a blank after it"),
    (
        "block",
        "the indentation fits nothing above",
        "give entries of one list or mapping the same indentation",
    ),
)
