"""``python -m conformance.reference MODULE:ATTR``: the reference server, or a twin of it."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from conformance.reference.server import Server
from conformance.reference.twins import load_twin

__all__ = ["import_application", "main"]


def import_application(spec: str) -> Any:
    """Return the object that ``MODULE:ATTR`` names, looking in the working directory first.

    Errors:
        ValueError: not of that form. Whatever the user's module raises is passed on.
    """
    module, colon, attribute = spec.partition(":")
    if not (module and colon and attribute):
        raise ValueError(f"{spec!r} is not of the form MODULE:ATTR, such as myproject.wsgi:app")
    sys.path.insert(0, "")
    found: Any = importlib.import_module(module)
    for name in attribute.split("."):
        found = getattr(found, name)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m conformance.reference", description=__doc__)
    parser.add_argument("application", metavar="MODULE:ATTR")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--twin", metavar="FILE:NAME", help="serve through a twin instead")
    options = parser.parse_args(arguments)
    classes: dict[str, Any] = load_twin(options.twin).classes() if options.twin else {}
    server = Server(import_application(options.application), options.host, options.port, **classes)
    print("serving on http://{}:{}/".format(*server.address), file=sys.stderr, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.close()


if __name__ == "__main__":
    main()
