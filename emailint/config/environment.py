"""`${NAME}`, `${NAME:-default}` and `$$` in the values of the file, and the `env_file` that helps out."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emailint.config.problems import Problem, Unset, Wrong
from emailint.config.secrets import GivenSecret, SecretText, is_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAXIMUM_OCTETS: Final = 1_000_000

_DOLLAR: Final = re.compile(r"\$\$|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<else>:-(?P<default>[^}]*))?\}|\$")
_LINE: Final = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")


@dataclass(frozen=True, slots=True)
class Environment:
    """Names and values; the process's own win over those of the env_file, which may have been unreadable."""

    own: Mapping[str, str]
    file: Mapping[str, str]
    complete: bool = True

    def get(self, name: str) -> str | None:
        """The value, or None."""
        found = self.own.get(name)
        return self.file.get(name) if found is None else found

    def fill(self, text: str) -> str:
        """The text with everything put in; any other `$` is wrong."""
        return self._fill(text, lenient=False)[0] if "$" in text else text

    def fill_pattern(self, text: str) -> str:
        """The same for a pattern, in which any other `$` is itself."""
        return self._fill(text, lenient=True)[0] if "$" in text else text

    def fill_secret(self, text: str) -> GivenSecret:
        """The same for a password, in which any other `$` is itself."""
        filled, whole = self._fill(text, lenient=True)
        return GivenSecret(SecretText(filled), literal=not whole)

    def _fill(self, text: str, *, lenient: bool) -> tuple[str, bool]:
        """The filled text, and whether all of it came from the environment."""
        foreign = False

        def replace(match: re.Match[str]) -> str:
            nonlocal foreign
            if match[0] == "$$":
                return "$"
            if match["name"] is None:
                if lenient:
                    return "$"
                raise Wrong("holds a lone `$`", "write ${NAME} for a variable, $$ for a dollar sign")
            value, from_default = self._look_up(match)
            foreign = match[0] == text and not from_default
            return value

        return _DOLLAR.sub(replace, text), foreign

    def _look_up(self, match: re.Match[str]) -> tuple[str, bool]:
        value = self.get(match["name"])
        if match["else"] and not value:
            return match["default"], True
        if value is None:
            raise Unset(
                f"names the variable {match['name']}, which is not set",
                "set it, or put it into env_file: cron starts with a nearly empty environment",
            )
        return value, False


def read_env_file(path: Path, *, readable: bool) -> tuple[dict[str, str], list[Problem]]:
    """The KEY=VALUE lines of a private file; blank lines and `#` comments are passed over.

    Quotes around a whole value are taken off; nothing else has a meaning. `readable`: others may read it.
    """
    file = str(path)
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            raw = stream.read(MAXIMUM_OCTETS + 1)
    except OSError as error:
        return {}, [_whole(file, f"cannot be read: {error.strerror}", "create it, or take `env_file` out")]
    if not readable and not is_private(mode):
        return {}, [
            _whole(file, f"can be read by others (mode {mode & 0o7777:04o})", f"run: chmod 600 {file}")
        ]
    if len(raw) > MAXIMUM_OCTETS:
        return {}, [_whole(file, "is larger than 1 MB", "keep to KEY=VALUE lines")]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return {}, [_whole(file, "is not UTF-8 text", "save it as UTF-8")]
    return _parse(file, text)


def _parse(file: str, text: str) -> tuple[dict[str, str], list[Problem]]:
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match:
            values[match["name"]] = _unquoted(match["value"])
        else:
            problems.append(
                Problem(
                    file,
                    number,
                    "(file)",
                    "is not KEY=VALUE",
                    "write one variable a line, or # before a comment",
                )
            )
    return values, problems


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value


def _whole(file: str, what: str, cure: str) -> Problem:
    return Problem(file, 0, "(file)", what, cure)
