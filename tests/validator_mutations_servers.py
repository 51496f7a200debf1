"""What can be wrong with a server: in the environ it passes, and in what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from validator_exchanges import Exchange
from validator_mutations import SERVER, Mutation, Pick, plain
from validator_mutations_streams import MUTATIONS

from conformance.driver.memory import ABSENT, MemoryGateway
from conformance.reference.streams import Input

__all__ = ["MUTATIONS"]

# Servers: what they put into environ


def setting(rule: str, key: str, *values: Any, also: tuple[str, ...] = ()) -> None:
    """Declare faults of environ: values that a key must not have."""
    for number, value in enumerate(values):

        def apply(made: Exchange, pick: Pick, value: Any = value) -> None:
            # Applications that rely on what is missing here are not what is tested.
            made.reads, made.logged, made.edits = [], "", False
            made.changes = {**made.changes, key: value}
            if key == "REQUEST_METHOD":
                plain(made)  # or what is right for HEAD would be wrong for another method

        name = f"{rule} {key} {number}"
        MUTATIONS[name] = Mutation(name, rule, SERVER, apply, also=also)


for key, rule in (
    ("REQUEST_METHOD", "environ-request-method-required"),
    ("SERVER_NAME", "environ-server-name-required"),
    ("SERVER_PORT", "environ-server-port-required"),
    ("SERVER_PROTOCOL", "environ-server-protocol-present"),
):
    setting(rule, key, ABSENT, "")
    setting("environ-cgi-variables-present", key, ABSENT)
for key in ("SERVER_NAME", "PATH_INFO", "QUERY_STRING", "REMOTE_USER", "HTTP_HOST", "HTTP_X"):
    setting("unicode-environ-native-str", key, None, 8080, b"bytes")
    setting("unicode-environ-latin1-only", key, "\u0100", "caf\u00e9 \u20ac", "\udcff")
for key, rule in (
    ("wsgi.multithread", "thread-multithread-present"),
    ("wsgi.multiprocess", "thread-multiprocess-present"),
    ("wsgi.run_once", "environ-run-once-present"),
    ("wsgi.input", "environ-input-present"),
    ("wsgi.errors", "environ-errors-present"),
):
    setting(rule, key, ABSENT)
setting("environ-input-present", "wsgi.input", None)
setting("environ-errors-present", "wsgi.errors", None)
setting("environ-url-scheme-present", "wsgi.url_scheme", ABSENT, "", "http://", "http:")
setting("environ-wsgi-version", "wsgi.version", ABSENT, (1, 1), [1, 0], "1.0", (1, 0, 1), None)
setting("environ-keys-native-str", b"reference.key", 1)  # type: ignore[arg-type]
setting("environ-content-length-value", "CONTENT_LENGTH", "-1", "+1", "1_0", "one", "\u00b2", " 1")
setting("url-server-port-decimal", "SERVER_PORT", "http", "+80", "8 0", "\u00b2")
setting("environ-valueless-variables-omitted", "REMOTE_USER", "", "-")
setting("environ-valueless-variables-omitted", "AUTH_TYPE", "")
setting("input-read-supported", "wsgi.input", object())
setting("errors-write-supported", "wsgi.errors", object())
setting("http-request-method-token", "REQUEST_METHOD", "GET IT", "GET\n", "G\u00c9T", "GET,")
setting("http-server-protocol-form", "SERVER_PROTOCOL", "1.1", "HTTP/", "HTTP/1.1\n", "HTTP/x.y")
setting("http-host-valid", "HTTP_HOST", "a b", "a/b", "u@a", "a:b", "[::1", "a, b", "a\n")
setting("cgi-script-name-form", "SCRIPT_NAME", "a", "/", "/a/")
setting("cgi-path-info-form", "PATH_INFO", "a", "a/b", "http://a/")


# Servers: what they do


def serving(rule: str, *also: str) -> Callable[[Any], Any]:
    """Declare a bad server."""

    def decorate(gateway: type[MemoryGateway]) -> Any:
        def apply(made: Exchange, pick: Pick) -> None:
            plain(made)
            made.request = {**made.request, "body": b"body\nbody"}
            made.reads, made.shape = [("read", 3), ("readline", None), ("read", None)], "closed"

        name = gateway.__name__
        MUTATIONS[name] = Mutation(name, rule, SERVER, apply, gateway, also)
        return gateway

    return decorate


@serving("app-called-positionally")
class ByKeyword(MemoryGateway):
    def call(self) -> Any:
        call: Any = self.application
        return call(environ=self.environ(), start_response=self.start_response)


@serving("environ-builtin-dict")
class OwnDict(MemoryGateway):
    def environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = type("Environ", (dict,), {})(super().environ())
        return environ


@serving("start-response-returns-write")
class NoWrite(MemoryGateway):
    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        super().start_response(status, fields, exc_info)


@serving("close-exactly-once")
class CloseTwice(MemoryGateway):
    def close_result(self) -> None:
        self.result.close()
        super().close_result()


@serving("close-on-normal-end")
class NoClose(MemoryGateway):
    def close_result(self) -> None:
        self.result = None


@serving("close-not-too-early")
class CloseFirst(MemoryGateway):
    def blocks(self) -> Any:
        for block in self.result:
            yield block
            self.result.close()

    def close_result(self) -> None:
        self.result = None


class TextInput(Input):
    def read(self, size: int | None = -1) -> Any:
        return super().read(size).decode("latin-1")


@serving("input-returns-bytes")
class ReadsText(MemoryGateway):
    input_class = TextInput


class GreedyInput(Input):
    def read(self, size: int | None = -1) -> bytes:
        return super().read(-1)


@serving("input-read-semantics")
class ReadsAll(MemoryGateway):
    input_class = GreedyInput
