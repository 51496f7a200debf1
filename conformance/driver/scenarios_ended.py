"""Scenarios about how a response ends, and about wsgi.file_wrapper."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from conformance.driver.case import Case, RichGateway, scenario
from conformance.driver.environs import rich
from conformance.driver.memory import ABSENT
from conformance.driver.watched import WatchedGateway, WatchedInput
from conformance.reference.gateway import ClientGone
from conformance.reference.streams import FileWrapper

__all__: list[str] = []

# What a gateway that stops early leaves out of its duties is its own affair here.
LATE = ("headers-deferred-until-body", "start-response-error-returns-write")


class TakesOne(RichGateway):
    """Takes one item and then learns that the client has gone."""

    wanted = 1

    def blocks(self) -> Iterator[bytes]:
        """Yield as many items as are wanted."""
        if self.wanted:
            for number, block in enumerate(super().blocks(), start=1):
                yield block
                if number == self.wanted:
                    break
        raise ClientGone("the client has gone")


class TakesNone(TakesOne):
    """Learns that the client has gone before it asks for anything."""

    wanted = 0


class Breaks(WatchedInput):
    """The connection breaks while the body is being read."""

    def _more(self) -> bool:
        if self._facts.reads > 1:
            raise ConnectionResetError("the client has gone")
        return super()._more()


class SendsHeadersEarly(RichGateway):
    """Sends the headers with the first item, whatever that is, so that an error comes too late."""

    make_input = Breaks

    def send_block(self, block: bytes) -> None:
        """Send a block, and the head before the first."""
        if self.started and not self.head_sent:
            self.send_head(block)
        super().send_block(block)


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Collect what the interpreter complains about: resources and errors that nobody saw."""
    told: list[str] = []
    gc.collect()
    before = sys.unraisablehook
    sys.unraisablehook = lambda args: told.append(f"{args.exc_value!r:.120}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ResourceWarning)
        try:
            yield told
            gc.collect()
        finally:
            sys.unraisablehook = before
            told += [f"ResourceWarning: {str(each.message)[:120]}" for each in caught]


@scenario("early-close")
def one_item_taken(case: Case) -> None:
    """One item is taken, then close() is called."""
    judge_closing(case, TakesOne, "closed after one item")


@scenario("never-iterated")
def no_item_taken(case: Case) -> None:
    """close() is called and no item was ever taken."""
    judge_closing(case, TakesNone, "closed before the first item")


def judge_closing(case: Case, gateway: type[WatchedGateway], label: str) -> None:
    """Judge what it does to a result that it is not iterated to its end."""
    with complaints() as usual:
        full = case.send(None, "iterated to the end")
    with complaints() as told:
        done = case.send(None, label, gateway=gateway)
    if done.facts.kind != "other" or not done.facts.returned or full.facts.escaped:
        return
    rule = "iterable-full-consumption-not-assumed"
    expected = "close() that raises nothing, and nothing left open"
    if done.facts.close_error is not None and full.facts.close_error is None:
        observed = f"close() raised {done.facts.close_error!r:.120}"
        case.judge(rule, True, expected, observed, done)
    elif len(told) > len(usual) and not full.facts.cut:
        case.judge(rule, True, expected, told[-1], done)
    elif done.facts.close_error is None:
        case.judge(rule, False, expected, "no complaint", done)


@scenario("client-gone")
def the_client_goes(case: Case) -> None:
    """The client goes away before the head, and after the first part of the body."""
    for parts in (0, 1):
        request = replace(rich(case.request), gone_after=parts)
        case.send(request, f"gone after {parts} parts", gateway=RichGateway)


@scenario("late-error")
def error_after_output(case: Case) -> None:
    """Headers are out with the first item; what then fails reaches start_response too late."""
    request = rich(case.request)
    parts = max(2, len(request.body) // 4)
    late = replace(request, parts=parts)
    case.send(late, "headers are out early", gateway=SendsHeadersEarly, ignore=LATE)


class Reads(FileWrapper):
    """Compares what a file says of itself with what it does, while it is read as always."""

    facts: Any
    compared = False

    def __next__(self) -> bytes:
        faults = self.facts.wrapper_faults
        elsewhere = None if self.compared else self.from_descriptor()
        self.compared = True
        try:
            data: Any = self.filelike.read(self.block_size)
        except TypeError as error:
            # A traceback of one frame: the call itself was refused, and no code of read() ran.
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                told = ("read() that takes a size", f"{error!r:.120}")
                faults.append(("file-wrapper-object-has-read", *told))
            raise
        if not isinstance(data, bytes):
            told = ("read() that returns bytes", f"read() returned a {type(data).__name__}")
            faults.append(("file-wrapper-object-binary", *told))
        elif elsewhere is not None and not elsewhere.startswith(data):
            told = (
                "fileno() and tell() that mean the data of read()",
                f"read() gave {data[:20]!r}, the descriptor has {elsewhere[:20]!r} there",
            )
            faults.append(("file-wrapper-honest-attributes", *told))
        if not data:
            raise StopIteration
        block: bytes = data
        return block

    def from_descriptor(self) -> bytes | None:
        """Return what the file's descriptor has where the file stands, or None without one."""
        try:
            return os.pread(self.filelike.fileno(), self.block_size, self.filelike.tell())
        except Exception:
            return None


class Watches(RichGateway):
    """Reads through ``Reads``."""

    wrapper_base = Reads


HONEST = (
    "file-wrapper-object-has-read",
    "file-wrapper-object-binary",
    "file-wrapper-honest-attributes",
)


@scenario("file-wrapper")
def what_was_wrapped(case: Case) -> None:
    """What wsgi.file_wrapper was given is read, and its descriptor compared with that."""
    done = case.send(rich(case.request), "read and compared", gateway=Watches)
    if done.facts.kind != "wrapper":
        return
    faults = {rule: (expected, observed) for rule, expected, observed in done.facts.wrapper_faults}
    for rule in HONEST:
        if rule in faults:
            case.judge(rule, True, *faults[rule], done)
        elif done.facts.items and rule != "file-wrapper-object-binary":
            case.judge(rule, False, "a file-like object as it should be", "nothing amiss", done)


@scenario("no-file-wrapper")
def without_the_wrapper(case: Case) -> None:
    """A server without wsgi.file_wrapper, for an application that used it."""
    steady = case.steady()
    if steady is None:
        return
    changes = {"wsgi.file_wrapper": ABSENT}
    without = case.send(rich(case.request), "no file wrapper", changes=changes)
    if not steady.facts.wrapped:
        return
    expected = "a valid response without wsgi.file_wrapper"
    broken = not without.valid and not without.facts.cut
    case.judge("file-wrapper-presence-checked", broken, expected, without.outcome, without)
