"""The wheel as a user gets it: installed into an environment of its own, far from the checkout."""

from __future__ import annotations

import json
import subprocess
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_installed_wheel_carries_its_data_and_runs(tmp_path: Path) -> None:
    home = tmp_path / "environment"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, str(ROOT)], check=True, cwd=tmp_path)
    results = tmp_path / "results.json"
    page = tmp_path / "report.html"
    words = ["--json", str(results), "--html", str(page), "--rule", "input-*"]
    command = [str(home / "bin" / "wsgi-conformance"), "run", "reference", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(results.read_text())["subjects"][0]["started"] is True
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    where = "import conformance; print(conformance.__file__)"
    found = subprocess.run(
        [str(python), "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(home) in found.stdout, "the checkout was imported, not the wheel"
