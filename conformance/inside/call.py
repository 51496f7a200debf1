"""One call of the application by the server, as told to the harness over the control channel."""

import json
import socket
import sys
import time
from typing import Any, Callable, Dict, Iterable

from conformance.inside.snapshot import Raised, encode, encode_callable

__all__ = ["Call", "HarnessGone", "Inside", "RecordedIterable"]


class HarnessGone(RuntimeError):
    """The harness does not answer: the run is over, or the session file is a stale one."""


class Call:
    """The control connection of one call: events out, and now and then an answer in.

    Args:
        session: ``host``, ``port`` and ``token`` of the harness, as read from the session file.

    Errors:
        HarnessGone: nobody listens, or the connection ended.
    """

    def __init__(self, session: Dict[str, Any]) -> None:
        try:
            self.socket = socket.create_connection((session["host"], session["port"]))
        except OSError as error:
            raise HarnessGone("no harness at {host}:{port}".format(**session)) from error
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def tell(self, kind: str, **data: Any) -> None:
        """Send one event, stamped with this machine's monotonic clock."""
        line = json.dumps({"t": time.monotonic(), "kind": kind, "data": data})
        try:
            self.socket.sendall(line.encode("ascii") + b"\n")
        except OSError as error:
            raise HarnessGone(str(error)) from error

    def __del__(self) -> None:
        # Closed without a ResourceWarning in the server's log.
        if hasattr(self, "socket"):
            self.socket.close()

    def answer(self) -> Any:
        """Wait for one line from the harness and return what it says."""
        while b"\n" not in self.buffer:
            try:
                more = self.socket.recv(65536)
            except OSError as error:
                raise HarnessGone(str(error)) from error
            if not more:
                raise HarnessGone("the harness hung up")
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line.decode("ascii"))


class RecordedIterable:
    """An iterator over blocks that reports each step, for a probe to return to the server.

    Args:
        call: where the steps are told.
        blocks: what to yield.
    """

    def __init__(self, call: Call, blocks: Iterable[bytes]) -> None:
        self.call = call
        self.blocks = iter(blocks)
        call.tell("iterable")

    def __iter__(self) -> "RecordedIterable":
        return self

    def __next__(self) -> bytes:
        self.call.tell("next")
        try:
            block = next(self.blocks)
        except StopIteration:
            self.call.tell("exhausted")
            raise
        except BaseException as error:
            self.call.tell("iteration-raised", error=describe(error))
            raise
        self.call.tell("block", length=len(block))
        return block

    def close(self) -> None:
        """Report that the server called close()."""
        self.call.tell("close")


class Inside:
    """What a probe's application finds under ``conformance.inside`` in its environ.

    Attributes:
        parameters: what the client half passed to ``client.exchange(..., name=value)``.
    """

    def __init__(self, call: Call, parameters: Dict[str, Any]) -> None:
        self.call = call
        self.parameters = parameters

    def note(self, **values: Any) -> None:
        """Tell the client half something under a name, any object at all."""
        self.call.tell("note", values={name: encode(value) for name, value in values.items()})

    def attempt(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function and note its result, or the exception it ended in.

        Returns:
            The result, or None after an exception.
        """
        try:
            result = function(*arguments)
        except Exception as error:
            self.note(**{name: Raised(type(error).__name__, str(error))})
            return None
        self.note(**{name: result})
        return result

    def gate(self, name: str) -> Any:
        """Wait here until the client half opens the gate; return what it passes."""
        self.call.tell("gate", name=name)
        return self.call.answer()

    def event(self, kind: str, **data: Any) -> None:
        """Put an event of the probe's own on the timeline."""
        self.call.tell("probe-" + kind, **{name: encode(value) for name, value in data.items()})

    def iterable(self, blocks: Iterable[bytes]) -> RecordedIterable:
        """Wrap blocks in an iterator with close() that reports every step."""
        return RecordedIterable(self.call, blocks)


def describe(error: BaseException) -> str:
    """Return type and message of an exception, bounded, whatever its ``__str__`` does."""
    try:
        return f"{type(error).__name__}: {error}"[:300]
    except Exception:
        return f"{type(error).__name__} that cannot be printed"


class RecordedStartResponse:
    """Passes each call on to the server's start_response and reports how it went.

    The arguments are passed as the probe gave them, by position. Nothing of ``exc_info`` is kept.
    """

    def __init__(self, call: Call, start_response: Callable[..., Any]) -> None:
        self.call = call
        self.start_response = start_response

    def __call__(self, *arguments: Any) -> Any:
        given = [encode(argument) for argument in arguments[:2]]
        self.call.tell("start_response", arguments=given, exc_info=len(arguments) > 2)
        try:
            write = self.start_response(*arguments)
        except BaseException as error:
            self.call.tell("start_response-raised", error=describe(error))
            raise
        self.call.tell("start_response-returned", value=encode_callable(write))
        return RecordedWrite(self.call, write) if callable(write) else write


class RecordedWrite:
    """Passes data on to the server's write and reports how it went."""

    def __init__(self, call: Call, write: Callable[[bytes], Any]) -> None:
        self.call = call
        self.write = write

    def __call__(self, data: bytes) -> Any:
        self.call.tell("write", length=len(data))
        try:
            result = self.write(data)
        except BaseException as error:
            self.call.tell("write-raised", error=describe(error))
            raise
        self.call.tell("write-returned")
        return result


def python_version() -> str:
    """Return implementation and version of the interpreter the server runs on."""
    name = sys.implementation.name
    version = getattr(sys, "pypy_version_info", sys.version_info)
    return "{} {}.{}.{}".format(name, *version[:3])


def session_from(path: str) -> Dict[str, Any]:
    """Read the session file that lies beside the application."""
    with open(path, encoding="ascii") as file:
        session: Dict[str, Any] = json.load(file)
    return session
