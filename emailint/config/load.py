"""A configuration file to `Config`, or to everything that is wrong with it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from emailint.config import grammar
from emailint.config.check_secrets import Reading
from emailint.config.checks import complaints
from emailint.config.document import MAXIMUM_OCTETS, Document, Refused
from emailint.config.environment import Environment, read_env_file
from emailint.config.plain import Plain
from emailint.config.problems import ConfigProblems, Problem, Wrong
from emailint.config.resolve import resolve
from emailint.config.validate import validated
from emailint.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emailint.config.model import Config

FILE_NAME: Final = "integrations.yaml"
VARIABLE: Final = "EMAILINT_CONFIG"


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """The resolved configuration. Reads the file, its env_file and the modes of secret files; runs nothing.

    Raises ConfigProblems with every problem that was found; none of them tells a secret.
    """
    raw, mode = _read(path, str(path))
    return read(raw, path, mode, environ)


def read(raw: bytes, path: Path, mode: int, environ: Mapping[str, str] = os.environ) -> Config:
    """The same of octets that stand, or are going to stand, at `path` with the mode `mode` (`st_mode`)."""
    file = str(path)
    try:
        document = Document(file, raw)
    except Refused as refused:
        raise ConfigProblems(refused.problems) from None
    base = path.absolute().parent
    variables, problems = _env_file(document, base, environ)
    plain = Plain(document, Environment(environ, variables, complete=not problems))
    keys = validated(plain.whole(), document, plain)
    config = resolve(keys, path=path.absolute(), digest=hashlib.sha256(raw).hexdigest())
    reading = Reading(file, base, mode, readable=keys.readable_secrets == "accept")
    unfit = complaints(keys, config, reading, plain.spoiled)
    told = [document.problem(each.location, each.what, each.cure) for each in unfit]
    if found := [*problems, *plain.problems, *told]:
        raise ConfigProblems(found)
    return config


def find(explicit: str | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The file that counts: the one named, $EMAILINT_CONFIG, ./integrations.yaml, the user's, the system's.

    Raises ConfigError when none was named and none is there.
    """
    named = explicit or environ.get(VARIABLE)
    if named:
        return Path(named)
    places = list(_places(environ))
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(place) for place in places)
    raise ConfigError(
        f"no configuration was found; looked for {looked}",
        hint=f"run: emailint init, or name a file by -c FILE or ${VARIABLE}",
    )


def _places(environ: Mapping[str, str]) -> Iterator[Path]:
    """The XDG base directory specification, and /etc/emailint as most system services have it."""
    yield Path(FILE_NAME)
    home = environ.get("HOME")
    user = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    system = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    for folder in (user, *system.split(":")):
        if folder.startswith("/"):
            yield Path(folder, "emailint", FILE_NAME)
    yield Path("/etc/emailint", FILE_NAME)


def _read(path: Path, file: str) -> tuple[bytes, int]:
    """The octets and the mode of the very file that was opened."""
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            raw = stream.read(MAXIMUM_OCTETS + 1)
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise ConfigProblems(
            [Problem(file, 0, "(file)", what, "name another by -c FILE, or run: emailint init")]
        ) from None
    if len(raw) > MAXIMUM_OCTETS:
        what = "is larger than 1 MB"
        raise ConfigProblems([Problem(file, 0, "(file)", what, "split it into several files and runs")])
    return raw, mode


def _env_file(
    document: Document, base: Path, environ: Mapping[str, str]
) -> tuple[dict[str, str], list[Problem]]:
    """What the env_file sets, as far as the key holds a path; other values of it are complained of later."""
    entries = document.entries(document.root)
    node: Any = entries["env_file"][1] if "env_file" in entries else None
    if not isinstance(node, yaml.ScalarNode) or not node.value or node.tag.endswith(":null"):
        return {}, []
    try:
        name = grammar.path(Environment(environ, {}).fill(node.value))
    except Wrong:
        return {}, []
    accepted = "readable_secrets" in entries and entries["readable_secrets"][1].value == "accept"
    return read_env_file(base / name.expanduser(), readable=accepted)
