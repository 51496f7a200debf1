"""``wsgi-conformance serve``: the reference server by hand."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from typing import Any

from conformance.cli.exits import CLEAN, UsageError
from conformance.cli.run import positive
from conformance.paths import SERVERS
from conformance.reference.__main__ import serve as serve_application

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "serve",
        help="serve an application with the reference server",
        description="Serve an application with the reference server, an executable reading of PEP "
        "3333. It is strict and small and not meant for production. With --node, Node.js speaks "
        "HTTP instead, and the gateway runs the application in processes of its own.",
    )
    parser.add_argument("application", metavar="MODULE:ATTR")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to bind (8000)")
    parser.add_argument(
        "--node", action="store_true", help="serve with Node.js, which has to be installed"
    )
    parser.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="with --node: processes that run the application (one for each processor)",
    )
    parser.set_defaults(command=serve)


def serve(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    if options.node:
        serve_with_node(options)
    if options.workers:
        raise UsageError("--workers: the reference server is one process; --node has workers")
    try:
        serve_application(options.application, options.host, options.port)
    except ValueError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        where = f"{options.host}:{options.port}"
        raise UsageError(f"cannot listen on {where}: {error.strerror}") from error
    return CLEAN


def serve_with_node(options: argparse.Namespace) -> None:
    """Become the Node.js front, with this interpreter for the application.

    Errors:
        UsageError: there is no Node.js.
    """
    node = shutil.which("node")
    if node is None:
        raise UsageError("--node: no program node; on Debian: apt-get install nodejs")
    words = ["--host", options.host, "--port", str(options.port), "--python", sys.executable]
    if options.workers:
        words += ["--workers", str(options.workers)]
    front = str(SERVERS / "node" / "front.js")
    os.execv(node, [node, front, *words, options.application])
