"""What stands before the command: which configuration, how much is said, and in which form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import click

from emailint.errors import ConfigError

if TYPE_CHECKING:
    from emailint.config.model import Config


@dataclass(frozen=True, slots=True)
class Settings:
    """The global options. `verbosity`: -1 quiet, 0, 1 each mail, 2 each step."""

    config: str | None = None
    verbosity: int = 0
    log_format: Literal["text", "json"] = "text"

    def load(self) -> Config:
        """The configuration, whole and checked; from now on its secrets are hidden in what is logged."""
        from emailint import logs  # noqa: PLC0415 - `--help` pays for none of these
        from emailint.config.known_secrets import secrets_of  # noqa: PLC0415 - as above
        from emailint.config.load import find, load  # noqa: PLC0415 - as above

        logs.configure(self.verbosity, self.log_format)
        config = load(find(self.config))
        logs.redact.hide(secrets_of(config))
        return config

    def load_if_any(self) -> Config | None:
        """The same; None when no configuration was named and none is found."""
        from emailint.config.load import find  # noqa: PLC0415 - as above

        try:
            find(self.config)
        except ConfigError:
            return None
        return self.load()


pass_settings = click.make_pass_decorator(Settings, ensure=True)
