"""Twins of the rules in PEP 3333, Specification Details, on close()."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from conformance.reference import Gateway
from conformance.reference.gateway import ClientGone
from conformance.reference.twins import bad_twin, good_twin


@bad_twin(
    "close-method-optional",
    also=(
        "iterable-any-kind-accepted",
        "iterable-len-optional",
        "start-response-deferral-accepted",
    ),
)
class WantsClose(Gateway):
    """Fails where an iterable of a class of the application's has no close()."""

    def call(self) -> Any:
        result = super().call()
        if type(result).__module__ not in ("builtins", "collections"):
            # An iterator of the server's own, such as a file wrapper, may do without.
            assert hasattr(result, "close") or hasattr(result, "__next__")
        return result


@bad_twin("close-on-returned-object", also=("close-on-normal-end",))
class ClosesIterator(Gateway):
    """Closes the iterator it made of what the application returned, not that itself."""

    iterator: Any = None

    def blocks(self) -> Iterable[bytes]:
        self.iterator = iter(self.result)
        return self.iterator  # type: ignore[no-any-return]

    def close_result(self) -> None:
        if self.iterator is not None:
            self.result = self.iterator
        super().close_result()


@good_twin("close-on-returned-object")
class ClosesIteratorToo(Gateway):
    """Closes the iterator as well as what the application returned."""

    def blocks(self) -> Iterable[bytes]:
        iterator = iter(self.result)
        for block in iterator:  # noqa: UP028 - yield from would close it once more when broken off
            yield block
        if iterator is not self.result and hasattr(iterator, "close"):
            iterator.close()


@bad_twin("close-on-normal-end")
class SendsListsAndForgets(Gateway):
    """Sends what has a length by a shorter way, which does not lead past close()."""

    def send_result(self) -> None:
        super().send_result()
        if hasattr(type(self.result), "__len__"):
            self.result = None


@bad_twin("close-when-not-iterated")
class NothingToSendNothingToClose(Gateway):
    """Does not close what it had no body to send from."""

    def finish(self) -> None:
        super().finish()
        if not self.has_body():
            self.result = None


@bad_twin("close-when-not-iterated")
class ClosesAtTheEndOnly(Gateway):
    """Closes only what it has iterated to its end, and stops at the declared length."""

    def satisfied(self) -> bool:
        satisfied = super().satisfied()
        if satisfied and self.length == self.sent and self.length == 3:
            self.result = None
        return satisfied


@good_twin("close-when-not-iterated", "iterable-closed-early", "http-head-no-content")
class NoIterationForHead(Gateway):
    """Does not iterate at all for HEAD once the response is started."""

    def blocks(self) -> Iterable[bytes]:
        if self.started and not self.has_body():
            return ()
        return super().blocks()


@good_twin("close-when-not-iterated")
class WholeIterationForHead(Gateway):
    """Iterates to the end, whether or not there is a body to send."""

    def satisfied(self) -> bool:
        return super().satisfied() and self.has_body()


@bad_twin("close-when-server-aborts")
class GivesUpWithoutClose(Gateway):
    """Does not close what it refuses, for want of start_response."""

    def send_block(self, block: bytes) -> None:
        if block and not self.started:
            self.result = None
        super().send_block(block)

    def finish(self) -> None:
        if not self.started:
            self.result = None
        super().finish()


class ForgetsAfterError(Gateway):
    after_data = False

    def blocks(self) -> Iterable[bytes]:
        try:
            for block in self.result:  # noqa: UP028 - yield from would close it when broken off
                yield block
        except Exception:
            if self.head_sent is self.after_data:
                self.result = None
            raise


@bad_twin("close-on-iteration-error")
class NoCloseAfterEarlyError(ForgetsAfterError):
    """Does not close an iterable that raised before there was any data."""


@bad_twin("close-on-iteration-error", also=("file-wrapper-fallback-close",))
class NoCloseAfterLateError(ForgetsAfterError):
    """Does not close an iterable that raised after data was sent."""

    after_data = True


@bad_twin("close-on-client-disconnect", also=("file-wrapper-close-after-sending",))
class LeavesWithTheClient(Gateway):
    """Does not close the iterable when the client has gone."""

    def send_result(self) -> None:
        try:
            super().send_result()
        except ClientGone:
            self.result = None
            raise


@good_twin("close-on-client-disconnect")
class NeverLooks(Gateway):
    """Iterates to the end for a client that has gone, and closes then."""

    def send_data(self, data: bytes) -> None:
        try:
            super().send_data(data)
        except ClientGone:
            self.sent += len(data)


@good_twin("close-on-normal-end", "close-on-iteration-error", "close-on-client-disconnect")
class ClosesInAThread(Gateway):
    """Closes in another thread, after it has turned to the next request."""

    def close_result(self) -> None:
        result, self.result = self.result, None
        if hasattr(result, "close"):
            threading.Thread(target=result.close).start()
