"""``wsgi-conformance serve``: the reference server by hand."""

from __future__ import annotations

import argparse
from typing import Any

from conformance.cli.exits import CLEAN, UsageError
from conformance.reference.__main__ import serve as serve_application

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "serve",
        help="serve an application with the reference server",
        description="Serve an application with the reference server, an executable reading of PEP "
        "3333. It is strict and small and not meant for production.",
    )
    parser.add_argument("application", metavar="MODULE:ATTR")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to bind (8000)")
    parser.set_defaults(command=serve)


def serve(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    try:
        serve_application(options.application, options.host, options.port)
    except ValueError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        where = f"{options.host}:{options.port}"
        raise UsageError(f"cannot listen on {where}: {error.strerror}") from error
    return CLEAN
