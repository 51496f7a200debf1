"""``python -m conformance.reference MODULE:ATTR``: the reference server, or a twin of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from conformance.reference.loading import load_application
from conformance.reference.server import Server
from conformance.reference.twins import load_twin

__all__ = ["main", "serve"]


def serve(spec: str, host: str, port: int, twin: str | None = None) -> None:
    """Serve an application until interrupted.

    Args:
        spec: ``MODULE:ATTR``.
        twin: ``FILE:NAME`` of a twin to serve through.

    Errors:
        LoadError: no such application. OSError: the address cannot be listened on.
    """
    application = load_application(spec)
    classes: dict[str, Any] = load_twin(twin).classes() if twin else {}
    server = Server(application, host, port, **classes)
    print("serving on http://{}:{}/".format(*server.address), file=sys.stderr, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m conformance.reference", description=__doc__)
    parser.add_argument("application", metavar="MODULE:ATTR")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--twin", metavar="FILE:NAME", help="serve through a twin instead")
    options = parser.parse_args(arguments)
    try:
        serve(options.application, options.host, options.port, options.twin)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
