"""The formats of a directory file, by the ending of its name: CSV, JSON lines, YAML.

All of them give the same: a line and the texts of one row, in the order of the columns. CSV has the columns'
names in its first line; a comma, semicolon or tab stands between values. Each line of JSON is an object. YAML
has the lists `employees`, `contacts` and `organisations`, and is for small directories (1 MB).
"""

from __future__ import annotations

import csv
import itertools
import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from emailint.config.problems import Wrong
from emailint.directory.columns import COLUMNS, TYPES, Cells, Refused, column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

ENDINGS: Final = (".csv", ".jsonl", ".ndjson", ".yaml", ".yml")
_YAML_OCTETS: Final = 1_000_000
_TABLES: Final = {f"{name}s": name for name in TYPES}

Found = tuple[int, Cells | Refused]
"""A line, and the row that stands there or what is wrong with it as a whole."""


class Unreadable(Wrong):
    """The file cannot be read on from this line; 0 where no line is to blame."""

    def __init__(self, line: int, what: str, cure: str) -> None:
        super().__init__(what, cure)
        self.line = line


def cells_of(path: Path) -> Iterator[Found]:
    """All rows but empty ones. Raises Unreadable and OSError."""
    match path.suffix.lower():
        case ".csv":
            return _decoded(path, _csv)
        case ".jsonl" | ".ndjson":
            return _decoded(path, _json_lines)
        case ".yaml" | ".yml":
            return _yaml(path)
        case _:
            raise Unreadable(0, "is of no kind that is known", f"let its name end in {', '.join(ENDINGS)}")


def _decoded(path: Path, reader: Callable[[TextIO], Iterator[Found]]) -> Iterator[Found]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        try:
            yield from reader(stream)
        except UnicodeDecodeError:
            raise Unreadable(_undecodable(path), "is not UTF-8 text", "save the file as UTF-8") from None


def _undecodable(path: Path) -> int:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0


def _csv(stream: TextIO) -> Iterator[Found]:
    first = stream.readline()
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(itertools.chain([first], stream), delimiter=delimiter, strict=True)
    try:
        headings = next(reader, [])
        pick, before = _picker(headings), reader.line_num
        for row in reader:
            line, before = before + 1, reader.line_num
            if len(row) == len(headings):
                row.append("")
                cells = pick([value.strip() for value in row])
                if any(cells):
                    yield line, cells
            elif row:
                yield line, _uneven(len(row), len(headings))
    except csv.Error as error:
        cure = "look for a quote that is not closed, or quote the value"
        raise Unreadable(reader.line_num, f"is no CSV: {error}", cure) from None


def _picker(headings: Sequence[str]) -> Callable[[Sequence[str]], Cells]:
    """Takes the values of a row, and an empty one behind them, into the order of the columns."""
    places: dict[str, int] = {}
    for place, heading in enumerate(headings):
        try:
            known = column(heading)
        except Refused as refused:
            raise Unreadable(1, f"{refused.what} `{refused.column}`", refused.cure) from None
        if known in places:
            raise Unreadable(1, f"the column `{known}` stands here twice", "take one of the two out")
        if known:
            places[known] = place
    for needed in ("type", "id", "workspace"):
        if needed not in places:
            raise Unreadable(
                1, f"has no column `{needed}`", "put the names of the columns into the first line"
            )
    return itemgetter(*(places.get(name, -1) for name in COLUMNS))


def _uneven(found: int, expected: int) -> Refused:
    cure = "give each row a value for each column; quote values that hold a comma"
    return Refused("(row)", f"has {found} values, and the first line names {expected} columns", cure)


def _json_lines(stream: TextIO) -> Iterator[Found]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            yield number, _not_json(error)
            continue
        if isinstance(values, dict):
            yield number, _named(values)
        else:
            yield number, Refused("(row)", "is no object", 'write {"type": …, "id": …} on one line')


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise Refused("(row)", "names a column twice", "take one of the two out")
    return values


def _not_json(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    said = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
    return Refused("(row)", f"is no JSON: {said}", "write one object on one line")


def _yaml(path: Path) -> Iterator[Found]:
    from emailint.config.tables import read_tables  # noqa: PLC0415 - YAML is loaded for those who write it

    with path.open("rb") as stream:
        raw = stream.read(_YAML_OCTETS + 1)
    if len(raw) > _YAML_OCTETS:
        raise Unreadable(0, "is larger than 1 MB", "write a directory of this size as CSV")
    rows, problems = read_tables(str(path), raw, tuple(_TABLES))
    for problem in problems:
        yield problem.line, Refused(problem.path, problem.what, problem.cure)
    for row in rows:
        yield row.line, _named({"type": _TABLES[row.table], **row.values})


def _named(values: Mapping[str, Any]) -> Cells | Refused:
    """The cells of a row that names its columns itself."""
    found: dict[str, str] = {}
    try:
        for name, value in values.items():
            known = column(name)
            if known:
                found[known] = _plain(known, value, found)
    except Refused as refused:
        return refused
    return tuple(found.get(name, "") for name in COLUMNS)


def _plain(name: str, value: object, found: Mapping[str, str]) -> str:
    if name in found:
        raise Refused(name, "stands here twice", "take one of the two out")
    match value:
        case None:
            return ""
        case bool():
            raise Refused(name, "is a truth value", "write a text")
        case str() | int():
            return str(value).strip()
        case list() if all(isinstance(each, str) for each in value):
            return " ".join(value)
        case _:
            raise Refused(name, "is neither a text nor a whole number", "write a text")
