"""``python -m conformance.reference MODULE:ATTR``: the reference server, or a twin of it."""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from conformance.reference.server import Server
from conformance.reference.twins import load_twin

__all__ = ["import_application", "main", "serve"]


def import_application(spec: str) -> Any:
    """Return the object that ``MODULE:ATTR`` names, looking in the working directory first.

    Errors:
        ValueError: not of that form, not there, or the user's module failed; the message then
            holds the user's own part of the traceback.
    """
    module, colon, attribute = spec.partition(":")
    if not (module and colon and attribute):
        raise ValueError(f"{spec!r} is not of the form MODULE:ATTR, such as myproject.wsgi:app")
    sys.path.insert(0, "")
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:
        raise ValueError(f"{spec}: cannot be imported: {users_part(error)}") from error
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise ValueError(f"{spec}: {module} has no {attribute}")
        found = getattr(found, name)
    return found


def users_part(error: Exception) -> str:
    """Return what went wrong in a user's module: the message alone, or with where it came from."""
    told = traceback.TracebackException.from_exception(error)
    frames = [frame for frame in told.stack if "importlib" not in frame.filename]
    lines = "".join(told.format_exception_only()).strip()
    # The first frame is this module's own.
    where = "".join(traceback.format_list(frames[1:]))
    return f"{lines}\n{where.rstrip()}" if where else lines


def serve(spec: str, host: str, port: int, twin: str | None = None) -> None:
    """Serve an application until interrupted.

    Args:
        spec: ``MODULE:ATTR``.
        twin: ``FILE:NAME`` of a twin to serve through.

    Errors:
        ValueError: no such application. OSError: the address cannot be listened on.
    """
    application = import_application(spec)
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
