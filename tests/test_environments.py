"""Environments of servers: made once for each set of requirements, and ended with their run."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from conformance.harness import environment, installing
from conformance.harness.environment import EnvironmentFailure, interpreter, isolated, survey
from conformance.harness.loop import Interrupted, Loop
from conformance.roster import Subject

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "local-thing"
version = "1.2.3"
"""
# Builds without anything from the network, so that these tests need none.
BACKEND = """
import base64, hashlib, os, sys, time, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    if os.environ.get("SLOW_BUILD"):
        with open(os.environ["SLOW_BUILD"], "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)
    if os.environ.get("BROKEN_BUILD"):
        sys.exit("the compiler is on holiday")
    name = "local_thing-1.2.3-py3-none-any.whl"
    info = "local_thing-1.2.3.dist-info/"
    files = {
        "local_thing.py": "",
        info + "METADATA": "Metadata-Version: 2.1\\nName: local-thing\\nVersion: 1.2.3\\n",
        info + "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    record = "".join(f"{path},,\\n" for path in [*files, info + "RECORD"])
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for path, text in {**files, info + "RECORD": record}.items():
            wheel.writestr(path, text)
    return name
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and nothing that comes from the network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return tmp_path / "cache" / "wsgi-conformance" / "environments"


@pytest.fixture
def thing(tmp_path: Path) -> str:
    """A requirement that can be installed without a network."""
    folder = tmp_path / "thing"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "backend.py").write_text(BACKEND)
    return f"local-thing @ {folder.as_uri()}"


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def made(cache: Path) -> list[Path]:
    return [path for path in cache.iterdir() if path.is_dir()]


def test_same_requirements_share_one_environment(
    cache: Path, thing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "_is_path", lambda requirement: False)
    said: list[str] = []
    first = isolated(Subject("one", install=(thing,)), said=lambda doing, line: said.append(doing))
    assert first.versions == {thing: "1.2.3"}
    assert not first.missing
    assert set(said) == {f"installing {thing}"}
    (home,) = made(cache)
    assert home.name.startswith("local-thing-")
    assert first.python == str(home / "bin" / "python")

    # What is there is used as it is: no tool runs, and nothing is said.
    monkeypatch.setattr(environment, "install_into", lambda *given: pytest.fail("made again"))
    said.clear()
    again = isolated(Subject("two", install=(thing,)), said=lambda doing, line: said.append(doing))
    assert again == first
    assert said == []
    assert made(cache) == [home]


def test_a_subject_sees_its_own_requirements_only(cache: Path, thing: str) -> None:
    found = isolated(Subject("one", install=(thing,)))
    subjects = [Subject("own", install=(thing,)), Subject("ours", install=("rich", "psutil"))]
    there = survey(subjects, found.python)
    assert isinstance(there["own"], environment.Environment)
    assert isinstance(there["ours"], environment.Environment)
    assert there["own"].missing == []
    assert there["ours"].missing == ["rich", "psutil"]


def test_without_uv_pip_does_it(cache: Path, thing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    found = isolated(Subject("one", install=(thing,)))
    assert found.versions == {thing: "1.2.3"}


def test_what_cannot_be_installed_is_one_line_with_the_tools_last_words(
    cache: Path, thing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN_BUILD", "1")
    with pytest.raises(EnvironmentFailure) as caught:
        isolated(Subject("one", install=(thing,)))
    said = str(caught.value)
    assert said.startswith(f"cannot install {thing}: ")
    assert "\n" not in said
    assert len(said) < 1000
    # Half of an environment is none: the next time it is made anew.
    monkeypatch.delenv("BROKEN_BUILD")
    assert isolated(Subject("one", install=(thing,))).versions == {thing: "1.2.3"}


def test_an_installation_that_is_interrupted_ends_with_all_that_it_started(
    cache: Path, thing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: Loop
) -> None:
    building = tmp_path / "building"
    monkeypatch.setenv("SLOW_BUILD", str(building))

    def interrupt() -> None:
        deadline = time.monotonic() + 30
        while not (building.exists() and building.read_text()) and time.monotonic() < deadline:
            time.sleep(0.01)
        loop.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(Interrupted):
        isolated(Subject("one", install=(thing,)), loop=loop)
    thread.join()
    compiler = int(building.read_text())
    if psutil.pid_exists(compiler):
        # Killed, and perhaps not gone yet; and whoever inherits it may be slow to bury it.
        with contextlib.suppress(psutil.NoSuchProcess):
            left = psutil.Process(compiler)
            _, alive = psutil.wait_procs([left], timeout=10)
            assert not alive or left.status() == "zombie"


def test_another_run_that_makes_the_same_is_waited_for(cache: Path, tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "one.lock"
    told: list[str] = []
    inner, outer = Loop(), Loop()
    with installing.locked(lock, outer, lambda: told.append("outer")):
        threading.Timer(0.3, inner.interrupt).start()
        with (
            pytest.raises(Interrupted),
            installing.locked(lock, inner, lambda: told.append("inner")),
        ):
            pytest.fail("two had the lock")
    assert told == ["inner"]
    inner.close()
    outer.close()


def test_a_requirement_that_is_a_path_is_made_anew(
    cache: Path, thing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's author changes the code and runs again."""
    monkeypatch.chdir(tmp_path / "thing")
    subject = Subject("mine", install=(".",))
    first = isolated(subject)
    assert first.missing == []
    marker = Path(first.bin).parent / "made-before"
    marker.touch()
    isolated(subject)
    assert not marker.exists()


@pytest.mark.parametrize("said", ["echo hello", "exit 3", "echo '[1]'"])
def test_an_interpreter_that_is_none(tmp_path: Path, said: str) -> None:
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\n{said}\n")
    fake.chmod(0o755)
    with pytest.raises(EnvironmentFailure, match="python"):
        environment.given(str(fake), Subject("one"))
    (found,) = survey([Subject("one", install=("x",))], str(fake)).values()
    assert "python" in str(found)


def test_an_interpreter_is_found_where_pyenv_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its shim is on the path, and fails where that version is not switched on."""
    shims, kept = tmp_path / "shims", tmp_path / "versions" / "9.9.1" / "bin"
    for folder, text in ((shims, "exit 127"), (kept, f'exec {sys.executable} "$@"')):
        folder.mkdir(parents=True)
        (folder / "python9.9").write_text(f"#!/bin/sh\n{text}\n")
        (folder / "python9.9").chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert interpreter(Subject("one", python="python9.9")) == str(kept / "python9.9")
    (kept / "python9.9").unlink()
    with pytest.raises(EnvironmentFailure, match=r"not installed here: python9\.9"):
        interpreter(Subject("one", python="python9.9"))


def test_the_command_line_says_what_takes_so_long(cache: Path, thing: str, tmp_path: Path) -> None:
    """In a pipe it is one line, however many the tool writes."""
    file = tmp_path / "mine.toml"
    command = ["{python}", "-c", "import sys; sys.exit('ended, {port}')"]
    file.write_text(f'name = "mine"\ninstall = ["{thing}"]\ncommand = {json.dumps(command)}\n')
    words = ["run", str(file), "--isolated", "--timeout-scale", "0.1"]
    done = subprocess.run(
        [sys.executable, "-m", "conformance", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "it ended with status 1 before it answered" in done.stdout
    said = done.stderr.splitlines()
    assert said[0] == f"mine: installing {thing}"
    assert not any("installing" in line for line in said[1:])
