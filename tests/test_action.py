"""The composite action: what it runs and what it tells, played as a runner plays it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from test_cli import HERE, cli, server_file

ROOT = HERE.parent
FOLDER = "wsgi-conformance"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("action", ROOT / "action.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def described() -> dict[str, Any]:
    data = yaml.safe_load((ROOT / "action.yml").read_text())
    assert isinstance(data, dict)
    return data


class Runner:
    """Plays the action; installing is left out, as the suite is there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = monkeypatch
        self.output = folder / "outputs"
        monkeypatch.chdir(folder)
        monkeypatch.setenv("GITHUB_OUTPUT", str(self.output))
        self.module = load()
        self.installed: list[str] = []

    def play(self, **inputs: str) -> tuple[int, dict[str, str]]:
        for name in ("COMMAND", "ARGUMENTS", "BASELINE", "EDITION", "FAIL_ON", "DIRECTORY"):
            self.patch.setenv(f"INPUT_{name}", inputs.get(name.lower(), ""))
        self.patch.setenv("INPUT_PYTHON", sys.executable)

        def install(command: str, python: str) -> str:
            self.installed.append(command)
            return sys.executable

        self.patch.setattr(self.module, "install", install)
        self.output.unlink(missing_ok=True)
        code = self.module.main()
        assert isinstance(code, int)
        lines = self.output.read_text().splitlines()
        return code, dict(line.split("=", 1) for line in lines)


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    return Runner(tmp_path, monkeypatch)


TWIN = ROOT / "servers" / "twins" / "input_stream.py"
RULE = "input-read-semantics"


def test_it_tells_paths_and_numbers(runner: Runner, capfd: pytest.CaptureFixture[str]) -> None:
    path = server_file(runner.folder)
    words = f"mine.toml --rule {RULE} --timeout-scale 0.2"
    code, told = runner.play(arguments=words, edition="2026.1")
    assert code == 0
    assert told == {
        "exit-code": "0",
        "directory": FOLDER,
        "results": f"{FOLDER}/results.json",
        "html": f"{FOLDER}/report.html",
        "markdown": f"{FOLDER}/summary.md",
        "junit": f"{FOLDER}/junit.xml",
        "unexpected": "0",
        "expected": "0",
        "stale": "0",
    }
    assert all((runner.folder / told[name]).is_file() for name in ("results", "html", "junit"))

    path.write_text(path.read_text().replace("]", f', "--twin", "{TWIN}:ReadsTooMuch"]'))
    code, told = runner.play(arguments=words)
    assert (code, told["unexpected"]) == (1, "1")
    assert "::error file=mine.toml,title=mine%3A input-read-semantics" in capfd.readouterr().out

    base = str(runner.folder / "b.toml")
    runner.play(arguments=f"{words} --update-baseline", baseline=base)
    code, told = runner.play(arguments=words, baseline=base)
    assert (code, told["expected"], told["unexpected"]) == (0, "1", "0")
    server_file(runner.folder)
    code, told = runner.play(arguments=words, baseline=base)
    assert (code, told["stale"], told["unexpected"]) == (1, "1", "0")


def test_what_is_wrong_with_inputs_is_told(
    runner: Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    for inputs, said in (
        ({"command": "selftest"}, "command is none of run, app"),
        ({"arguments": "'a"}, "arguments has a quotation mark too many or too few"),
        ({"directory": "a\nexit-code=0"}, "directory is one line"),
    ):
        code, told = runner.play(**inputs)
        assert (code, told) == (2, {"exit-code": "2"})
        assert said in capsys.readouterr().out


def test_a_failure_leaves_no_earlier_results(runner: Runner) -> None:
    server_file(runner.folder)
    words = f"mine.toml --rule {RULE} --timeout-scale 0.2"
    assert runner.play(arguments=words)[0] == 0
    code, told = runner.play(arguments=f"mine.toml --rule {RULE} --edition 1999.9")
    assert code == 2
    assert "results" not in told


def test_arguments_are_words_and_nothing_is_expanded(runner: Runner) -> None:
    runner.patch.setenv("INPUT_ARGUMENTS", "a 'b c' $(touch x) `y` ; z")
    words = runner.module.command_line("run", "python", Path("d"))
    assert words[1:9] == ["a", "b c", "$(touch", "x)", "`y`", ";", "z", "--github"]
    assert words[-2:] == ["--python", "python"]
    runner.patch.setenv("INPUT_ARGUMENTS", "a --isolated")
    assert "--python" not in runner.module.command_line("run", "python", Path("d"))


def test_description_and_code_name_the_same(described: dict[str, Any]) -> None:
    (step,) = described["runs"]["steps"]
    names = {f"INPUT_{name.upper().replace('-', '_')}" for name in described["inputs"]}
    assert set(step["env"]) == names
    # An input inside of a script would be a part of the script.
    assert "${{" not in step["run"]
    source = (ROOT / "action.py").read_text()
    for name in names:
        assert f'"{name.removeprefix("INPUT_")}"' in source
    for name, output in described["outputs"].items():
        assert output["value"] == f"${{{{ steps.judge.outputs.{name} }}}}"


def test_documentation_lists_inputs_and_outputs(described: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "ci.md").read_text()
    for name in (*described["inputs"], *described["outputs"]):
        assert f"`{name}`" in text, name


def test_every_option_is_taken_by_every_command() -> None:
    module = load()
    for command in module.COMMANDS:
        text = cli(command, "--help").stdout
        for option, _ in module.FILES.values():
            assert option in text
        if command != "report":
            assert "--edition" in text


def test_it_installs_from_its_own_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[list[str]] = []
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))

    def run(words: list[str], **more: object) -> subprocess.CompletedProcess[str]:
        ran.append(words)
        return subprocess.CompletedProcess(words, 0)

    module = load()
    monkeypatch.setattr(module.subprocess, "run", run)
    own = str(tmp_path / "wsgi-conformance-venv" / "bin" / "python")
    assert module.install("run", "py") == own
    assert [words[0] for words in ran] == ["py", own]
    assert ran[1][-1] == str(ROOT)
    ran.clear()
    assert module.install("app", "py") == "py"
    assert [words[0] for words in ran] == ["py"]
