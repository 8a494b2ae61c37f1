"""The README and its company say what is so."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from emailint import __version__
from emailint.cli.app import COMMANDS, app
from emailint.config.load import load
from emailint.errors import Exit

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line for block in blocks("console") + blocks("crontab") for line in block.splitlines()]
    found = [re.search(r"\b(emailint .*)", line.partition("#")[0]) for line in lines]
    return [shlex.split(match[1]) for match in found if match]


@pytest.mark.parametrize("block", blocks("yaml"))
def test_each_configuration_is_accepted(block: str, tmp_path: Path) -> None:
    path = tmp_path / "integrations.yaml"
    secrets = tmp_path / "secrets"
    secrets.write_text("PAYROLL_PASSWORD=one\nBENEFITS_SECRET=two\n", encoding="utf-8")
    secrets.chmod(0o600)
    path.write_text(block.replace("/etc/emailint/secrets", str(secrets)), encoding="utf-8")
    config = load(path, {})
    assert len(config.integrations) == 1


def test_there_is_one_configuration_and_a_way_to_office_365() -> None:
    """The README stays short; those of all other providers are on pages, which a test loads."""
    providers = [
        each["provider"] for block in blocks("yaml") for each in yaml.safe_load(block)["integrations"]
    ]
    assert providers == ["gmail"]
    assert "](docs/how-to/office-365.md)" in README


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_each_command_can_be_parsed(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mail.eml").write_bytes(b"Subject: x\n\n")
    words = [word.replace("…", "00000000") for word in arguments[1:]]
    at = next(number for number, word in enumerate(words) if word in COMMANDS)
    with app.make_context("emailint", [*words[:at], "check"]) as context:
        command = app.get_command(context, words[at])
        assert command is not None
        command.make_context(words[at], words[at + 1 :], parent=context).close()


def test_it_names_what_a_newcomer_types_first() -> None:
    told = {arguments[1] for arguments in commands() if len(arguments) > 1}
    assert told >= {"check", "test-connection", "process", "list-errors", "list-cases", "render-template"}
    assert "$ make demo" in README[:200]
    assert "$ make test" in README[:300]


def test_the_table_of_exit_status_is_whole() -> None:
    page = (ROOT / "docs" / "reference" / "exit-status.md").read_text(encoding="utf-8")
    assert "](docs/reference/exit-status.md)" in README
    told = {int(number) for number in re.findall(r"^\| (\d+) \| \S", page, re.MULTILINE)}
    assert told == set(Exit)
    epilog = app.epilog or ""
    assert {int(number) for number in re.findall(r"\b(\d+) ", epilog)} == set(Exit)


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_each_make_target_exists(text: str) -> None:
    targets = set(re.findall(r"\bmake ([a-z]+)\b(?= |`|$)", "\n".join(blocks("console", text)), re.MULTILINE))
    assert targets
    assert {target for target in targets if not re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)} == set()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_each_link_into_the_repository_leads_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_changelog_has_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert project["license"] == "MIT"
    assert "the emailint authors" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_each_decision_has_a_number_of_its_own_and_its_parts() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(path.name[:4]) for path in decisions]
    assert len(set(numbers)) == len(numbers) > 0
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert re.match(r"# (?:\d+\. )?\S", text), path
        assert [part for part in ("Context", "Decision", "Consequences") if part not in text] == [], path


def test_command_line_and_documentation_have_the_same_global_options() -> None:
    options = {option for each in app.params if isinstance(each, click.Option) for option in each.opts}
    assert options >= {"-c", "-v", "-q", "--log-format"}
