"""The payload: the standard library is all it needs, on every interpreter a server may run on."""

from __future__ import annotations

import ast
import functools
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import rules
from conformance.harness.environment import given
from conformance.harness.loop import Loop
from conformance.harness.payload import write_payload, write_session
from conformance.harness.runner import Options, rules_of, run_subject
from conformance.paths import PACKAGE, PROBES
from conformance.probing import load_probes
from conformance.roster import load_roster

INTERPRETERS = ("python3.8", "python3.9", "python3.10", "python3.11", "python3.12", "python3.13",
                "python3.14", "pypy3")  # fmt: skip
INSIDE = [
    PACKAGE / "__init__.py",
    *(PACKAGE / "checks").glob("*.py"),
    PACKAGE / "probing.py",
    *(PACKAGE / "inside").glob("*.py"),
    *PROBES.glob("*.py"),
]
OURS = ("conformance.inside", "conformance.probing", "conformance.checks")
# Imports the application as a server does, loads all probes, and says what came along.
SCRIPT = """
import json, sys
payload = sys.argv[1]
sys.path.insert(0, payload)
before = set(sys.modules)
import probe
from conformance.probing import load_probes
probes = load_probes(payload + "/probes")
came = sorted(set(sys.modules) - before)
files = sorted({getattr(sys.modules[name], "__file__", None) or "" for name in came} - {""})
print(json.dumps([callable(probe.app), sorted(probes), came, files]))
"""
PROBE = '''
from conformance.probing import probe, request


@probe("input-read-semantics")
def reads(environ, start_response):
    """The body."""
    inside = environ["conformance.inside"]
    inside.attempt("body", environ["wsgi.input"].read, 5)
    start_response("200 OK", [])
    return inside.iterable([b"one", b"two"])


@reads.client
def _(client, verify):
    seen = client.exchange(request("POST", body=b"hello"))
    verify("input-read-semantics").equal(seen.notes["body"], b"hello")
    verify("input-read-semantics").true(client.wait_closed(seen.call), "close()", "none")
'''


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    made = write_payload(tmp_path / "payload")
    write_session(made, ("127.0.0.1", 1), "token")
    return made


@functools.cache
def found(name: str) -> str | None:
    """Return an interpreter that runs, from the path or from where pyenv keeps them."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [shutil.which(name), *sorted(root.glob(f"versions/*/bin/{name}"))]
    for candidate in filter(None, candidates):
        words = [str(candidate), "-c", "import sys; print(sys.executable)"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.strip()
    return None


@pytest.fixture(params=INTERPRETERS)
def python(request: pytest.FixtureRequest) -> str:
    interpreter = found(request.param)
    if interpreter is None:
        pytest.skip(f"{request.param} is not installed here")
    return interpreter


def loaded(python: str, payload: Path) -> tuple[list[str], list[str]]:
    """Load a payload without any site-packages; return its probes and the files of its modules."""
    done = subprocess.run(
        [python, "-I", "-S", "-W", "error", "-c", SCRIPT, str(payload)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    is_callable, probes, modules, files = json.loads(done.stdout)
    assert is_callable
    ours = [name for name in modules if name.partition(".")[0] == "conformance"]
    assert all(name == "conformance" or name.startswith(OURS) for name in ours), ours
    return probes, files


def test_standard_library_alone(payload: Path) -> None:
    probes, files = loaded(sys.executable, payload)
    assert probes == sorted(load_probes(str(PROBES)))
    library = Path(os.__file__).parent
    for file in files:
        assert file.startswith((str(payload), str(library))), file
        assert "site-packages" not in file


def test_every_interpreter_loads_it(payload: Path, python: str) -> None:
    probes, _ = loaded(python, payload)
    assert probes == sorted(load_probes(str(PROBES)))


def test_every_interpreter_plays_it(tmp_path: Path, python: str) -> None:
    """From the call to ``close()``, under the server of the standard library."""
    folder = tmp_path / "probes"
    folder.mkdir()
    (folder / "one.py").write_text(PROBE)
    probes = load_probes(str(folder))
    options = Options(probes, rules.load(), rules_of(probes.values()), (folder,))
    subject = load_roster()["wsgiref"]
    loop = Loop()
    try:
        result = run_subject(subject, given(python, subject), options, loop).result
    finally:
        loop.close()
    assert result.started, result.failure
    played = [verdict for verdict in result.verdicts if verdict.probe == "one.reads"]
    assert [(verdict.outcome, verdict.observed) for verdict in played] == [("pass", "b'hello'")]


def imports(path: Path) -> Iterator[str]:
    """Yield the names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A sibling is looked at by itself, being in the same directory.
            if not node.level:
                yield node.module or ""
            else:
                assert (path.parent / f"{node.module}.py").exists(), f"{path}: .{node.module}"


@pytest.mark.parametrize("path", INSIDE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_imports(path: Path) -> None:
    # The face of the package names what it imports only when that is asked for.
    ours = (*OURS, "conformance") if path == PACKAGE / "__init__.py" else OURS
    for name in imports(path):
        assert name.startswith(ours) or name.partition(".")[0] in sys.stdlib_module_names, name


def test_others_can_read_it(payload: Path) -> None:
    """Servers drop privileges between their start and the import."""
    for path in (payload, *payload.rglob("*")):
        mode = path.stat().st_mode
        assert mode & stat.S_IROTH, path
        assert mode & stat.S_IXOTH or not path.is_dir(), path


def test_others_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        made = write_payload(tmp_path / "payload")
        write_session(made, ("127.0.0.1", 1), "token")
    finally:
        os.umask(before)
    test_others_can_read_it(made)


def test_what_is_in_it(payload: Path) -> None:
    assert sorted(path.name for path in payload.iterdir()) == [
        "conformance",
        "probe.py",
        "probes",
        "session.json",
    ]
    assert {path.name for path in PROBES.glob("*.py")} == {
        path.name for path in (payload / "probes").iterdir()
    }
    assert json.loads((payload / "session.json").read_text()) == {
        "host": "127.0.0.1",
        "port": 1,
        "token": "token",
    }
    assert not list(payload.rglob("*.toml"))


def test_later_probes_win(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "own.py").write_text(f"# {name}")
    made = write_payload(tmp_path / "payload", [tmp_path / "first", tmp_path / "second"])
    assert (made / "probes" / "own.py").read_text() == "# second"
