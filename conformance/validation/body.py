"""What stands in for a result that is neither a list nor the server's own file wrapper.

It has ``len()``, ``close()`` and ``next()`` only where the application's own has them, and hands on
any other attribute, so that a server takes the way with it that it takes without it
(PEP 3333, Buffering and Streaming; Specification Details).
"""

from __future__ import annotations

import re
import sys
from typing import Any, Generator, Iterator

from conformance.validation.findings import show
from conformance.validation.response import ENCODING, LENGTH, TYPE
from conformance.validation.streams import UNLIMITED

__all__ = ["body_on_stack", "judge_blocks", "make_shape", "shapes"]

CHUNK = re.compile(rb"([0-9A-Fa-f]+)\r\n(.*)\r\n", re.DOTALL)
# From here on a body is many small blocks.
MANY, SMALL = 100, 64
BOUND = 64
# Of a body that a header says this of, no chunks are looked for.
SETTLED = ENCODING | LENGTH


class Body:
    """A result, watched while it is iterated over."""

    _length = -1
    _items: Any = None
    _exchange: Any
    _result: Any

    def __iter__(self) -> Iterator[Any]:
        # A generator is the quickest iterator that can be written in Python.
        exchange = self._exchange
        if exchange.closes:
            self._asked_after_close()
        exchange.state = "begun"
        # The slots of an exchange are quicker to look up than what an unknown class may have.
        result = exchange.result
        if result is None:
            result = self._result
        total = 0
        short = False
        item: Any = None
        items: Any = None
        try:
            items = iter(result)
            if exchange.counted:
                items = self._counted(items)
            for item in items:  # until the head is due
                if item if type(item) is bytes else self._odd(item):
                    total = 1
                    break
                yield item
            if total:
                if not exchange.head_out:
                    if exchange.plain and exchange.kinds & TYPE:
                        exchange.head_out = True
                    else:
                        exchange.data_begins(result)
                if exchange.pending:
                    exchange.deliver()
                if not exchange.kinds & SETTLED and item[-2:] == b"\r\n":
                    items = self._watched([item], items)
                if exchange.limit < UNLIMITED:
                    left = exchange.limit - exchange.written
                    total = len(item) if type(item) is bytes else self._odd(item)
                    if total < left:
                        yield item
                        for item in items:
                            total += len(item) if type(item) is bytes else self._odd(item)
                            if total >= left:
                                break
                            yield item
                    if total >= left:
                        # All that was announced: a server has no reason to ask for more.
                        if total > left:
                            self._exceeded(total)
                        yield item
                        for item in items:
                            total = yield from self._beyond(item, items, total)
                    else:
                        short = True
                else:
                    yield item
                    for item in items:
                        if type(item) is not bytes:
                            self._odd(item)
                        yield item
        except GeneratorExit:
            if exchange.late is not None:
                exchange.went_on(item)
            raise
        except BaseException as error:
            self._failed(error, items)
            raise
        exchange.state = "ended"
        if short or not exchange.plain or exchange.closes or not exchange.closable:
            self._ended(total, item)

    def _odd(self, item: Any) -> int:
        """Look at an item that is not exactly bytes; return how many bytes it stands for."""
        exchange = self._exchange
        size: int = exchange.odd_item(item, self._result)
        if exchange.pending:
            exchange.deliver()
        return size

    def _failed(self, error: BaseException, items: Any) -> None:
        """Look at what came out of the result, or of asking it for an iterator."""
        exchange = self._exchange
        exchange.state = "failed"
        if items is None and isinstance(error, TypeError):
            traceback = error.__traceback__
            if traceback is not None and traceback.tb_next is None:
                expected = "an iterable, whose __iter__() returns an iterator"
                exchange.record("app-returns-iterable", expected, show(error))
        try:
            exchange.application_raised(error)
        finally:
            if not exchange.closable:
                exchange.finish()

    def _beyond(self, item: Any, items: Iterator[Any], total: int) -> Generator[Any, Any, int]:
        """Go on beyond the Content-Length; return how long the body is in the end."""
        exchange = self._exchange
        asked = 1  # which may have been to see that there is no more
        while True:
            total += len(item) if type(item) is bytes else self._odd(item)
            if total + exchange.written > exchange.limit:
                self._exceeded(total)
            yield item
            asked += 1
            if asked == 2:
                expected = "no more items asked for, as Content-Length is satisfied"
                exchange.record("content-length-stops-iterating", expected, "asked on and on")
            try:
                item = next(items)
            except StopIteration:
                return total

    def _exceeded(self, total: int) -> None:
        exchange = self._exchange
        exchange.exceeded(total + exchange.written, self._result)
        if exchange.pending:
            exchange.deliver()

    def _counted(self, items: Iterator[Any]) -> Iterator[Any]:
        count = total = 0
        for item in items:
            count += 1
            total += len(item) if type(item) is bytes else 0
            yield item
        exchange = self._exchange
        if self._length >= 0 and count != self._length:
            expected = f"as many items as len() says, {self._length}"
            observed = str(count)
            exchange.record("iterable-len-accurate", expected, observed, None, self._result)
        many_small(exchange, count, total, self._result)

    def _watched(self, blocks: list[bytes], items: Iterator[Any]) -> Iterator[Any]:
        """Look for a body that the application has put into chunks itself."""
        for item in items:
            if len(blocks) < MANY and type(item) is bytes:
                blocks.append(item)
            yield item
        if is_chunked(blocks):
            said_chunked(self._exchange)

    def _ended(self, total: int, item: Any) -> None:
        exchange = self._exchange
        if exchange.closes:
            self._asked_after_close()
        else:
            if exchange.late is not None:
                exchange.went_on(item)
            if not exchange.calls or exchange.limit < UNLIMITED:
                exchange.body_ended(total, self._result)
            if not exchange.closable:
                exchange.finish()
        if exchange.pending:
            exchange.deliver()

    def _asked_after_close(self) -> None:
        expected = "close() after the last item was asked for"
        self._exchange.record("close-not-too-early", expected, "asked for items after close()")

    def __del__(self) -> None:
        exchange = self._exchange
        if exchange.environ is None or sys.is_finalizing():
            return
        if exchange.closable and not exchange.closes:
            exchange.guarded(self._never_closed)
        exchange.finish()
        if exchange.pending:
            exchange.deliver()

    def _never_closed(self) -> None:
        exchange = self._exchange
        satisfied = exchange.no_content or exchange.is_head()
        if exchange.state == "ended":
            rule = "close-on-normal-end"
        elif exchange.state == "failed":
            rule = "close-on-iteration-error"
        elif exchange.state == "not begun" or satisfied or exchange.kinds & LENGTH:
            rule = "close-when-not-iterated"
        else:
            rule = "close-on-client-disconnect"
        exchange.record(rule, "close() called", f"never, iteration was {exchange.state}")


class _Open:
    """For results with other attributes."""

    def __getattr__(self: Any, name: str) -> Any:
        found = getattr(self._result, name)
        if name[:2] == "__":
            return found
        self._used(name, "looked up", "SHOULD NOT")
        if not callable(found):
            return found

        def recorded(*args: Any, **kwargs: Any) -> Any:
            self._used(name, "called", None)
            return found(*args, **kwargs)

        return recorded

    def _used(self: Any, name: str, how: str, level: str | None) -> None:
        if self._exchange.once((name, how)):
            expected = "iteration, len() and close(), and nothing else of an iterable"
            rule = "iterable-foreign-attributes-unused"
            self._exchange.record(rule, expected, f"{name} {how}", level)


class _Closed:
    """For results with ``close()``."""

    def close(self: Any) -> Any:
        """Close the result, as often as asked to."""
        exchange = self._exchange
        exchange.closes += 1
        if exchange.closes == 2:
            exchange.record("close-exactly-once", "close() called once", "called again")
        exchange.closing = True
        result = exchange.result
        if result is None:
            result = self._result
        try:
            returned = result.close()
        except BaseException as error:
            exchange.application_raised(error)
            exchange.finish()
            raise
        if exchange.late is not None:
            exchange.went_on()
        exchange.finish()
        if exchange.pending:
            exchange.deliver()
        return returned


class _Sized:
    """For results with ``len()``."""

    def __len__(self: Any) -> int:
        length = len(self._result)
        if self._length < 0:
            self._length = length
        return length


class _Next:
    """For results that are iterators, which some servers ask without ``iter()``."""

    def __next__(self: Any) -> Any:
        iterator = self._items
        if iterator is None:
            iterator = self._items = iter(self)
        return next(iterator)


class Shape:
    """What stands in for results of one type, and how.

    Attributes:
        made: the class of the stand-ins.
        closable: whether they have ``close()``.
        counted: whether they have ``len()``, so that items are to be counted.
        is_file: whether the results look like open files.
        with_close: the shape for results of the type with a ``close()`` of their own, or None.
        plain: whether there is nothing to ask of a result of the type, as to the last two.
    """

    __slots__ = ("closable", "counted", "is_file", "made", "plain", "with_close")

    def __init__(self, kind: type, bases: list[Any], with_close: Shape | None) -> None:
        self.made: Any = type("Body", (*bases, Body), {})
        self.closable = _Closed in bases
        self.counted = _Sized in bases
        self.is_file = kind.__module__ in ("io", "_io", "tempfile")
        self.with_close = with_close
        self.plain = with_close is None and not self.is_file


shapes: dict[type, Shape] = {}
"""Type of result -> its shape, as far as ``make_shape`` made one."""


def make_shape(kind: type) -> Shape | None:
    """Return the shape for a type of result: with its special methods, and no others.

    None where a type is no iterable of blocks.
    """
    if kind is bytes or kind is str:
        return None
    if not hasattr(kind, "__iter__") and not hasattr(kind, "__getitem__"):
        return None
    others = any(name[:1] != "_" and name != "close" for name in dir(kind))
    wanted = {
        _Closed: hasattr(kind, "close"),
        _Sized: hasattr(kind, "__len__"),
        _Next: hasattr(kind, "__next__"),
        # Its own code may make attributes of any name.
        _Open: others or not _is_plain(kind),
    }
    bases: list[Any] = [base for base, want in wanted.items() if want]
    with_close = None
    if _Closed not in bases and _Open in bases:
        # Of these each object may have a close() of its own, or none.
        with_close = Shape(kind, [_Closed, *bases], None)
    shape = Shape(kind, bases, with_close)
    if len(shapes) >= BOUND:
        shapes.clear()
    shapes[kind] = shape
    return shape


def _is_plain(kind: type) -> bool:
    """Whether objects of a type have no attributes but those of the type."""
    return not kind.__dictoffset__ and not hasattr(kind, "__getattr__")


def body_on_stack(exchange: Any) -> Any:
    """Return the frame in which the result of an exchange is being iterated over, or None.

    Only frames of this thread count.
    """
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code is ITERATION and frame.f_locals.get("exchange") is exchange:
            return frame
        frame = frame.f_back
    return None


ITERATION = Body.__iter__.__code__


def is_chunked(blocks: list[bytes]) -> bool:
    """Whether blocks are the chunks of a chunked body (RFC 9112 section 7.1), one by one."""
    if len(blocks) < 2 or type(blocks[-1]) is not bytes or blocks[-1] != b"0\r\n\r\n":
        return False
    for block in blocks[:-1]:
        match = CHUNK.fullmatch(block) if type(block) is bytes else None
        if match is None or int(match.group(1), 16) != len(match.group(2)):
            return False
    return True


def said_chunked(exchange: Any) -> None:
    """Report a body in chunks; it may be what the resource is."""
    expected = "the body itself, in no transfer coding"
    observed = "blocks that look like chunks, and the chunk that ends them"
    exchange.record("http-body-not-transfer-coded", expected, observed, "SHOULD NOT")


def many_small(exchange: Any, count: int, total: int, where: Any) -> None:
    """Note a body of many small blocks."""
    if count > MANY and total < SMALL * count:
        expected = "output gathered into larger blocks"
        observed = f"{count} items of {total // count} bytes on average"
        exchange.record("buffering-done-by-application", expected, observed, "undefined", where)


def judge_blocks(exchange: Any, blocks: Any, where: Any) -> None:
    """Look at a result that is an exact list or tuple, all at once."""
    total = 0
    for block in blocks:
        total += len(block) if type(block) is bytes else exchange.odd_item(block, where)
    if total:
        if not exchange.head_out:
            if exchange.plain and exchange.kinds & TYPE:
                exchange.head_out = True
            else:
                exchange.data_begins(where)
        if total + exchange.written > exchange.limit:
            exchange.exceeded(total + exchange.written, where)
        if len(blocks) > 1 and not exchange.kinds & SETTLED and is_chunked([*blocks]):
            said_chunked(exchange)
        if len(blocks) > MANY:
            many_small(exchange, len(blocks), total, where)
    if exchange.late is not None:
        exchange.went_on(blocks[-1] if total else None)
    if not exchange.calls or total + exchange.written < exchange.limit < UNLIMITED:
        exchange.body_ended(total, where)
