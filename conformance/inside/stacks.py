"""Makes the interpreter tell where its threads stand, when the harness asks for it by a signal.

``faulthandler`` writes the stacks from within a signal handler in C, so that they are told also by
a process whose threads wait for each other. Whatever is not sure to be harmless is left alone:
other interpreters than CPython, those that live inside another program, and every signal that
somebody has a use for.
"""

import json
import os
import signal
import socket
import sys
import time
from typing import Any, Dict, Optional

__all__ = ["stand_by"]

# Modules that exist only where another program has the say over signals.
EMBEDDED = ("uwsgi", "mod_wsgi", "_mod_wsgi", "apache", "unit")
# How many of the last real-time signals to look at for a free one.
TRIED = 8

# Per process: the descriptor that stacks are written to; -1 where there is none.
_standing: Dict[int, int] = {}


def stand_by(session: Dict[str, Any]) -> None:
    """Get ready to tell the harness where the threads stand; once in each process.

    Nothing is raised and nothing written, whatever goes wrong: it is a service, and a server can be
    judged without it.
    """
    process = os.getpid()
    if process in _standing:
        return
    _forget_parents()
    _standing[process] = -1
    try:
        number = _free_signal()
        if number is not None:
            _standing[process] = _register(session, process, number)
    except Exception:
        return


def _forget_parents() -> None:
    """Close what a fork has brought along: it belongs to the process that was forked."""
    for descriptor in _standing.values():
        if descriptor >= 0:
            try:
                os.close(descriptor)
            except OSError:
                continue
    _standing.clear()


def _free_signal() -> Optional[int]:
    """Return a real-time signal that nobody handles, ignores or blocks, or None."""
    if sys.implementation.name != "cpython" or any(name in sys.modules for name in EMBEDDED):
        return None
    # Handlers that are not Python's show only here; without it no signal is sure to be free.
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        told = dict(line.split(":", 1) for line in file if ":" in line)
    taken = int(told["SigCgt"], 16) | int(told["SigIgn"], 16) | int(told["SigBlk"], 16)
    last = int(signal.SIGRTMAX)
    for number in range(last - 1, last - 1 - TRIED, -1):
        if not taken >> (number - 1) & 1 and signal.getsignal(number) == signal.SIG_DFL:
            return number
    return None


def _register(session: Dict[str, Any], process: int, number: int) -> int:
    """Connect to the harness, and have the stacks written to that connection."""
    import faulthandler

    connection = socket.create_connection((session["host"], session["port"]), 5)
    connection.setblocking(True)
    data = {"token": session["token"], "process": process, "signal": number}
    line = json.dumps({"t": time.monotonic(), "kind": "standby", "data": data})
    connection.sendall(line.encode("ascii") + b"\n")
    # Detached: a socket object would warn of itself in the server's log when all is over.
    descriptor = connection.detach()
    faulthandler.register(number, file=descriptor, all_threads=True, chain=False)
    return descriptor
