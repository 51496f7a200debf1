"""The workflow that judges the roster, and the sessions of nox that it calls."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.roster import load_roster

ROOT = Path(__file__).parent.parent
WORKFLOW = ROOT / ".github" / "workflows" / "roster.yml"


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    data = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    # YAML takes the key "on" for a truth value.
    assert data.keys() == {"name", True, "permissions", "concurrency", "env", "jobs"}
    assert isinstance(data["jobs"], dict)
    return data["jobs"]


def steps(jobs: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in jobs.values() for step in job["steps"]]


def test_actions_are_pinned_by_version(jobs: dict[str, Any]) -> None:
    used = [step["uses"] for step in steps(jobs) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+(\.\d+)*", name) for name in used)


def test_jobs_follow_each_other(jobs: dict[str, Any]) -> None:
    assert list(jobs) == ["list", "conformance", "matrix"]
    assert jobs["conformance"]["needs"] == "list"
    assert jobs["conformance"]["strategy"]["fail-fast"] is False
    # Whatever became of single servers, the matrix shows the others.
    assert (jobs["matrix"]["needs"], jobs["matrix"]["if"]) == ("conformance", "always()")


def test_there_is_a_job_for_each_row_that_can_run(jobs: dict[str, Any]) -> None:
    (step,) = [step for step in jobs["list"]["steps"] if step.get("id") == "list"]
    script = re.search(r"<<'SCRIPT'\n(.*)\nSCRIPT", step["run"], re.DOTALL)
    assert script is not None
    done = subprocess.run(
        [sys.executable, "-c", script[1]], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("servers=")
    named = json.loads(done.stdout.removeprefix("servers="))
    assert set(named) == {n for n, server in load_roster().items() if not server.unavailable}
    # As many as a matrix of jobs can have.
    assert len(named) <= 256


def test_results_are_left_where_the_matrix_looks(jobs: dict[str, Any]) -> None:
    (left,) = [s["with"] for s in steps(jobs) if "upload" in s.get("uses", "") and "if" in s]
    (found,) = [s["with"] for s in steps(jobs) if "download" in s.get("uses", "")]
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    assert left["path"].rstrip("/") == found["path"] == "reports/results"
    assert f'RESULTS = Path("{found["path"]}")' in noxfile
    assert "/reports/results/" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    commands = " ".join(step.get("run", "") for step in steps(jobs))
    for session in re.findall(r'nox -s "?(\w+)', commands):
        assert f"def {session}(" in noxfile
