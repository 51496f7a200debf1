"""Middlewares at fault, or not, in how they hand blocks on."""

from __future__ import annotations

import itertools
import queue
import threading

from conformance.driver.middleware_twins import bad_middleware, good_middleware

from ._steps import Steps, around

# What the call or a step that takes the whole body breaks along with its cause is shown as advice.


@good_middleware(
    "middleware-one-pull-per-step",
    "middleware-one-value-per-value",
    "middleware-block-not-delayed",
    "middleware-transmit-guarantee",
    "middleware-returns-iterable-promptly",
    "middleware-closes-inner-iterable",
    "middleware-accepts-deferred-start",
    exempt=["middleware-yields-empty-meanwhile"],
)
def wraps_iterator(app):
    """Wraps the iterable and passes each value on."""
    return around(Steps)(app)


@good_middleware("middleware-closes-inner-iterable", "middleware-accepts-deferred-start")
def generator_with_close(app):
    """Is a generator, held by an object whose close() closes the application's iterable."""

    class Held(Steps):
        def __init__(self, result):
            super().__init__(result)
            self.items = (item for item in result)

    return around(Held)(app)


class Holding(Steps):
    """Holds all that comes back, gives b'' meanwhile, and the whole at the end."""

    def __init__(self, result):
        super().__init__(result)
        self.held = []

    def __next__(self):
        if self.held is None:
            raise StopIteration
        try:
            self.held.append(next(self.items))
        except StopIteration:
            whole, self.held = b"".join(self.held), None
            return whole
        return b""


@good_middleware(
    "middleware-yields-empty-meanwhile",
    "middleware-one-value-per-value",
    "middleware-block-not-delayed",
    "middleware-transmit-guarantee",
)
def holds_and_yields_empty(app):
    """Gathers the body, and gives b'' for each value it takes."""
    return around(Holding)(app)


@good_middleware("middleware-one-value-per-value", "middleware-one-pull-per-step")
def lags_behind(app):
    """Gives each block one step late, and b'' first."""

    class Lagging(Steps):
        last = b""

        def __next__(self):
            if self.last is None:
                raise StopIteration
            given, self.last = self.last, next(self.items, None)
            return given

    return around(Lagging)(app)


@good_middleware("middleware-one-value-per-value", "middleware-one-pull-per-step")
def splits_blocks(app):
    """Gives two values for each one."""

    class Splitting(Steps):
        rest = None

        def __next__(self):
            if self.rest is not None:
                rest, self.rest = self.rest, None
                return rest
            item = next(self.items)
            half = len(item) // 2
            self.rest = item[half:]
            return item[:half]

    return around(Splitting)(app)


class Ahead(Steps):
    """Reads ahead in a thread of its own."""

    end = object()

    def __init__(self, result):
        super().__init__(result)
        self.queue = queue.Queue()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        try:
            for item in self.items:
                self.queue.put(item)
        except Exception as error:
            self.queue.put(error)
        self.queue.put(self.end)

    def __next__(self):
        item = self.queue.get()
        if item is self.end:
            raise StopIteration
        if isinstance(item, Exception):
            raise item
        return item

    def close(self):
        self.thread.join()
        super().close()


@good_middleware("middleware-transmit-guarantee", "middleware-one-value-per-value")
def reads_ahead(app):
    """Reads ahead in a thread, and gives what has come as soon as it has."""
    return around(Ahead)(app)


@bad_middleware("middleware-transmit-guarantee")
def reads_ahead_and_waits(app):
    """Reads ahead in a thread, and gives nothing before that has got everything."""

    class Waiting(Ahead):
        def __next__(self):
            self.thread.join()
            return super().__next__()

    return around(Waiting)(app)


@bad_middleware("middleware-returns-iterable-promptly")
def gathers_in_call(app):
    """Takes the whole body within its call, as many middlewares do, and closes properly."""

    def middleware(environ, start_response):
        result = app(environ, start_response)
        try:
            return [b"".join(result)]
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    return middleware


@bad_middleware("middleware-returns-iterable-promptly", also=["middleware-closes-inner-iterable"])
def peeks(app):
    """Takes the first block within its call, to have start_response called."""

    class Peeked(Steps):
        def __init__(self, result):
            super().__init__(result)
            first = list(itertools.islice(self.items, 1))
            self.items = itertools.chain(first, self.items)

    return around(Peeked)(app)


@bad_middleware("middleware-block-not-delayed")
def gathers_in_first_step(app):
    """Takes the whole body in its first step."""

    class Gathering(Steps):
        done = False

        def __next__(self):
            if self.done:
                raise StopIteration
            self.done = True
            return b"".join(self.items)

    return around(Gathering)(app)


@bad_middleware("middleware-one-pull-per-step")
def joins_pairs(app):
    """Makes one value of two."""

    class Pairing(Steps):
        def __next__(self):
            first = next(self.items)
            return first + next(self.items, b"")

    return around(Pairing)(app)


@bad_middleware("middleware-one-pull-per-step")
def skips_empty(app):
    """Leaves out what its buffer is not full with, in place of handing up b''."""

    class Filling(Steps):
        def __next__(self):
            held = b""
            for item in self.items:
                held += item
                if len(held) > 2500:
                    return held
            if held:
                return held
            raise StopIteration

    return around(Filling)(app)


@bad_middleware("middleware-yields-empty-meanwhile")
def yields_none_meanwhile(app):
    """Gives None where it has no output yet."""

    class Nothing(Holding):
        def __next__(self):
            return super().__next__() or None

    return around(Nothing)(app)


@bad_middleware("middleware-yields-empty-meanwhile")
def yields_empty_text(app):
    """Gives an empty str where it has no output yet."""

    class Nothing(Holding):
        def __next__(self):
            return super().__next__() or ""

    return around(Nothing)(app)


@bad_middleware("middleware-one-value-per-value", also=["middleware-conforms-both-sides"])
def loses_last(app):
    """Takes the last value and ends without a value for it."""

    class Losing(Steps):
        def __init__(self, result):
            super().__init__(result)
            self.taken = 0

        def __next__(self):
            item = next(self.items)
            self.taken += 1
            if self.taken == 10:
                raise StopIteration
            return item

    return around(Losing)(app)
