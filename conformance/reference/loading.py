"""The user's application, imported as the user's own server would."""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Any

__all__ = ["LoadError", "load_application"]


class LoadError(ValueError):
    """There is no such application; the message holds the user's own part of a traceback."""


def load_application(spec: str) -> Any:
    """Return the object that ``MODULE:ATTR`` names, looking in the working directory first.

    Errors:
        LoadError: not of that form, not there, or the user's module failed.
    """
    module, colon, attribute = spec.partition(":")
    if not (module and colon and attribute):
        raise LoadError(f"{spec!r} is not of the form MODULE:ATTR, such as myproject.wsgi:app")
    sys.path.insert(0, "")
    try:
        found: Any = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise LoadError(f"{spec}: cannot be imported: {users_part(error)}") from error
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise LoadError(f"{spec}: {module} has no {attribute}")
        found = getattr(found, name)
    return found


def users_part(error: BaseException) -> str:
    """Return what went wrong in a user's module: the message alone, or with where it came from."""
    told = traceback.TracebackException.from_exception(error)
    frames = [frame for frame in told.stack if "importlib" not in frame.filename]
    lines = "".join(told.format_exception_only()).strip()
    # The first frame is this module's own.
    where = "".join(traceback.format_list(frames[1:]))
    return f"{lines}\n{where.rstrip()}" if where else lines
