"""Types of option values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from datetime import timedelta


def duration(value: str) -> timedelta:
    """`50s`, `5m`, `2h`, `2d`, as in the configuration; else a usage error that shows how one looks."""
    from emailint.config.grammar import duration as parse  # noqa: PLC0415 - `--help` pays for none of it
    from emailint.config.problems import Wrong  # noqa: PLC0415 - as above

    try:
        return parse(value)
    except Wrong as wrong:
        raise click.BadParameter(f"{value!r} {wrong.what}; {wrong.cure}") from None


def age(value: str) -> timedelta:
    """A duration, or years of 365 days: `2y`."""
    from datetime import timedelta  # noqa: PLC0415 - as above

    years = value.removesuffix("y")
    if years != value and years.isascii() and years.isdigit() and 0 < int(years) <= _MOST_YEARS:
        return timedelta(days=365 * int(years))
    return duration(value)


def size(value: str) -> int:
    """`500kB`, `16MB`, as in the configuration; else a usage error that shows how one looks."""
    from emailint.config.grammar import size as parse  # noqa: PLC0415 - as above
    from emailint.config.problems import Wrong  # noqa: PLC0415 - as above

    try:
        return parse(value)
    except Wrong as wrong:
        raise click.BadParameter(f"{value!r} {wrong.what}; {wrong.cure}") from None


_MOST_YEARS = 100
