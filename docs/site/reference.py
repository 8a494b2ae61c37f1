"""Makes the reference pages from models, commands and errors: `python -m docs.site.reference docs/reference`.

What a page says stands in the code: keys in `config/keys.py`, commands in `cli`, kinds in `errors.py` with the
advice that is given where they are raised, fields in `schemas.py`. A test compares the pages with it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from docs.site.advice import CURES, given, kinds
from emailint.cli.app import app
from emailint.config.schema import schema
from emailint.errors import Exit
from emailint.schemas import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Node = dict[str, Any]

MADE: Final = "<!-- Made by `make reference`; what it says stands in the code. -->"
STATUS: Final[Mapping[Exit, str]] = {
    Exit.OK: "all well, or another sweep is at this work",
    Exit.TROUBLE: (
        "a mailbox fails or backs off, or a mail failed, was held or quarantined: `emailint list-errors`."
        " A server that asks to wait for less than 15 minutes, and a recipient whom a server refuses, are 0"
    ),
    Exit.USAGE: "wrong usage: a command, an option or a name that there is not",
    Exit.BUG: "a bug: please report it; what was done until then is kept",
    Exit.STORE: "the store cannot be used; no mailbox was touched",
    Exit.CONFIG: "the configuration is wrong; nothing was touched",
}
RECORDS: Final = {
    "case": ("cases.jsonl", "a case"),
    "follow-up": ("followups.jsonl", "a message that belongs to a case that exists"),
    "error": ("errors.jsonl", "an event of an error"),
}


def pages() -> dict[str, str]:
    """Each page by its file name."""
    made = {
        "configuration.md": configuration(),
        "commands.md": commands(),
        "errors.md": errors(),
        "records.md": records(),
        "exit-status.md": exit_status(),
    }
    return {name: "\n".join(lines) + f"\n\n{MADE}\n" for name, lines in made.items()}


def configuration() -> Iterator[str]:
    """All keys of `integrations.yaml`, a table for each mapping."""
    whole = schema()
    yield from (
        "# Keys of integrations.yaml",
        "",
        (
            "`emailint schema config` prints the same as a JSON Schema, from which editors complete; `emailint check` says"
            " what does not fit. Durations are `50s`, `5m`, `2h`, `2d`; sizes `16MB` (16 million bytes). `${NAME}` is taken"
            " from the environment and `env_file`, `${NAME:-default}` with a default, and `$$` is a dollar. Paths start at"
            " the folder of the configuration. Top-level `x-…` keys are ignored: a place for anchors of your own."
        ),
        "",
    )
    yield from _keys("At the top", whole)
    for name, node in whole["definitions"].items():
        yield from ("", *_keys(_title(name), node))


def _keys(title: str, node: Node) -> Iterator[str]:
    required = node.get("required", ())
    yield from (f"## {title}", "", _sentence(node["description"]), "")
    yield from ("| key | value | unless said | means |", "|---|---|---|---|")
    for name, key in node["properties"].items():
        default = f"`{_plain(key['default'])}`" if "default" in key else ""
        example = key.get("examples", [])[:1]
        shown = f"; say `{_plain(example[0])}`" if example and example[0] != key.get("default") else ""
        yield _row(
            f"`{name}`",
            _value(key),
            "must be there" if name in required else default,
            _escaped(key.get("description", "")) + shown,
        )


def _title(name: str) -> str:
    """`AliasKeys` is `alias`, and a link leads there."""
    return {
        "AliasKeys": "aliases[]", "AliasSettings": "defaults", "CaseKeys": "case", "FollowUpKeys": "follow_up",
        "GraphKeys": "graph", "IntegrationKeys": "integrations[]", "LimitKeys": "reply.limit", "OAuthKeys": "oauth",
        "OutboundKeys": "outbound", "ReplyKeys": "reply", "RuleKeys": "rules[]", "SetKeys": "rules[].set",
        "SweepLimitKeys": "limits", "WhenKeys": "rules[].when",
    }[name]  # fmt: skip


def _value(key: Node) -> str:
    """What a key takes, in words."""
    found = [_kind(each) for each in key.get("anyOf", [key])]
    return " or ".join(dict.fromkeys(each for each in found if each))


def _kind(node: Node) -> str:
    """One alternative of it; "" for those that go without saying."""
    pattern = str(node.get("pattern", ""))
    if "$ref" in node:
        title = _title(node["$ref"].rpartition("/")[2])
        return f"[mapping](#{_anchor(title)})"
    if "enum" in node:
        return ", ".join(f"`{each}`" for each in node["enum"])
    if "const" in node:
        return f"`{node['const']}`"
    if pattern.startswith(r"\$"):  # every value may come from the environment
        return ""
    return "duration" if pattern.startswith("^[0-9]{1,8} ?") else _typed(node)


def _typed(node: Node) -> str:
    match node.get("type"):
        case "array":
            inner = _value(node["items"]) if "items" in node else ""
            return f"list of {inner}" if inner else "list"
        case "integer" if "minimum" in node and "maximum" in node:
            return f"{node['minimum']} to {node['maximum']}"
        case list() as several:
            return "text" if "string" in several else "number"
        case "string":
            return {"email": "address", "date": "date"}.get(str(node.get("format")), "text")
    words = {"object": "mapping", "boolean": "`true`, `false`", "integer": "number", "number": "number"}
    return words.get(str(node.get("type")), "")


def commands() -> Iterator[str]:
    """Every command with its options, from click."""
    yield from (
        "# Commands",
        "",
        "`emailint COMMAND --help` and `man emailint-COMMAND` say the same. Exit status: [here](exit-status.md).",
    )
    yield from _command(("emailint",), app)


def _command(names: tuple[str, ...], command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=" ".join(names), **app.context_settings)
    usage = " ".join((*names, *command.collect_usage_pieces(context)))
    yield from ("", f"## {' '.join(names)}", "", f"`{usage}`", "")
    for paragraph in (command.help or "").replace("\b\n", "").split("\n\n"):
        yield from (_escaped(" ".join(paragraph.split())), "")
    shown = [
        record
        for each in command.get_params(context)
        if (record := each.get_help_record(context)) and record[1]
    ]
    yield from ("| option | does |", "|---|---|")
    for options, text in shown:
        yield _row(
            f"`{options.replace('|', '&#124;')}`" if "|" not in options else _escaped(options), _escaped(text)
        )
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from _command((*names, name), below)


def errors() -> Iterator[str]:
    """Every kind of error: how wide, whether it is tried again, and what to do."""
    yield from (
        "# Errors: what they mean, and what to do",
        "",
        (
            "`emailint list-errors` shows what is open, each with advice of its own; `kind` is the word in `errors.jsonl`."
            " Width: *run* is all of the sweep, *integration* one mailbox, *message* one mail. What is tried again needs"
            " nobody, unless it lasts. Errors of a run or a mailbox close with the next good sweep, those of a mail when it"
            " has come to its end; those of replies, held and quarantined mail with `emailint retry` or `emailint dismiss`."
            " Few of them end a command: what they make of the status of a sweep stands [there](exit-status.md)."
        ),
    )
    told = given()
    for kind in kinds():
        first = " ".join((kind.__doc__ or "").partition("\n\n")[0].split())
        again = "tried again by itself" if kind.transient else "not tried again before something changes"
        yield from (
            "",
            f"## {kind('').kind}",
            "",
            (
                f"{_escaped(_sentence(first))}"
                f" Width: {kind.scope}; {again}; a command that it ends has exit status {int(kind.exit_code)}."
            ),
            "",
            f"**What to do:** {CURES[kind]}",
        )
        if told.get(kind.__name__):
            yield from ("", "| it says | do |", "|---|---|")
            yield from (_row(_escaped(text), _escaped(hint)) for text, hint in told[kind.__name__])


def records() -> Iterator[str]:
    """Every field of the three files that other programs read, from the JSON Schemas."""
    yield from (
        "# Fields of the records",
        "",
        (
            "One JSON document a line, ASCII only, each line whole. `emailint schema case`, `follow-up` and `error` print"
            " the JSON Schemas. Within one `schema` number fields are only ever added, so a program that reads them passes"
            " over those that it does not know. *Always*: the field is there in each line, if only as null."
        ),
    )
    for name, (file, means) in RECORDS.items():
        yield from ("", f"## {file}", "", f"A line is {means}; `emailint schema {name}`.", "")
        yield from ("| field | type | always | means |", "|---|---|---|---|")
        yield from _fields("", SCHEMAS[name])


def _fields(prefix: str, node: Node) -> Iterator[str]:
    for name, field in node["properties"].items():
        path = f"{prefix}{name}"
        always = "yes" if name in node.get("required", ()) else "no"
        yield _row(f"`{path}`", _record_type(field), always, _escaped(field.get("description", "")))
        for below in (field, *field.get("anyOf", ())):
            if "properties" in below:
                yield from _fields(f"{path}.", below)
            if "properties" in below.get("items", {}):
                yield from _fields(f"{path}[].", below["items"])


def _record_type(field: Node) -> str:
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "anyOf" in field:
        return " or ".join(_record_type(each) for each in field["anyOf"])
    several = field["type"]
    return several if isinstance(several, str) else " or ".join(several)


def exit_status() -> Iterator[str]:
    """What each number means."""
    yield from ("# Exit status", "", "| exit status | means |", "|---|---|")
    yield from (f"| {int(number)} | {STATUS[number]} |" for number in Exit)
    yield from (
        "",
        (
            "130 is a command that Ctrl-C ended, and 141 one whose output was closed, as shells report them. Under cron standard"
            " error speaks when a cause is new, once a day while it lasts, and when it is over."
        ),
    )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(value: object) -> str:
    """A value as YAML takes it on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False).replace("|", "&#124;")


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", ":")) else f"{text}."


def _escaped(text: str) -> str:
    """Text in which nothing is markup but backquotes, and which does not end a cell."""
    for mark, instead in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        ("|", "&#124;"),
        ("*", "&#42;"),
        ("_", "&#95;"),
        ("[", "&#91;"),
    ):
        text = "`".join(
            part if at % 2 and mark in "*_[&<" else part.replace(mark, instead)
            for at, part in enumerate(text.split("`"))
        )
    return text


def _anchor(title: str) -> str:
    """The anchor that Markdown gives a heading: `rules[].set` is `rulesset`."""
    return "".join(letter for letter in title if letter.isalnum() or letter == "_")


def write(folder: Path) -> None:
    """Write all pages there."""
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
