"""``wsgi-conformance payload`` and ``run --attach``: a server that somebody else starts."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance.cli.exits import CLEAN, UsageError
from conformance.cli.suite import load_suite
from conformance.harness.attached import Attachment, claimed
from conformance.harness.launcher import PLANTED
from conformance.harness.payload import check_payload, keep_payload, write_payload
from conformance.roster import NAME, Subject

__all__ = ["add_commands", "add_options", "attachment_of", "claim", "subject_of"]

INSTRUCTIONS = """\
written: {directory}

Start your server with this directory on its path, and have it serve probe:app, such as

  PYTHONPATH={quoted} my-server --bind 127.0.0.1:8000 probe:app

then judge it, as often as you like:

  wsgi-conformance run --attach 127.0.0.1:8000 --payload {quoted}

A few rules are put to the test better where the server's environment holds, too,

  {planted}

and --log FILE names the file that its standard streams go to. In a container, mount the directory
at any place, publish the port under its own number, and give --control the address at which the
container reaches this machine.
"""


def add_commands(commands: Any) -> None:
    """Add ``payload`` to the parser."""
    parser = commands.add_parser(
        "payload",
        help="write what a server that you start yourself has to serve",
        description="Write the application under test, with all it imports, into a directory, and "
        "say how to point a server at it: one in a container, under a debugger, or with a "
        "configuration that no file describes. Then see run --attach.",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="a new one, or an old payload")
    parser.add_argument(
        "--probes",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="also the probes of this directory; name it to run as well",
    )
    parser.set_defaults(command=payload)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add to ``run`` what attaching takes."""
    group = parser.add_argument_group(
        "a server that runs already",
        "It is neither started nor stopped. One that hangs cannot be started anew: while it still "
        "answers the run goes on, else it ends with the verdicts there are.",
    )
    group.add_argument("--attach", metavar="HOST:PORT", help="judge the server that listens there")
    group.add_argument(
        "--payload", type=Path, metavar="DIR", help="what it serves, from wsgi-conformance payload"
    )
    group.add_argument("--name", metavar="N", help="what to call it in results (attached)")
    group.add_argument(
        "--log", type=Path, metavar="FILE", help="the file that its standard streams go to"
    )
    group.add_argument(
        "--control",
        metavar="ADDRESS",
        help="address of this machine at which its application reaches us (127.0.0.1)",
    )


def payload(options: argparse.Namespace) -> int:
    """Write a payload and say what to do with it.

    Errors:
        UsageError, PayloadError: it cannot be written there, or a probe is wrong.
    """
    suite = load_suite(options.probes)
    directory = keep_payload(options.directory.absolute(), suite.folders)
    planted = " ".join(f"{name}={shlex.quote(value)}" for name, value in PLANTED.items())
    quoted = shlex.quote(str(directory))
    print(INSTRUCTIONS.format(directory=directory, quoted=quoted, planted=planted), end="")
    return CLEAN


def attachment_of(options: argparse.Namespace, folders: Sequence[Path]) -> Attachment | None:
    """Return what ``run`` is to be attached to, None where it starts servers itself.

    Args:
        folders: directories of the run's probes.

    Errors:
        UsageError: options that do not go together, or a wrong address. PayloadError: a directory
        that is not what the run needs.
    """
    if options.attach is None:
        for name in ("payload", "name", "log", "control"):
            if getattr(options, name) is not None:
                raise UsageError(f"--{name} goes with --attach HOST:PORT")
        return None
    if options.payload is None:
        raise UsageError(
            "--attach needs --payload DIR, the directory that the server has loaded; "
            "wsgi-conformance payload DIR writes one"
        )
    for name, given in (
        ("a server to start", options.servers),
        ("--isolated", options.isolated),
        ("--python", options.python),
    ):
        if given:
            raise UsageError(f"{name} does not go with --attach: that server runs already")
    directory = options.payload.absolute()
    with tempfile.TemporaryDirectory(prefix="wsgi-conformance-") as scratch:
        digest = check_payload(directory, write_payload(Path(scratch) / "payload", folders))
    return Attachment(
        _address(options.attach), directory, digest, options.log, options.control or "127.0.0.1"
    )


def _address(text: str) -> tuple[str, int]:
    """Return host and port.

    Errors:
        UsageError: not an address, or not one of IPv4.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise UsageError(f"--attach {text}: not HOST:PORT, such as 127.0.0.1:8000")
    try:
        found = socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"--attach {text}: no address of IPv4: {why}") from error
    address = found[0][4]
    return str(address[0]), int(address[1])


def subject_of(options: argparse.Namespace) -> Subject:
    """Return the server that is attached to, by the name that it is given.

    Errors:
        UsageError: a name that is none.
    """
    name = options.name or "attached"
    if not NAME.fullmatch(name):
        raise UsageError(f"--name {name}: not lower-case-with-hyphens")
    return Subject(name=name, title=f"{name} at {options.attach}")


def claim(attachment: Attachment | None) -> contextlib.AbstractContextManager[None]:
    """Return what holds an attachment's payload for the time of a run."""
    return contextlib.nullcontext() if attachment is None else claimed(attachment.payload)
