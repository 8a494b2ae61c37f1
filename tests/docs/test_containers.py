"""The image and the CronJob are read, not run: what they must say for a sweep to be safe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from emailint.config.load import load

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "examples" / "Dockerfile").read_text(encoding="utf-8")
MANIFEST = (ROOT / "examples" / "kubernetes" / "cronjob.yaml").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "how-to" / "container.md").read_text(encoding="utf-8")
KINDS: dict[str, Any] = {each["kind"]: each for each in yaml.safe_load_all(MANIFEST)}
CRON: Any = KINDS["CronJob"]["spec"]
POD: Any = CRON["jobTemplate"]["spec"]["template"]["spec"]


def test_no_two_sweeps_at_once_and_none_is_started_again() -> None:
    assert CRON["schedule"] == "* * * * *"
    assert CRON["concurrencyPolicy"] == "Forbid"
    assert CRON["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert CRON["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 60
    assert POD["restartPolicy"] == "Never"


def test_the_store_lasts_and_belongs_to_one_host() -> None:
    """A pod's own name is another each time, and a store refuses another host."""
    assert POD["hostname"] == "emailint"
    claim = KINDS["PersistentVolumeClaim"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    volumes = {each["name"]: each for each in POD["volumes"]}
    assert volumes["store"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_it_may_do_nothing_that_it_need_not() -> None:
    (container,) = POD["containers"]
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["runAsUser"] > 0
    assert POD["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_secrets_are_files_and_the_configuration_finds_everything_where_it_is_mounted(tmp_path: Path) -> None:
    (container,) = POD["containers"]
    mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert mounted.keys() == {each["name"] for each in POD["volumes"]}
    assert "env" not in container
    text = KINDS["ConfigMap"]["data"]["integrations.yaml"]
    (tmp_path / "payroll.secret").write_text("word", encoding="utf-8")
    (tmp_path / "payroll.secret").chmod(0o440)  # as Kubernetes gives it to the pod's group
    path = tmp_path / "integrations.yaml"
    path.write_text(text.replace(mounted["secrets"], str(tmp_path)), encoding="utf-8")
    config = load(path, {})
    assert Path(mounted["store"]) in config.store.parents
    assert f"file: {mounted['secrets']}/" in text
    assert f"EMAILINT_CONFIG={mounted['configuration']}/integrations.yaml" in DOCKERFILE


def test_the_image_is_of_this_version_and_runs_as_nobody_in_particular() -> None:
    (container,) = POD["containers"]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{container["image"].partition(":")[2]}"' in project
    user = str(POD["securityContext"]["runAsUser"])
    assert f"USER {user}:{user}" in DOCKERFILE
    assert f"--uid {user}" in DOCKERFILE
    assert 'ENTRYPOINT ["/opt/emailint/bin/emailint"]' in DOCKERFILE


@pytest.mark.parametrize("line", [line for line in DOCKERFILE.splitlines() if line.startswith("COPY ")])
def test_what_the_image_copies_is_there(line: str) -> None:
    words = line.split()[1:-1]
    if words[0].startswith("--from="):
        assert re.search(rf"^FROM \S+ AS {words[0].removeprefix('--from=')}$", DOCKERFILE, re.MULTILINE)
    else:
        assert [word for word in words if not (ROOT / word).exists()] == []


def test_nobody_is_told_that_they_were_run() -> None:
    assert "have not been run" in PAGE
    assert all("Not run by the tests" in text for text in (DOCKERFILE, MANIFEST))
