"""The pages that say what to click hold configurations that load, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from emailint.config.load import load
from emailint.config.providers import PROVIDERS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "how-to").glob("*.md"))
ENVIRON = {"HEARTBEAT_URL": "https://hc.example/key"} | dict.fromkeys(
    ("PAYROLL_PASSWORD", "DESK_PASSWORD", "GOOGLE_SECRET", "BENEFITS_SECRET", "DESK_CLIENT_SECRET"), "given"
)


def blocks(page: Path) -> list[str]:
    """The configurations of a page that stand for themselves."""
    found = re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block for block in found if "integrations:" in block]


EXAMPLES = [
    pytest.param(block, id=f"{page.stem}-{at}") for page in PAGES for at, block in enumerate(blocks(page))
]


@pytest.mark.parametrize("block", EXAMPLES)
def test_each_configuration_is_accepted(block: str, tmp_path: Path) -> None:
    path = tmp_path / "integrations.yaml"
    for name in ("secrets", "google.json"):
        (tmp_path / name).write_text("", encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    path.write_text(block.replace("/etc/emailint", str(tmp_path)), encoding="utf-8")
    assert load(path, ENVIRON).integrations


def test_there_is_a_configuration_for_each_provider() -> None:
    shown = {
        each["provider"]
        for page in PAGES
        for block in blocks(page)
        for each in yaml.safe_load(block)["integrations"]
        if "provider" in each
    }
    # these two are other names, and the pages say so
    assert shown == set(PROVIDERS) - {"hotmail", "aim"}
    for name, page in (("hotmail", "outlook-com.md"), ("aim", "aol.md")):
        assert f"`provider: {name}`" in (DOCS / "how-to" / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_no_link_leads_nowhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+\.md)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).is_file()] == []


@pytest.mark.parametrize(
    "page", ["gmail", "google-workspace", "office-365", "outlook-com", "yahoo", "aol", "icloud"]
)
def test_each_says_how_to_try_it_and_what_to_do_then(page: str) -> None:
    text = (DOCS / "how-to" / f"{page}.md").read_text(encoding="utf-8")
    assert "emailint test-connection" in text
    assert "| it says | do |" in text
