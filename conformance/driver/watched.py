"""The reference gateway with its eyes open: what an application did, as facts and as a trace.

Everything is seen from the server's side of the validator, so nothing stands between the validator
and the application.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from conformance.driver.memory import Errors, MemoryGateway
from conformance.inside.snapshot import encode, encode_environ
from conformance.reference.gateway import ClientGone, ExcInfo, Fields
from conformance.reference.streams import FileWrapper, Input
from conformance.trace import Event

__all__ = [
    "Facts",
    "SeekableInput",
    "WatchedErrors",
    "WatchedGateway",
    "WatchedInput",
    "WholeErrors",
]

# A response that goes beyond one of these is cut off as though the client had left: streams
# without an end are legal.
LONGEST_ITEMS = 20_000
LONGEST_BYTES = 16 << 20
LONGEST_SECONDS = 3.0
# Steps of one iteration that a trace shows.
STEPS_SHOWN = 12
EARLY_BLOCKS = 24


@dataclass
class Facts:
    """What happened in one request, which is what says whether a rule was put to the test.

    Attributes:
        called, returned: whether the application was called, and came back by returning.
        kind: ``sequence`` (an exact list or tuple), ``wrapper`` (of the file wrapper) or ``other``.
        sized: whether ``len()`` of the result worked.
        starts: calls of start_response; with_error: of these, with ``exc_info``.
        start_errors: what start_response raised, in order; late: of these, after a first item.
        status: the code given last that is well-formed; names: of the headers given last.
        length: whether a Content-Length was among them; encoded: whether a Content-Encoding was.
        writes: calls of write(). items: taken from the iterable; filled: of these, not empty.
        exhausted: whether the iterable came to its own end.
        cut: whether the driver, as a client that left, ended a long response.
        escaped: what the application raised out of its call or of its iteration.
        close_error: what close() raised.
        reads: calls of the input's methods; sized_reads: of these, read(n) with n > 0.
        texts: writes to wsgi.errors; error_uses: uses of it at all.
        wrapped: calls of wsgi.file_wrapper. no_body: whether the response may have none.
        variables: the text values of environ. wrapper_faults: rule, what was expected, what was
            observed when the gateway read from what the file wrapper was given.
    """

    called: bool = False
    returned: bool = False
    kind: str = ""
    sized: bool = False
    starts: int = 0
    with_error: int = 0
    start_errors: list[BaseException] = field(default_factory=list)
    late: int = 0
    status: int | None = None
    names: list[str] = field(default_factory=list)
    length: bool = False
    encoded: bool = False
    writes: int = 0
    items: int = 0
    filled: int = 0
    exhausted: bool = False
    cut: bool = False
    escaped: BaseException | None = None
    close_error: BaseException | None = None
    reads: int = 0
    sized_reads: int = 0
    texts: int = 0
    error_uses: int = 0
    wrapped: int = 0
    no_body: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    wrapper_faults: list[tuple[str, str, str]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def tell(self, kind: str, **data: Any) -> None:
        """Add a step of the application to the trace."""
        self.events.append(Event(time.monotonic(), "app", kind, 1, data))


class WatchedInput(Input):
    """The sparse input: the four methods that PEP 3333 names and nothing else."""

    def __init__(self, receive: Callable[[], bytes], facts: Facts) -> None:
        super().__init__(receive)
        self._facts = facts

    def read(self, size: int | None = -1) -> bytes:
        """As ``Input.read``."""
        self._facts.reads += 1
        self._facts.sized_reads += bool(size and size > 0)
        return super().read(size)

    def readline(self, size: int | None = -1) -> bytes:
        """As ``Input.readline``."""
        self._facts.reads += 1
        return super().readline(size)


class SeekableInput(io.BytesIO):
    """The rich input: a whole file-like object, of which an application may use four methods."""

    def __init__(self, receive: Callable[[], bytes], facts: Facts) -> None:
        super().__init__(b"".join(iter(receive, b"")))
        self._facts = facts

    def read(self, size: int | None = -1, /) -> bytes:
        """As ``BytesIO.read``."""
        self._facts.reads += 1
        self._facts.sized_reads += bool(size and size > 0)
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """As ``BytesIO.readline``."""
        self._facts.reads += 1
        return super().readline(size)

    def readlines(self, hint: int | None = -1, /) -> list[bytes]:
        """As ``BytesIO.readlines``."""
        self._facts.reads += 1
        return super().readlines(hint)

    def __next__(self) -> bytes:
        self._facts.reads += 1
        return super().__next__()


class WatchedErrors(Errors):
    """``wsgi.errors`` that counts."""

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self._facts = facts

    def write(self, text: str) -> int:
        """Keep a text."""
        self._facts.texts += 1
        self._facts.error_uses += 1
        return super().write(text)

    def flush(self) -> None:
        """Do nothing but count."""
        self._facts.error_uses += 1


class WholeErrors(io.StringIO):
    """The rich ``wsgi.errors``: a whole file-like object, of which three methods may be used."""

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self._facts = facts
        self.texts: list[str] = []

    def write(self, text: str, /) -> int:
        """Keep a text."""
        self._facts.texts += 1
        self._facts.error_uses += 1
        if not isinstance(text, str):
            raise TypeError(f"write() takes a str, not {type(text).__name__}")
        self.texts.append(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing but count."""
        self._facts.error_uses += 1


class WatchedGateway(MemoryGateway):
    """The reference gateway that notes what it sees.

    Subclasses are gateways that do something unusual and legal. ``facts`` is set on a subclass of
    one request.
    """

    facts: Facts
    make_input: type[Any] = WatchedInput
    make_errors: type[Any] = WatchedErrors
    wrapper_base: type[Any] = FileWrapper
    errors_class: Any
    input_class: Any
    multithread = True

    def __init__(self, application: Any, request: Any, transport: Any) -> None:
        facts = self.facts
        self.errors_class = lambda: self.make_errors(facts)
        self.input_class = lambda receive: self.make_input(receive, facts)

        class Counted(self.wrapper_base):  # type: ignore[name-defined, misc]
            def __init__(self, filelike: Any, block_size: int = 8192) -> None:
                facts.wrapped += 1
                self.facts = facts
                super().__init__(filelike, block_size)

        self.wrapper_class = self.file_wrapper = Counted
        super().__init__(application, request, transport)

    def call(self) -> Any:
        """Call the application."""
        facts = self.facts
        environ = self.environ()
        facts.tell(
            "called",
            environ=encode_environ(environ),
            count=2,
            thread=threading.get_ident(),
        )
        facts.variables = {k: v for k, v in environ.items() if type(v) is str}
        facts.called = True
        try:
            result = self.application(environ, self.start_response)
        except BaseException as error:
            facts.escaped = error
            facts.tell("raised", error=described(error))
            raise
        facts.returned = True
        facts.kind = self.kind_of(result)
        facts.sized = has_length(result)
        facts.tell("returned", value=encode(result))
        return result

    def kind_of(self, result: Any) -> str:
        """Return what kind of iterable the application returned."""
        if type(result) in (list, tuple):
            return "sequence"
        return "wrapper" if isinstance(result, self.wrapper_class) else "other"

    def start_response(
        self, status: str, fields: Fields, exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], None]:
        """Note the call and take it."""
        facts = self.facts
        facts.starts += 1
        facts.with_error += bool(exc_info)
        facts.tell(
            "start_response", arguments=[encode(status), encode(fields)], exc_info=bool(exc_info)
        )
        self.note_head(status, fields)
        try:
            return super().start_response(status, fields, exc_info)
        except BaseException as error:
            facts.start_errors.append(error)
            facts.late += bool(facts.items or facts.writes)
            facts.tell("start_response-raised", error=described(error))
            raise
        finally:
            exc_info = None  # as in Gateway.start_response

    def note_head(self, status: Any, fields: Any) -> None:
        """Take what can be had of a head, whatever the application gave as one."""
        facts = self.facts
        facts.status = None
        if isinstance(status, str) and status[:3].isascii() and status[:3].isdigit():
            facts.status = int(status[:3])
        try:
            facts.names = [str(item[0]) for item in fields]
        except Exception:
            facts.names = []
        lower = {name.lower() for name in facts.names}
        facts.length = "content-length" in lower
        facts.encoded = "content-encoding" in lower
        bodiless = facts.status in (204, 304) or (facts.status or 200) < 200
        facts.no_body = bodiless or self.request.method == b"HEAD"

    def write(self, data: bytes) -> None:
        """Note the data and send it."""
        self.facts.writes += 1
        if self.facts.writes <= STEPS_SHOWN:
            length = len(data) if isinstance(data, bytes) else None
            self.facts.tell("write", value=encode(data) if length is None else length)
        super().write(data)

    def blocks(self) -> Iterator[bytes]:
        """Take the items one by one, but not for ever."""
        facts = self.facts
        begun = time.monotonic()
        total = 0
        iterator: Iterator[bytes] = iter(self.result)
        while True:
            shown = facts.items < STEPS_SHOWN
            if shown:
                facts.tell("next")
            try:
                block = next(iterator)
            except StopIteration:
                facts.exhausted = True
                facts.tell("exhausted", items=facts.items)
                return
            except BaseException as error:
                facts.escaped = error
                facts.tell("iteration-raised", error=described(error))
                raise
            facts.items += 1
            facts.filled += bool(block)
            if shown:
                facts.tell("block", value=sample(block))
            total += len(block) if isinstance(block, bytes) else 0
            if (
                facts.items > LONGEST_ITEMS
                or total > LONGEST_BYTES
                or time.monotonic() - begun > LONGEST_SECONDS
            ):
                facts.cut = True
                facts.tell("cut", items=facts.items)
                raise ClientGone("the response has no end in sight")
            yield block

    def close_result(self) -> None:
        """Close and note what came of it."""
        facts = self.facts
        if getattr(self.result, "close", None) is not None:
            facts.tell("close")
        try:
            super().close_result()
        except BaseException as error:
            facts.close_error = error
            facts.tell("close-raised", error=described(error))
            raise


def has_length(result: Any) -> bool:
    """Whether ``len()`` of an object works."""
    try:
        return len(result) >= 0
    except Exception:
        return False


def sample(block: Any) -> Any:
    """Return the beginning of a block, as a trace shows it."""
    if type(block) is not bytes:
        return encode(block)
    return encode(block[:EARLY_BLOCKS]) if len(block) <= EARLY_BLOCKS else f"{len(block)} bytes"


def described(error: BaseException) -> str:
    """Return type and message of an exception, bounded, whatever its ``__str__`` does."""
    try:
        return f"{type(error).__name__}: {error}"[:300]
    except Exception:
        return type(error).__name__
