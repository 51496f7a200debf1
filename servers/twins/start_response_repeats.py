"""Twins of the rules in PEP 3333 about calling start_response again."""

from __future__ import annotations

from typing import Any, ClassVar

from conformance.reference import Gateway
from conformance.reference.twins import bad_twin, good_twin


@bad_twin("start-response-repeats-accepted")
class AllowsOneRestart(Gateway):
    """A second call with exc_info is accepted, a third one is not."""

    restarts = 0

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        self.restarts += bool(exc_info and self.started)
        if self.restarts > 1:
            raise AssertionError("start_response called too often")
        return super().start_response(status, fields, exc_info)


@bad_twin("start-response-second-call-raises", also=("start-response-failed-call-counts",))
class TakesSecondCall(Gateway):
    """A second call without exc_info replaces the first."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        self.started = False
        return super().start_response(status, fields, exc_info)


@bad_twin("start-response-second-call-raises")
class TellsByHeaders(Gateway):
    """Knows by the stored headers whether it was called before: none are no sign."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if self.status and not self.fields:
            self.started = False
        return super().start_response(status, fields, exc_info)


@bad_twin("start-response-second-call-raises")
class StoresBeforeRefusing(Gateway):
    """A second call without exc_info raises, but its headers are sent."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if self.started and exc_info is None and type(fields) is list:
            self.fields = fields
        return super().start_response(status, fields, exc_info)


@bad_twin("start-response-failed-call-counts")
class ForgetsFailedCall(Gateway):
    """A call that raised for its headers has not been made."""

    def check(self, status: Any, fields: Any) -> None:
        try:
            super().check(status, fields)
        except ValueError:
            self.started = False
            raise


@good_twin("start-response-second-call-raises", "start-response-failed-call-counts")
class RaisesRuntimeError(Gateway):
    """A second call without exc_info raises an error of another type."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if self.started and exc_info is None:
            raise RuntimeError("called again")
        return super().start_response(status, fields, exc_info)


@bad_twin("start-response-state-per-request")
class SharesHeaders(Gateway):
    """Keeps the headers of all requests in one place."""

    shared: ClassVar[dict[str, Any]] = {}

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        write = super().start_response(status, fields, exc_info)
        self.shared["fields"] = list(fields)
        return write

    def send_head(self, first_block: bytes) -> None:
        self.fields = self.shared.get("fields", self.fields)
        super().send_head(first_block)


@bad_twin("start-response-state-per-request")
class RemembersFailure(Gateway):
    """After a response that failed once it had been started, the next one counts as started."""

    failed: ClassVar[list[bool]] = []

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if self.failed and self.request.target.startswith(b"/4"):
            raise AssertionError("start_response called again without exc_info")
        return super().start_response(status, fields, exc_info)

    def fail(self) -> None:
        if self.request.target == b"/after":
            self.failed.append(True)
        super().fail()
