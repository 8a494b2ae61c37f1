"""A configuration file in a folder of its own, private unless a test says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emailint.config.load import load
from emailint.config.problems import ConfigProblems

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.config.model import Config
    from emailint.config.problems import Problem

    Load = Callable[..., Config]
    Problems = Callable[..., tuple[Problem, ...]]

ENVIRON = {"PW": "geheim-aus-der-umgebung", "PORT": "1993", "HALF": "halb", "EMPTY": ""}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the configuration will be."""
    return tmp_path / "integrations.yaml"


@pytest.fixture
def load_text(file: Path) -> Load:
    """Load a text (or octets) as `integrations.yaml`."""

    def act(text: str | bytes, *, mode: int = 0o600, environ: dict[str, str] | None = None) -> Config:
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        file.chmod(mode)
        return load(file, ENVIRON if environ is None else environ)

    return act


@pytest.fixture
def problems_of(load_text: Load) -> Problems:
    """The problems of a text that must have some."""

    def act(
        text: str | bytes, *, mode: int = 0o600, environ: dict[str, str] | None = None
    ) -> tuple[Problem, ...]:
        with pytest.raises(ConfigProblems) as caught:
            load_text(text, mode=mode, environ=environ)
        return caught.value.problems

    return act
