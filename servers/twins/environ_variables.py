"""Twins of the rules in PEP 3333, environ Variables: the request, its headers and its body."""

from __future__ import annotations

import os
from typing import Any

from conformance.reference import Gateway
from conformance.reference.streams import Input
from conformance.reference.twins import bad_twin, good_twin


class Changed(Gateway):
    """Changes its environ before the call."""

    def environ(self) -> dict[str, Any]:
        environ = super().environ()
        self.change(environ)
        return environ

    def change(self, environ: dict[str, Any]) -> None:
        """Change the environ in place."""
        raise NotImplementedError


@bad_twin("environ-cgi-variables-present", also=("environ-content-type-value",))
class ForgetsContentType(Changed):
    """CONTENT_TYPE is never there."""

    def change(self, environ: dict[str, Any]) -> None:
        environ.pop("CONTENT_TYPE", None)


@good_twin(
    "environ-cgi-variables-present",
    "environ-script-name-value",
    "environ-path-info-value",
    "environ-query-string-raw",
    "environ-content-type-value",
    "environ-content-length-value",
    "environ-empty-variables-omitted",
    "environ-query-string-omitted",
    "environ-script-name-empty",
    "environ-path-info-empty",
)
class OmitsWhatIsEmpty(Changed):
    """SCRIPT_NAME, PATH_INFO and QUERY_STRING are left out where they are empty."""

    def change(self, environ: dict[str, Any]) -> None:
        for key in ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"):
            if not environ[key]:
                del environ[key]


@good_twin(
    "environ-content-type-value",
    "environ-content-length-value",
    "environ-http-vars-absent",
    "environ-content-type-omitted",
    "environ-content-length-omitted",
)
class KeepsEmptyOnes(Changed):
    """CONTENT_TYPE and CONTENT_LENGTH are empty where they were not sent, and there twice else."""

    def change(self, environ: dict[str, Any]) -> None:
        for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if key in environ:
                environ["HTTP_" + key] = environ[key]
            environ.setdefault(key, "")


@bad_twin("environ-request-method-value")
class KnowsFewMethods(Changed):
    """An unknown method becomes GET."""

    def change(self, environ: dict[str, Any]) -> None:
        if environ["REQUEST_METHOD"] in ("PROPFIND", "M-SEARCH"):
            environ["REQUEST_METHOD"] = "GET"


@bad_twin("environ-request-method-value", also=("http-method-unrecognized",))
class RaisesMethods(Changed):
    """A method in lower case becomes another one, in upper case."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["REQUEST_METHOD"] = environ["REQUEST_METHOD"].upper()


@good_twin("environ-request-method-value", "app-called-once-per-request")
class RefusesUnknownMethods(Gateway):
    """Methods that HTTP itself does not define are answered with 501."""

    def run(self) -> None:
        if self.request.method in (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE"):
            super().run()
        else:
            self.transport.send_head(501, b"Not Implemented", [(b"Content-Length", b"0")])
            self.transport.finish()


@bad_twin("environ-content-type-value")
class InventsContentType(Changed):
    """CONTENT_TYPE is text/plain where none was sent."""

    def change(self, environ: dict[str, Any]) -> None:
        environ.setdefault("CONTENT_TYPE", "text/plain")


@bad_twin("environ-content-type-value")
class DropsParameters(Changed):
    """CONTENT_TYPE comes without its parameters."""

    def change(self, environ: dict[str, Any]) -> None:
        if "CONTENT_TYPE" in environ:
            environ["CONTENT_TYPE"] = environ["CONTENT_TYPE"].partition(";")[0]


@bad_twin("environ-content-length-value", also=("unicode-environ-native-str",))
class CountsInIntegers(Changed):
    """CONTENT_LENGTH is an int."""

    def change(self, environ: dict[str, Any]) -> None:
        if "CONTENT_LENGTH" in environ:
            environ["CONTENT_LENGTH"] = int(environ["CONTENT_LENGTH"])


@bad_twin("environ-content-length-value")
class PadsLength(Changed):
    """CONTENT_LENGTH is padded with zeros."""

    def change(self, environ: dict[str, Any]) -> None:
        if "CONTENT_LENGTH" in environ:
            environ["CONTENT_LENGTH"] = environ["CONTENT_LENGTH"].zfill(10)


@good_twin("environ-content-length-value")
class SaysZero(Changed):
    """CONTENT_LENGTH is '0' where there is no body."""

    def change(self, environ: dict[str, Any]) -> None:
        if "HTTP_TRANSFER_ENCODING" not in environ:
            environ.setdefault("CONTENT_LENGTH", "0")


@bad_twin("environ-server-protocol-request-version")
class TellsOwnVersion(Changed):
    """SERVER_PROTOCOL is the version that the server speaks."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["SERVER_PROTOCOL"] = "HTTP/1.1"


@bad_twin("environ-http-vars-naming")
class KeepsHyphens(Changed):
    """Hyphens stay in the names of some headers' variables."""

    def change(self, environ: dict[str, Any]) -> None:
        if "HTTP_X_MIXED_CASE" in environ:
            environ["HTTP_X-MIXED-CASE"] = environ.pop("HTTP_X_MIXED_CASE")


@bad_twin("environ-http-vars-present")
class DropsCookies(Changed):
    """There is no HTTP_COOKIE."""

    def change(self, environ: dict[str, Any]) -> None:
        environ.pop("HTTP_COOKIE", None)


@good_twin("environ-http-vars-present", "environ-http-vars-naming")
class DropsDangerousHeaders(Changed):
    """Proxy and Authorization are left out."""

    def change(self, environ: dict[str, Any]) -> None:
        for key in ("HTTP_PROXY", "HTTP_AUTHORIZATION", "HTTP_PROXY_AUTHORIZATION"):
            environ.pop(key, None)


@bad_twin("environ-http-vars-value", also=("http-field-value-stripped",))
class EatsLastBytes(Changed):
    """Whatever Unicode calls white space is taken off a header's value."""

    def change(self, environ: dict[str, Any]) -> None:
        for key in environ:
            if key.startswith("HTTP_"):
                environ[key] = environ[key].strip()


@bad_twin("environ-http-vars-value", also=("cgi-repeated-fields-combined",))
class TellsTheFirst(Gateway):
    """Of repeated headers only the first counts."""

    def header_variables(self) -> dict[str, str]:
        first: dict[bytes, tuple[bytes, bytes]] = {}
        for name, value in self.request.fields:
            first.setdefault(name, (name, value))
        self.request.fields = list(first.values())
        return super().header_variables()


@bad_twin("environ-http-vars-value")
class LowersValues(Changed):
    """A header's value is put into lower case."""

    def change(self, environ: dict[str, Any]) -> None:
        if "HTTP_ACCEPT" in environ:
            environ["HTTP_ACCEPT"] = environ["HTTP_ACCEPT"].replace("text/", "TEXT/")


@good_twin("environ-http-vars-value", "unicode-environ-byte-preserving")
class RefusesRawBytes(Gateway):
    """A request with bytes beyond ASCII in its head is answered with 400."""

    def run(self) -> None:
        head = [self.request.target, *(value for _, value in self.request.fields)]
        if all(part.isascii() for part in head):
            super().run()
        else:
            self.transport.send_head(400, b"Bad Request", [(b"Content-Length", b"0")])
            self.transport.finish()


@bad_twin("environ-http-vars-absent")
class InventsHeaders(Changed):
    """HTTP_ variables of the process's environment pass for headers."""

    def change(self, environ: dict[str, Any]) -> None:
        for key, value in os.environ.items():
            if key.startswith("HTTP_"):
                environ.setdefault(key, value)


@good_twin("unicode-environ-latin1-only", "environ-extension-name-charset")
class CopiesItsSurroundings(Changed):
    """The process's environment is there as well, in Latin-1 clothing and without HTTP_."""

    def change(self, environ: dict[str, Any]) -> None:
        for key, value in os.environ.items():
            if not key.startswith("HTTP_"):
                environ.setdefault(key, os.fsencode(value).decode("latin-1"))


@bad_twin("environ-other-cgi-variables")
class HidesTheClient(Changed):
    """There is no REMOTE_ADDR."""

    def change(self, environ: dict[str, Any]) -> None:
        del environ["REMOTE_ADDR"]


@good_twin("environ-other-cgi-variables")
class TellsLittleOfItself(Changed):
    """There is neither SERVER_SOFTWARE nor GATEWAY_INTERFACE."""

    def change(self, environ: dict[str, Any]) -> None:
        del environ["SERVER_SOFTWARE"], environ["GATEWAY_INTERFACE"]


@bad_twin("environ-valueless-variables-omitted")
class EmptyUser(Changed):
    """REMOTE_USER is empty where nobody logged in."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["REMOTE_USER"] = ""


@bad_twin("environ-url-scheme-value")
class AlwaysSecure(Changed):
    """The scheme is https without TLS."""

    def change(self, environ: dict[str, Any]) -> None:
        environ["wsgi.url_scheme"] = "https"


class ShortInput(Input):
    def __init__(self, receive: Any) -> None:
        super().__init__(receive)
        self.left = 1 << 16

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)[: self.left]
        self.left -= len(data)
        return data


@bad_twin("environ-input-present")
class CutsTheBody(Gateway):
    """wsgi.input ends after 64 KiB, for the path /body-in-parts alone."""

    def environ(self) -> dict[str, Any]:
        if self.request.target == b"/body-in-parts":
            self.input_class = ShortInput
        return super().environ()


@bad_twin("environ-input-present")
class NoInputWithoutBody(Changed):
    """wsgi.input is None in a request without a body."""

    def change(self, environ: dict[str, Any]) -> None:
        if environ["REQUEST_METHOD"] == "HEAD":
            environ["wsgi.input"] = None
