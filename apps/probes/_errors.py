"""What the probes of start_response with exc_info share: going wrong, and starting anew."""

import sys

TYPE = ("Content-Type", "text/plain")


class Trapped(Exception):
    """What goes wrong inside these applications."""


def fail():
    """Go wrong in a frame of its own, to be found again in a traceback."""
    raise Trapped("trapped by the application")


def restart(inside, start_response, name, status, fields):
    """Start an error response as an error handler does; note whether that was refused."""
    try:
        fail()
    except Trapped:
        try:
            write = start_response(status, fields, sys.exc_info())
        except BaseException as error:
            inside.note(**{name: "raised " + type(error).__name__ + ": " + str(error)})
            # The PEP forbids trapping it.
            raise
        inside.note(**{name: "returned"})
    return write
