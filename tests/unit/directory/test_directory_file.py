"""Directory files: what each format and row may say, and what is told of a wrong one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.directory.check import check
from emailint.directory.columns import COLUMNS
from emailint.directory.reading import MOST_PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ANN = {
    "type": "employee",
    "id": "E-1",
    "name": "Ann Lee",
    "workspace": "1201",
    "work_address": "ann@c.example",
}
BOB = {"type": "contact", "id": "C-77", "workspace": "north", "address": "bob@c.example"}
CORP = {"type": "organisation", "id": "O-1", "name": "Corp", "workspace": "1201", "domains": "c.example"}


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [",".join(columns), *(",".join(f'"{row.get(name, "")}"' for name in columns) for row in rows)]
    return "\n".join(lines) + "\n"


def as_json_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def as_yaml(rows: Sequence[Mapping[str, Any]]) -> str:
    tables: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        rest = {name: value for name, value in row.items() if name != "type"}
        tables.setdefault(f"{row['type']}s", []).append(rest)
    # JSON is YAML; one row a line
    parts = [
        f"{name}:\n" + "".join(f"- {json.dumps(row)}\n" for row in each) for name, each in tables.items()
    ]
    return "".join(parts)


FORMATS = {"csv": as_csv, "jsonl": as_json_lines, "yaml": as_yaml}


@pytest.mark.parametrize("kind", FORMATS)
def test_all_formats_say_the_same(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"people.{kind}"
    path.write_text(FORMATS[kind]([ANN, BOB, CORP, {**ANN, "id": "E-2"}]), encoding="utf-8")
    found = check(path)
    assert (found.employees, found.contacts, found.organisations) == (2, 1, 1)
    assert found.problems == ()
    assert found.notices == ()


WRONG_ROWS = [
    ("no id", {**ANN, "id": ""}, "id", "is empty, and every employee needs it"),
    ("no workspace", {**BOB, "workspace": ""}, "workspace", "is empty, and every row needs it"),
    ("contact without address", {**BOB, "address": ""}, "address", "a contact has no address"),
    ("no address at all", {**ANN, "work_address": "n/a"}, "work_address", "'n/a' is not a mail address"),
    ("two addresses", {**ANN, "work_address": "a@x b@x"}, "work_address", "'a@x b@x' is not a mail address"),
    ("private", {**ANN, "private_address": "@x"}, "private_address", "'@x' is not a mail address"),
    ("employee with address", {**ANN, "address": "a@x"}, "address", "does not belong to a row of this type"),
    ("employee with domains", {**ANN, "domains": "x"}, "domains", "does not belong to a row of this type"),
    (
        "contact with number",
        {**BOB, "client_number": "7"},
        "client_number",
        "does not belong to a row of this",
    ),
    ("contact with work address", {**BOB, "work_address": "a@x"}, "work_address", "does not belong to a row"),
    ("organisation with address", {**CORP, "address": "a@x"}, "address", "does not belong to a row of this"),
    ("domain with at sign", {**CORP, "domains": "ann@c.example"}, "domains", "'ann@c.example' is not a mail"),
    (
        "second domain",
        {**CORP, "domains": "c.example http://x"},
        "domains",
        "'http://x' is not a mail domain",
    ),
    ("changed", {**ANN, "changed_at": "24.11.2026"}, "changed_at", "'24.11.2026' is not a date or time"),
    ("changed of organisation", {**CORP, "changed_at": "soon"}, "changed_at", "'soon' is not a date or time"),
]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("row", "column", "what"), [case[1:] for case in WRONG_ROWS], ids=[case[0] for case in WRONG_ROWS]
)
def test_a_wrong_row_is_told_by_line_and_column(
    tmp_path: Path, kind: str, row: dict[str, str], column: str, what: str
) -> None:
    path = tmp_path / f"people.{kind}"
    path.write_text(FORMATS[kind]([row]), encoding="utf-8")
    (problem,) = check(path).problems
    line = {"csv": 2, "jsonl": 1, "yaml": 2}[kind]
    assert str(problem).startswith(f"{path}:{line}  {column}  {what}")
    assert problem.cure


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "p.jsonl",
            '{"type":"organisation","id":7,"name":null,"workspace":1,"domains":["c.example","gmail.com"]}',
        ),
        ("p.yaml", "organisations:\n- {id: 7, name: null, workspace: 1, domains: [c.example, ~, gmail.com]}"),
        (
            "p.yml",
            "x-any: 1\ncontacts:\norganisations:\n- {id: 7, workspace: 1, domains: c.example; gmail.com}",
        ),
        ("p.csv", "type,id,workspace,domains\norganisation,7,1,c.example gmail.com"),
    ],
)
def test_nothing_and_lists_in_each_format(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    found = check(path)
    assert found.problems == ()
    assert found.organisations == 1
    assert [notice.what.partition(" ")[0] for notice in found.notices] == ["gmail.com"]


PIECES = [
    b"type,id,workspace,address\n",
    b"contact,C-1,1,a@x\n",
    b'{"type":"contact"}\n',
    b"employees:\n",
    b"- {id: a}\n",
    b"&a [*a]\n",
    *(bytes([each]) for each in b'"\r\n\t\x00\xff,;{[-'),
    b"\xef\xbb\xbf",
]


@given(
    st.sampled_from(["p.csv", "p.jsonl", "p.yaml"]),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=12),
)
def test_no_octets_raise(tmp_path_factory: pytest.TempPathFactory, name: str, pieces: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(b"".join(pieces))
    found = check(path)
    assert found.problems or found.employees + found.contacts + found.organisations
    assert all(problem.what and problem.cure for problem in found.problems)


TYPES = [
    ("", "is empty"),
    ("employe", "'employe' is not known; did you mean employee?"),
    ("x", "'x' is not known"),
]


@pytest.mark.parametrize(("kind", "what"), TYPES)
def test_types(tmp_path: Path, kind: str, what: str) -> None:
    path = tmp_path / "people.jsonl"
    path.write_text(as_json_lines([{**ANN, "type": kind}]))
    (problem,) = check(path).problems
    assert f"{path}:1  type  {what}" in str(problem)


GOOD_CSV = [
    ("Windows line ends and a byte-order mark", "\ufefftype,id,workspace\r\nemployee,E-1,1201\r\n"),
    ("semicolons", "type;id;workspace\nemployee;E-1;1201\n"),
    ("tabs", "type\tid\tworkspace\nemployee\tE-1\t1201\n"),
    ("capitals and blanks", " Type , ID ,WORKSPACE\nEmployee, E-1 , 1201\n"),
    ("columns of one's own", "type,x-phone,id,workspace,X_more\nemployee,12,E-1,1201,\n"),
    (
        "quotes, commas and line breaks in a name",
        'type,id,name,workspace\nemployee,E-1,"Lee, ""A""\nAnn",1201\n',
    ),
    ("blank lines", "type,id,workspace\n\n,,\nemployee,E-1,1201\n\n"),
    ("no line end at the end", "type,id,workspace\nemployee,E-1,1201"),
    ("any order of columns", "workspace,type,id\n1201,employee,E-1\n"),
]


@pytest.mark.parametrize("text", [case[1] for case in GOOD_CSV], ids=[case[0] for case in GOOD_CSV])
def test_csv_as_programs_write_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "people.CSV"
    path.write_bytes(text.encode())
    found = check(path)
    assert found.problems == ()
    assert found.employees == 1


WRONG_FILES = [
    ("p.csv", b"", ":1  (file)  has no column `type`"),
    ("p.csv", b"type,id,workspace\n", "  (file)  holds nobody"),
    ("p.csv", b"id,workspace\nE-1,1\n", ":1  (file)  has no column `type`"),
    ("p.csv", b"type,id\nemployee,1\n", ":1  (file)  has no column `workspace`"),
    (
        "p.csv",
        b"type,id,workspace,wrk_address\n",
        ":1  (file)  unknown column `wrk_address`; did you mean `work_address`?",
    ),
    ("p.csv", b"type,id,workspace,phone\n", ":1  (file)  unknown column `phone`; known are type, id"),
    ("p.csv", b"type,id,workspace,ID\n", ":1  (file)  the column `id` stands here twice"),
    (
        "p.csv",
        b"type,id,workspace\nemployee,E-1\n",
        ":2  (row)  has 2 values, and the first line names 3 columns",
    ),
    ("p.csv", b"type,id,workspace\n\nemployee,Lee, Ann,1\n", ":3  (row)  has 4 values"),
    (
        "p.csv",
        b'type,id,workspace\nemployee,"E-1,1\nemployee,E-2,1\n',
        ":3  (file)  is no CSV: unexpected end of data",
    ),
    ("p.csv", b"type,id,name,workspace\nemployee,E-1,M\xfcller,1\n", ":2  (file)  is not UTF-8 text"),
    (
        "p.csv",
        b"type,id,workspace\nemployee,\x00,1\n",
        ":2  ",
    ),
    ("p.jsonl", b"", "  (file)  holds nobody"),
    ("p.jsonl", b"\n{\n", ":2  (row)  is no JSON"),
    ("p.jsonl", b"[1]\n", ":1  (row)  is no object"),
    ("p.jsonl", b'{"type":"employee","id":"a","id":"b"}\n', ":1  (row)  names a column twice"),
    ("p.jsonl", b'{"type":"employee","id":"a","ID":"b"}\n', ":1  id  stands here twice"),
    ("p.jsonl", b'{"type":"employee","id":true}\n', ":1  id  is a truth value"),
    ("p.jsonl", b'{"type":"employee","id":1.5}\n', ":1  id  is neither a text nor a whole number"),
    ("p.jsonl", b'{"type":"employee","id":{"a":1}}\n', ":1  id  is neither a text nor a whole number"),
    ("p.jsonl", b"[" * 100_000 + b"\n", ":1  (row)  is no JSON"),
    ("p.jsonl", b'{"id":' + b"9" * 5_000 + b"}\n", ":1  (row)  is no JSON"),
    ("p.jsonl", b'{"type":"employee","emial":"a"}\n', ":1  emial  unknown column; "),
    ("p.ndjson", b"\xff\n", ":1  (file)  is not UTF-8 text"),
    ("p.yaml", b"employees:\n- {id: a, id: b}\n", ":2  employees[0].id  stands here twice"),
    (
        "p.yaml",
        b"employees:\n- {id: a, workspace: 1, ide: 3}\n",
        ":2  ide  unknown column; did you mean `id`?",
    ),
    ("p.yaml", b"employes: []\n", ":1  employes  unknown key"),
    ("p.yaml", b"employees:\n  - text\n", ":2  employees[0]  must be a mapping"),
    ("p.yaml", b"employees: text\n", ":1  employees  must be a list"),
    (
        "p.yaml",
        b"employees:\n- {id: a, workspace: {a: b}}\n",
        ":2  employees[0].workspace  must be one value",
    ),
    ("p.yaml", b"employees: !!python/object:os.system []\n", ":1  (file)  a YAML tag"),
    ("p.yaml", b"employees:\n", "  (file)  holds nobody"),
    ("p.yaml", b"", ":1  (file)  is empty; begin with `employees:`"),
    ("p.yaml", b"- a\n", ":1  (file)  is not a mapping; begin with `employees:`"),
    ("p.yaml", b"x: [" + b" " * 1_000_000, "  (file)  is larger than 1 MB"),
    ("p.xlsx", b"PK", "  (file)  is of no kind that is known; let its name end in .csv"),
]


@pytest.mark.parametrize(
    ("name", "raw", "what"), WRONG_FILES, ids=[f"{name} {what[:40]}" for name, _, what in WRONG_FILES]
)
def test_a_wrong_file_is_told(tmp_path: Path, name: str, raw: bytes, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(raw)
    assert str(check(path).problems[0]).startswith(f"{path}{what}")


@pytest.mark.parametrize("name", ["missing.csv", "missing.yaml", "missing.jsonl"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    (problem,) = check(tmp_path / name).problems
    assert str(problem).startswith(f"{tmp_path / name}  (file)  cannot be read: No such file")


def test_a_folder_is_no_directory_of_people(tmp_path: Path) -> None:
    (tmp_path / "people.csv").mkdir()
    (problem,) = check(tmp_path / "people.csv").problems
    assert "cannot be read: Is a directory" in str(problem)


def test_every_problem_is_told_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("type,id,workspace\n" + "employee,E-1,\n" * 5 + "employee,E-2,1\n")
    found = check(path)
    assert [problem.line for problem in found.problems] == [2, 3, 4, 5, 6]
    assert found.employees == 1
    path.write_text("type,id,workspace\n" + "employee,E-1,\n" * 1_000)
    assert len(check(path).problems) == MOST_PROBLEMS


def test_public_domains_are_noticed_and_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("type,id,workspace,domains\norganisation,O-1,1,c.example gmail.com\n")
    found = check(path)
    assert found.problems == ()
    (notice,) = found.notices
    assert str(notice) == (
        f"{path}:2  domains  gmail.com is a public mail domain, which never says where its mail belongs; "
        "list these people as contacts"
    )
    assert check(path, lambda domain: domain == "c.example").notices[0].what.startswith("c.example is")


def test_the_reference_has_every_column() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/directory.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)
    assert rows == list(COLUMNS)
