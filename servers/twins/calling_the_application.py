"""Twins of the rules that every call of the application is judged by."""

from __future__ import annotations

from types import GeneratorType
from typing import Any, ClassVar

from conformance.reference import Connection, Gateway
from conformance.reference.gateway import ExcInfo, Fields
from conformance.reference.streams import FileWrapper
from conformance.reference.twins import bad_twin, good_twin


class Environ(dict[str, Any]):
    pass


# The call


@bad_twin("app-called-positionally")
class CallsByKeyword(Gateway):
    """The application is called with keyword arguments."""

    def call(self) -> Any:
        call: Any = self.application
        return call(environ=self.environ(), start_response=self.start_response)


@bad_twin("app-called-with-two-args")
class PassesMore(Gateway):
    """The application gets the client's address as a third argument."""

    def call(self) -> Any:
        return self.application(self.environ(), self.start_response, self.request.client)


@bad_twin("app-called-once-per-request")
class CallsAgain(Gateway):
    """The application is called once more when its response has been sent."""

    def run(self) -> None:
        super().run()
        if self.request.target.startswith(b"/request/"):
            self.application(self.environ(), lambda *arguments: lambda data: None)


@good_twin("app-called-once-per-request", "environ-mutation-tolerated")
class ClosesEachTime(Connection):
    """Every connection is closed after one response, whatever is waiting on it."""

    def send_head(self, status: int, reason: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        super().send_head(status, reason, [*fields, (b"Connection", b"close")])

    def run(self) -> None:
        self.serve_one()
        self.linger()
        self.sock.close()


@bad_twin("environ-builtin-dict")
class OwnKindOfDict(Gateway):
    """environ is an instance of a subclass of dict."""

    def environ(self) -> dict[str, Any]:
        return Environ(super().environ())


class Reads(Gateway):
    """Looks at the environ again when the application has had it."""

    passed: dict[str, Any]

    def environ(self) -> dict[str, Any]:
        self.passed = super().environ()
        return self.passed


@bad_twin("environ-mutation-tolerated")
class ReliesOnEnviron(Reads):
    """What the application leaves in REQUEST_METHOD decides whether there is a body."""

    def has_body(self) -> bool:
        return self.passed["REQUEST_METHOD"] != "HEAD" and super().has_body()


@good_twin("environ-mutation-tolerated")
class LogsFromEnviron(Reads):
    """What the application leaves in environ is written to a log of accesses."""

    def finish(self) -> None:
        super().finish()
        self.errors.write(f"{self.passed.get('REQUEST_METHOD')} {self.passed.get('PATH_INFO')}\n")


@bad_twin("environ-mutation-not-leaked")
class KeepsEnviron(Reads):
    """Keys that an application adds are there in every later request."""

    added: ClassVar[dict[str, Any]] = {}

    def environ(self) -> dict[str, Any]:
        return {**self.added, **super().environ()}

    def call(self) -> Any:
        environ = self.environ()
        result = self.application(environ, self.start_response)
        if "probe.mark" in environ:
            self.added["probe.mark"] = environ["probe.mark"]
        return result


# start_response


@bad_twin("start-response-two-args")
class WantsExcInfo(Gateway):
    """start_response insists on exc_info when the service is unavailable."""

    def start_response(
        self, status: str, fields: Fields, exc_info: ExcInfo | None = None, /
    ) -> Any:
        if status == "503 Service Unavailable" and exc_info is None:
            raise TypeError("exc_info is missing")
        return super().start_response(status, fields, exc_info)


# close()


@bad_twin("close-exactly-once")
class ClosesTwice(Gateway):
    """close() is called twice."""

    def close_result(self) -> None:
        result = self.result
        super().close_result()
        self.result = result
        super().close_result()


@bad_twin("close-not-too-early")
class ClosesInBetween(Gateway):
    """close() is called after the first block of an iterator of the application's own."""

    closed = False

    def blocks(self) -> Any:
        early = not isinstance(self.result, (GeneratorType, FileWrapper))
        for block in self.result:
            yield block
            if early and not self.closed and hasattr(self.result, "close"):
                self.closed = True
                self.result.close()

    def close_result(self) -> None:
        if self.closed:
            self.result = None
        super().close_result()


# Required keys


class Changed(Gateway):
    """Changes its environ before the call."""

    def environ(self) -> dict[str, Any]:
        environ = super().environ()
        self.change(environ)
        return environ

    def change(self, environ: dict[str, Any]) -> None:
        """Change the environ in place."""
        raise NotImplementedError


@bad_twin("environ-errors-present")
class NoErrorsForHead(Changed):
    """wsgi.errors is None for HEAD."""

    def change(self, environ: dict[str, Any]) -> None:
        if environ["REQUEST_METHOD"] == "HEAD":
            environ["wsgi.errors"] = None


@bad_twin("environ-extension-name-charset")
class UpperCaseExtension(Changed):
    """A key of the server's own has capitals and a hyphen."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["Reference.Request-Id"] = "1"


@bad_twin("environ-extension-name-prefix")
class NoPrefix(Changed):
    """A key of the server's own has no prefix."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["request_id"] = 1


@good_twin(
    "environ-extension-name-prefix", "environ-extension-name-charset", "environ-extension-allowed"
)
class KnownExtras(Changed):
    """Keys that are no standard and yet common are there."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["REQUEST_URI"] = environ["RAW_URI"] = environ["PATH_INFO"]
        environ["REQUEST_SCHEME"] = "http"
        environ["wsgi.input_terminated"] = True
        environ["reference.list_of_headers"] = self.request.fields
        environ["x-wsgiorg.fdevent.readable"] = None
        environ["SSL_PROTOCOL"] = ""


@bad_twin("environ-keys-native-str")
class BytesKey(Changed):
    """A key of the server's own is bytes."""

    def change(self, environ: dict[str, Any]) -> None:
        keys: dict[Any, Any] = environ
        keys[b"reference.connection"] = 1


@bad_twin(
    "environ-request-method-required",
    also=("environ-request-method-value", "environ-cgi-variables-present"),
)
class NoMethod(Changed):
    """REQUEST_METHOD is not there for an unknown method."""

    def change(self, environ: dict[str, Any]) -> None:
        if environ["REQUEST_METHOD"] == "PROPFIND":
            del environ["REQUEST_METHOD"]


@bad_twin("environ-server-name-required", also=("url-server-name-port-usable",))
class EmptyServerName(Changed):
    """SERVER_NAME is empty."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["SERVER_NAME"] = ""


@bad_twin(
    "environ-server-port-required",
    also=("url-server-name-port-usable", "url-server-port-decimal"),
)
class EmptyServerPort(Changed):
    """SERVER_PORT is empty."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["SERVER_PORT"] = ""


@bad_twin(
    "environ-server-protocol-present",
    also=("environ-cgi-variables-present", "environ-server-protocol-request-version"),
)
class NoProtocol(Changed):
    """There is no SERVER_PROTOCOL."""

    def change(self, environ: dict[str, Any]) -> None:
        del environ["SERVER_PROTOCOL"]


@bad_twin("environ-url-scheme-present", also=("environ-url-scheme-value",))
class SchemeWithSlashes(Changed):
    """wsgi.url_scheme is the beginning of a URL."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["wsgi.url_scheme"] = "http://"


@bad_twin("environ-wsgi-version")
class VersionOfThePep(Changed):
    """wsgi.version is the version of the PEP's text."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["wsgi.version"] = (1, 0, 1)


@bad_twin("environ-run-once-present")
class NoRunOnce(Changed):
    """There is no wsgi.run_once."""

    def change(self, environ: dict[str, Any]) -> None:
        del environ["wsgi.run_once"]


@bad_twin("thread-multithread-present", also=("thread-multithread-true",))
class NoMultithread(Changed):
    """There is no wsgi.multithread."""

    def change(self, environ: dict[str, Any]) -> None:
        del environ["wsgi.multithread"]


@bad_twin("thread-multiprocess-present")
class NoMultiprocess(Changed):
    """There is no wsgi.multiprocess."""

    def change(self, environ: dict[str, Any]) -> None:
        del environ["wsgi.multiprocess"]


@good_twin("thread-multithread-present", "thread-multiprocess-present", "environ-run-once-present")
class OtherTruths(Gateway):
    """The flags are no booleans, but have a truth value."""

    multithread: Any = "yes"
    multiprocess: Any = None
    run_once: Any = 0


@bad_twin("unicode-environ-native-str")
class BytesSoftware(Changed):
    """SERVER_SOFTWARE is bytes."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["SERVER_SOFTWARE"] = b"reference"


@good_twin("unicode-environ-native-str", "environ-extension-allowed")
class OwnObjects(Changed):
    """Keys of the server's own hold other things than strings."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["reference.socket"] = object()
        environ["reference.counts"] = {b"requests": 1}
