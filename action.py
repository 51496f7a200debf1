"""What action.yml runs: installs the suite from its own checkout, judges, says what came of it.

Reads inputs from INPUT_*, writes outputs to $GITHUB_OUTPUT, and needs the standard library alone.
What judges servers gets an environment of its own, so that a server sees its own requirements and
not ours; what imports an application goes where that is installed.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

COMMANDS = ("run", "app", "middleware", "bridges", "frameworks", "report")
# These import what they judge; the others start it, or only read.
IN_PROCESS = ("app", "middleware", "bridges")
FILES = {
    "results": ("--json", "results.json"),
    "html": ("--html", "report.html"),
    "markdown": ("--markdown", "summary.md"),
    "junit": ("--junit", "junit.xml"),
}


def read(name: str) -> str:
    """Return an input."""
    return os.environ.get(f"INPUT_{name}", "").strip()


def install(command: str, python: str) -> str:
    """Install the suite from where this file is; return the interpreter that now has it."""
    here = str(Path(__file__).resolve().parent)
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    if command in IN_PROCESS:
        subprocess.run([python, *pip, here], check=True)
        return python
    place = Path(os.environ.get("RUNNER_TEMP") or ".").resolve() / "wsgi-conformance-venv"
    subprocess.run([python, "-m", "venv", str(place)], check=True)
    own = str(place / "bin" / "python")
    subprocess.run([own, *pip, here], check=True)
    return own


def command_line(command: str, python: str, folder: Path) -> list[str]:
    """Return the words behind ``wsgi-conformance``."""
    given = shlex.split(read("ARGUMENTS"))
    words = [command, *given, "--github", "--fail-on", read("FAIL_ON") or "must"]
    for option, file in FILES.values():
        words += [option, str(folder / file)]
    if read("BASELINE"):
        words += ["--baseline", read("BASELINE")]
    if read("EDITION"):
        words += ["--edition", read("EDITION")]
    if command == "run" and not {"--python", "--isolated"} & set(given):
        words += ["--python", python]
    return words


def counts(junit: Path) -> dict[str, int]:
    """Return the numbers that outputs tell, as the JUnit file has them."""
    told = {"unexpected": 0, "expected": 0, "stale": 0}
    if junit.is_file():
        for case in ET.parse(junit).getroot().iter("testcase"):
            for problem in case:
                if problem.get("type") == "stale":
                    told["stale"] += 1
                elif problem.tag in ("failure", "error"):
                    told["unexpected"] += 1
                elif problem.get("type") == "expected failure":
                    told["expected"] += 1
    return told


def put(values: dict[str, object]) -> None:
    """Write outputs, one a line."""
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    target = os.environ.get("GITHUB_OUTPUT")
    if not target:
        print(lines, end="")
        return
    with Path(target).open("a", encoding="utf-8") as file:
        file.write(lines)


def wrong(why: str) -> int:
    """Say what is wrong with the inputs, as an annotation."""
    print(f"::error title=wsgi-conformance::{why}")
    put({"exit-code": 2})
    return 2


def main() -> int:
    """Install, judge, tell; return the exit code of the command."""
    command, python = read("COMMAND") or "run", read("PYTHON") or sys.executable
    if command not in COMMANDS:
        return wrong(f"command is none of {', '.join(COMMANDS)}")
    folder = Path(read("DIRECTORY") or "wsgi-conformance")
    if "\n" in str(folder):
        return wrong("directory is one line")
    try:
        shlex.split(read("ARGUMENTS"))
        folder.mkdir(parents=True, exist_ok=True)
    except ValueError:
        return wrong("arguments has a quotation mark too many or too few")
    except OSError as error:
        return wrong(f"directory cannot be made, {error.strerror}")
    # What an earlier step left there would be taken for what came of this one.
    for _, file in FILES.values():
        (folder / file).unlink(missing_ok=True)
    program = subprocess.run(
        [python, "-c", "import sys; print(sys.executable)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    own = install(command, program)
    words = command_line(command, program, folder)
    code = subprocess.run([own, "-m", "conformance", *words], check=False).returncode
    written = {
        name: folder / file for name, (_, file) in FILES.items() if (folder / file).is_file()
    }
    put({"exit-code": code, "directory": folder, **written, **counts(folder / "junit.xml")})
    return code


if __name__ == "__main__":
    sys.exit(main())
