"""Twins of the rules about wsgi.multithread, wsgi.multiprocess and wsgi.run_once."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, ClassVar

from conformance.reference import Connection, Gateway, Server
from conformance.reference.streams import Input
from conformance.reference.twins import bad_twin, good_twin

ONE_AT_A_TIME = threading.Lock()


@bad_twin("thread-multithread-true")
class DeniesThreads(Gateway):
    """wsgi.multithread is false, though every connection has a thread."""

    multithread = False


class OneAtATime(Gateway):
    def run(self) -> None:
        with ONE_AT_A_TIME:
            super().run()


@good_twin("thread-multithread-true", "thread-multithread-false", "thread-server-dependent")
class SerialAndSaysSo(OneAtATime):
    """One call at a time, and wsgi.multithread is false."""

    multithread = False


@bad_twin("thread-multithread-false")
class SerialAndPromisesThreads(OneAtATime):
    """One call at a time, and wsgi.multithread is true."""


ONE_ENVIRON: dict[str, Any] = {}


@bad_twin("environ-mutation-not-leaked", also=("environ-input-present",))
class SharesOneEnviron(Gateway):
    """All calls get the same dict, made anew for each: it shows only where they overlap."""

    def environ(self) -> dict[str, Any]:
        made = super().environ()
        ONE_ENVIRON.clear()
        ONE_ENVIRON.update(made)
        return ONE_ENVIRON


class LastInput(Input):
    """Reads from whatever request came last."""

    last: Any = None

    def __init__(self, receive: Callable[[], bytes]) -> None:
        super().__init__(receive)
        type(self).last = self

    def read(self, size: int | None = -1) -> bytes:
        return Input.read(self.last, size)


@bad_twin("environ-input-present")
class ReadsTheLastBody(Gateway):
    """wsgi.input gives the body of the request that came last."""

    input_class = LastInput


@bad_twin("thread-multiprocess-false")
class PromisesProcesses(Gateway):
    """There is one process, and wsgi.multiprocess is true: only shown."""

    multiprocess = True


class ForkingConnection(Connection):
    flags: ClassVar[dict[str, bool]]

    def __init__(self, server: Server, sock: socket.socket) -> None:
        super().__init__(server, sock)
        self.base = server.gateway_class
        self.server = Server.__new__(Server)
        vars(self.server).update(vars(server))
        self.server.gateway_class = type("Forked", (self.base,), {**self.flags})

    def run(self) -> None:
        child = os.fork()
        if child == 0:
            try:
                super().run()
            finally:
                os._exit(0)
        with contextlib.closing(self.sock):
            os.waitpid(child, 0)


@good_twin(
    "thread-multiprocess-true",
    "thread-multithread-false",
    "environ-run-once-true",
    "app-called-repeatedly",
)
class ForksAndSaysSo(ForkingConnection):
    """Each connection has a process of its own, and the flags say so."""

    flags: ClassVar = {"multithread": False, "multiprocess": True, "run_once": True}


@bad_twin("thread-multiprocess-true")
class DeniesProcesses(ForkingConnection):
    """Each connection has a process of its own, and wsgi.multiprocess is false."""

    flags: ClassVar = {"multithread": False, "multiprocess": False, "run_once": True}


@bad_twin("environ-run-once-true")
class DeniesRunOnce(ForkingConnection):
    """Each connection has a process of its own, and wsgi.run_once is false."""

    flags: ClassVar = {"multithread": False, "multiprocess": True, "run_once": False}
