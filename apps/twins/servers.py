"""Servers, for the validator: bad ones that show from inside, good ones that only look odd.

They stand beside the twins of ``servers/twins/``, which are told apart from outside.
"""

from __future__ import annotations

from typing import Any, ClassVar

from conformance.reference.gateway import Gateway
from conformance.reference.twins import bad_twin, good_twin


class Sets(Gateway):
    """Base: sets some variables, and takes out those that are None."""

    variables: ClassVar[dict[str, Any]]

    def environ(self) -> dict[str, Any]:
        environ = super().environ()
        for key, value in self.variables.items():
            environ[key] = value
            if value is None:
                del environ[key]
        return environ


# The call


@bad_twin("app-called-with-two-args")
class PassesNoStartResponse(Gateway):
    """The application is called with environ alone."""

    def call(self) -> Any:
        call: Any = self.application
        return call(self.environ())


@bad_twin("start-response-two-args")
class PassesNothingToCall(Gateway):
    """What should be start_response is a string."""

    def call(self) -> Any:
        call: Any = self.application
        return call(self.environ(), "start_response")


@bad_twin("environ-builtin-dict")
class PassesPairs(Gateway):
    """environ is a list of pairs."""

    def call(self) -> Any:
        call: Any = self.application
        return call(list(self.environ().items()), self.start_response)


# Variables of the PEP


@bad_twin("environ-cgi-variables-present", also=("environ-server-name-required",))
class HasNoName(Sets):
    """There is no SERVER_NAME."""

    variables: ClassVar = {"SERVER_NAME": None}


@bad_twin("environ-request-method-required")
class EmptyMethod(Sets):
    """REQUEST_METHOD is empty."""

    variables: ClassVar = {"REQUEST_METHOD": ""}


@bad_twin("environ-content-length-value")
class LengthWithSign(Sets):
    """CONTENT_LENGTH has a sign, which int() takes for a number."""

    variables: ClassVar = {"CONTENT_LENGTH": "+23"}


@bad_twin("environ-content-length-value")
class LengthInWords(Sets):
    """CONTENT_LENGTH is a word."""

    variables: ClassVar = {"CONTENT_LENGTH": "unknown"}


@bad_twin("environ-url-scheme-present")
class HasNoScheme(Sets):
    """There is no wsgi.url_scheme."""

    variables: ClassVar = {"wsgi.url_scheme": None}


@bad_twin("environ-wsgi-version")
class VersionInList(Sets):
    """wsgi.version is a list."""

    variables: ClassVar = {"wsgi.version": [1, 0]}


@bad_twin("unicode-environ-native-str", also=("environ-server-port-required",))
class PortInInteger(Sets):
    """SERVER_PORT is an int."""

    variables: ClassVar = {"SERVER_PORT": 8080}


@bad_twin("unicode-environ-latin1-only")
class NameInUnicode(Sets):
    """REMOTE_USER is real text."""

    variables: ClassVar = {"REMOTE_USER": "\u20ac"}


@bad_twin("environ-tls-variables")
class ClaimsTls(Sets):
    """HTTPS is on, over plain HTTP."""

    variables: ClassVar = {"HTTPS": "on"}


@good_twin("environ-tls-variables")
class TlsSomewhere(Sets):
    """The scheme is https, and nothing more is known of TLS."""

    variables: ClassVar = {"wsgi.url_scheme": "https"}


@good_twin("environ-cgi-variables-present", "environ-content-length-value")
class LeavesOutWhatIsEmpty(Sets):
    """Neither SCRIPT_NAME nor a query, and a CONTENT_LENGTH that is empty."""

    variables: ClassVar = {"SCRIPT_NAME": None, "QUERY_STRING": None, "CONTENT_LENGTH": ""}


@good_twin("environ-url-scheme-present", "http-host-valid", "environ-valueless-variables-omitted")
class SaysLittle(Sets):
    """No Host, no client's port, a scheme that is neither http nor https, an empty header."""

    variables: ClassVar = {
        "HTTP_HOST": None,
        "REMOTE_PORT": None,
        "wsgi.url_scheme": "ws",
        "HTTP_X": "",
    }


# Variables of HTTP and CGI


@bad_twin("http-request-method-token")
class MethodOfTwoWords(Sets):
    """REQUEST_METHOD has a blank in it."""

    variables: ClassVar = {"REQUEST_METHOD": "GET IT"}


@bad_twin("http-request-method-token")
class MethodWithLineEnd(Sets):
    """REQUEST_METHOD still has its line's end."""

    variables: ClassVar = {"REQUEST_METHOD": "GET\n"}


@good_twin("http-request-method-token", "environ-request-method-required")
class MethodOfSigns(Sets):
    """REQUEST_METHOD has all characters that a token may have."""

    variables: ClassVar = {"REQUEST_METHOD": "m-search!#$%&'*+.^_`|~9"}


@bad_twin("http-server-protocol-form")
class ProtocolWithoutName(Sets):
    """SERVER_PROTOCOL is the number alone."""

    variables: ClassVar = {"SERVER_PROTOCOL": "1.1"}


@bad_twin("http-server-protocol-form")
class ProtocolWithLineEnd(Sets):
    """SERVER_PROTOCOL still has its line's end."""

    variables: ClassVar = {"SERVER_PROTOCOL": "HTTP/1.1\n"}


@good_twin("http-server-protocol-form")
class SpeaksHttp2(Sets):
    """SERVER_PROTOCOL is that of HTTP/2, in two numbers."""

    variables: ClassVar = {"SERVER_PROTOCOL": "HTTP/2.0"}


@good_twin("http-server-protocol-form")
class SpeaksOldHttp(Sets):
    """SERVER_PROTOCOL is HTTP/0.9."""

    variables: ClassVar = {"SERVER_PROTOCOL": "HTTP/0.9"}


@bad_twin("http-host-valid")
class HostOfTwoWords(Sets):
    """A Host that is no authority is passed on."""

    variables: ClassVar = {"HTTP_HOST": "conformance test"}


@bad_twin("http-host-valid")
class HostWithPath(Sets):
    """A Host with a path is passed on."""

    variables: ClassVar = {"HTTP_HOST": "conformance.test/path"}


@good_twin("http-host-valid")
class HostOfVersionSix(Sets):
    """The Host is an address of IP version 6, with a port."""

    variables: ClassVar = {"HTTP_HOST": "[2001:db8::7]:8080"}


@good_twin("http-host-valid")
class HostOfOddName(Sets):
    """The Host has an underscore, an escape, and a colon that no port follows."""

    variables: ClassVar = {"HTTP_HOST": "a_b%2dc.test:"}


@good_twin("http-host-valid")
class HostIsEmpty(Sets):
    """The Host is empty, as of a URL without an authority."""

    variables: ClassVar = {"HTTP_HOST": ""}


@bad_twin("cgi-script-name-form")
class PlaceWithoutSlash(Sets):
    """SCRIPT_NAME does not begin with a slash."""

    variables: ClassVar = {"SCRIPT_NAME": "mount"}


@bad_twin("cgi-script-name-form")
class PlaceIsSlash(Sets):
    """SCRIPT_NAME is the slash that belongs to PATH_INFO."""

    variables: ClassVar = {"SCRIPT_NAME": "/"}


@bad_twin("cgi-script-name-form")
class PlaceEndsInSlash(Sets):
    """SCRIPT_NAME ends in the slash that belongs to PATH_INFO."""

    variables: ClassVar = {"SCRIPT_NAME": "/mount/"}


@good_twin("cgi-script-name-form", "cgi-path-info-form")
class MountedAtItself(Sets):
    """SCRIPT_NAME is a place, and there is nothing below it."""

    variables: ClassVar = {"SCRIPT_NAME": "/mount/here", "PATH_INFO": ""}


@bad_twin("cgi-path-info-form")
class PathWithoutSlash(Sets):
    """PATH_INFO does not begin with a slash."""

    variables: ClassVar = {"PATH_INFO": "path"}


@good_twin("cgi-path-info-form", "cgi-script-name-form")
class PathOfAllKinds(Sets):
    """PATH_INFO has doubled slashes, dots, and bytes of all kinds."""

    variables: ClassVar = {"PATH_INFO": "//a/../b/./\u00e9\u00ff \x00?#//"}


# start_response


@bad_twin("start-response-error-returns-write")
class NoWriteAfterError(Gateway):
    """A call with exc_info returns None."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        write = super().start_response(status, fields, exc_info)
        return write if exc_info is None else None


@bad_twin("start-response-returns-write")
class NeverReturnsWrite(Gateway):
    """start_response returns None."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        write = super().start_response(status, fields, exc_info)
        return write if exc_info else None


@bad_twin("http-hop-by-hop-raises")
class PassesHopByHopOn(Gateway):
    """Hop-by-hop headers of the application's pass."""

    def check(self, status: Any, fields: Any) -> None:
        super().check(status, [])
