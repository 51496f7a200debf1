"""``python -m conformance.reference.fastcgi``: an application behind FastCGI."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from conformance.reference.fastcgi import Worker
from conformance.reference.loading import LoadError, load_application

__all__ = ["main"]

PROGRAM = "python -m conformance.reference.fastcgi"
DESCRIPTION = """\
Serve a WSGI application over FastCGI: one request at a time, the strict reading of PEP 3333 that
the reference server has. The front that connects to it speaks HTTP with the clients: nginx,
lighttpd, Apache, or servers/node/front.js, which starts as many of these as it is told to.
"""
EPILOG = """\
SIGTERM and SIGINT: the request in hand is finished, then it ends.

behind nginx:
  location / {
      include fastcgi_params;
      fastcgi_param SCRIPT_NAME "";
      fastcgi_pass unix:/run/site.sock;
  }
"""
NO_LISTENER = "no listening socket; --socket PATH makes one"
WRONG_USE = 2
GRACE = 10.0
"""Seconds that a request may still take when the front is gone."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, serve, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("application", metavar="MODULE:ATTR")
    parser.add_argument(
        "--socket",
        type=Path,
        metavar="PATH",
        help="unix socket to listen at; without it, the listening socket that standard input is",
    )
    parser.add_argument(
        "--multiprocess", action="store_true", help="other processes serve the same application"
    )
    parser.add_argument(
        "--ready-fd", type=int, metavar="N", help="descriptor to write a line to once it listens"
    )
    parser.add_argument(
        "--follow-stdin", action="store_true", help="end when standard input ends: with its front"
    )
    options = parser.parse_args(arguments)
    try:
        return serve(options)
    except LoadError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
    except OSError as error:
        print(f"{PROGRAM}: {where(options)}: {error.strerror}", file=sys.stderr)
    return WRONG_USE


def where(options: argparse.Namespace) -> str:
    """Return what the command listens at, for people."""
    return str(options.socket or "standard input")


def serve(options: argparse.Namespace) -> int:
    """Serve until told to stop.

    Errors:
        LoadError: no such application. OSError: the address cannot be listened at.
    """
    application = load_application(options.application)
    front_gone = threading.Event()
    listener = listen(options.socket) if options.socket else inherited()
    try:
        worker = Worker(application, listener, options.multiprocess)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        if options.follow_stdin:
            follow(leave_stdin(), worker, front_gone)
        if options.ready_fd is not None:
            os.write(options.ready_fd, b"ready\n")
            os.close(options.ready_fd)
        worker.run()
    finally:
        if options.socket:
            options.socket.unlink(missing_ok=True)
            if front_gone.is_set():
                # Its own directory for its sockets, which it may not have been left the time for.
                with contextlib.suppress(OSError):
                    options.socket.parent.rmdir()
    return 0


def listen(path: Path) -> socket.socket:
    """Listen at a unix socket; one that nobody listens at any more is replaced.

    Errors:
        OSError: something else is there.
    """
    listener = socket.socket(socket.AF_UNIX)
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)):
                path.unlink()
    listener.bind(str(path))
    listener.listen(128)
    return listener


def inherited() -> socket.socket:
    """Return standard input as the listening socket that a process manager left there.

    Errors:
        OSError: it is none.
    """
    try:
        listener = socket.socket(fileno=os.dup(0))
        if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return listener
    except OSError as error:
        raise OSError(error.errno, NO_LISTENER) from error
    listener.close()
    raise OSError(errno.EINVAL, NO_LISTENER)


def leave_stdin() -> int:
    """Return a descriptor of standard input that is our own; the application gets an empty one."""
    own = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    return own


def follow(descriptor: int, worker: Worker, gone: threading.Event) -> None:
    """Stop the worker when a descriptor ends, and the process if a request then takes too long.

    Args:
        gone: set when the descriptor has ended.
    """

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(descriptor, 4096):
                pass
        gone.set()
        worker.stop()
        time.sleep(GRACE)  # ends with the process
        os._exit(1)

    threading.Thread(target=watch, name="front watch", daemon=True).start()
