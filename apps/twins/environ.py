"""Applications under an environ, or a request, that looks odd and is legal."""

from __future__ import annotations

import io

from conformance.driver.memory import ABSENT, MemoryGateway, Request
from conformance.driver.twins import good_app

from ._gateways import FileStreams

METHODS = (b"PROPFIND", b"M-SEARCH", b"QUERY", b"PATCH", b"VERSION-CONTROL", b"purge", b"X")


class Unprintable:
    """An extension value whose repr fails."""

    def __repr__(self) -> str:
        raise RuntimeError("this must not be shown")

    __str__ = __repr__


class Counted:
    """An extension value that counts how often somebody makes text of it."""

    shown = 0

    def __repr__(self) -> str:
        self.shown += 1
        return "Counted()"


@good_app(
    "environ-empty-variables-tolerated",
    "environ-cgi-variables-present",
    changes={"SCRIPT_NAME": ABSENT, "PATH_INFO": ABSENT, "QUERY_STRING": ABSENT},
)
def without_empty_variables(environ, start_response):
    """SCRIPT_NAME, PATH_INFO and QUERY_STRING are left out, as all three are empty."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [path.encode("latin-1")]


@good_app("environ-cgi-variables-present", changes={"SCRIPT_NAME": "", "PATH_INFO": ""})
def with_empty_variables(environ, start_response):
    """SCRIPT_NAME and PATH_INFO are both empty: the application's root, without a slash."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("cgi-script-name-form", changes={"SCRIPT_NAME": "/app", "PATH_INFO": ABSENT})
def mounted_without_path(environ, start_response):
    """The application is mounted, and PATH_INFO empty and left out."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("cgi-path-info-form", request=Request(method=b"OPTIONS", target=b"*"))
def options_of_server(environ, start_response):
    """OPTIONS * has no path."""
    start_response("200 OK", [("Allow", "GET")])
    return []


@good_app(
    "cgi-path-info-form",
    "http-request-method-token",
    request=Request(method=b"CONNECT", target=b"conformance.test:443"),
    changes={"PATH_INFO": "conformance.test:443"},
)
def connects(environ, start_response):
    """CONNECT has an authority in place of a path."""
    start_response("405 Method Not Allowed", [("Allow", "GET")])
    return []


@good_app("cgi-path-info-form", request=Request(target=b"//x//y/?a=1?b=2"))
def with_double_slashes(environ, start_response):
    """The path has empty parts, and the query a question mark."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app(
    "http-request-method-token",
    "environ-request-method-required",
    request=[Request(method=method) for method in METHODS],
)
def with_unusual_methods(environ, start_response):
    """Methods of WebDAV and UPnP, new ones, and one in lower case."""
    start_response("405 Method Not Allowed", [("Allow", "GET")])
    return []


@good_app(
    "unicode-environ-latin1-only",
    request=Request(target=b"/caf%C3%A9/%E2%82%AC", fields=[(b"X-Name", b"caf\xc3\xa9")]),
)
def with_utf8_in_environ(environ, start_response):
    """Path and header hold UTF-8 carried as Latin-1."""
    name = environ["HTTP_X_NAME"].encode("latin-1")
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [environ["PATH_INFO"].encode("latin-1"), name]


@good_app(
    "unicode-environ-native-str",
    changes={"x-test.thing": Unprintable(), "x_test.list": [Unprintable()]},
)
def with_unprintable_extension(environ, start_response):
    """A value of the server's own cannot be shown."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("unicode-environ-native-str", made=True, changes={"x-test.counted": Counted()})
def with_counted_extension():
    """Nobody makes text of a value before something is wrong."""

    def application(environ, start_response):
        shown = environ["x-test.counted"].shown
        start_response("200 OK" if not shown else "500 Shown", [("Content-Type", "text/plain")])
        return [b"x"]

    return application


@good_app("unicode-environ-native-str", changes={"x-test.path": b"/x", "x-test.number": 1})
def with_extensions_of_any_type(environ, start_response):
    """Values of the server's own are of any type."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app(
    "environ-cgi-variables-present",
    notes=("environ-extension-name-charset", "environ-extension-name-prefix"),
    changes={"APP_SETTINGS": "x", "myapp.setting": "5 \u20ac", "DATABASE_URL": "x:y"},
)
def with_settings(environ, start_response):
    """A deployer has put settings into environ."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("environ-builtin-dict", "errors-trapped-by-application")
def empties_environ(environ, start_response):
    """The application does with environ what it likes."""
    environ["PATH_INFO"] = 5
    environ["my.key"] = object()
    environ.clear()
    environ[b"bytes"] = None
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("input-listed-methods-only", request=Request(method=b"POST", body=b"xyz"))
def replaces_input(environ, start_response):
    """The application puts another input in place of the server's, and uses that as a file."""
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read())
    body = environ["wsgi.input"].read(2)
    environ["wsgi.input"].seek(0)
    environ["wsgi.input"].close()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@good_app("environ-server-protocol-present", request=Request(version=b"1.0"))
def with_http10(environ, start_response):
    """HTTP/1.0 without Host, from which the application makes the URL all the same."""
    host = environ.get("HTTP_HOST") or environ["SERVER_NAME"] + ":" + environ["SERVER_PORT"]
    start_response("301 Moved Permanently", [("Location", f"http://{host}/x")])
    return []


@good_app("http-host-valid", request=Request(fields=[(b"Host", b"a_b.test")]))
def with_underscore_in_host(environ, start_response):
    """A host name has an underscore."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("http-host-valid", request=Request(fields=[(b"Host", b"[::1]:8080")]))
def with_ipv6_host(environ, start_response):
    """The host is an IPv6 address."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("environ-content-type-value", changes={"CONTENT_TYPE": "", "CONTENT_LENGTH": ""})
def with_empty_content_variables(environ, start_response):
    """CONTENT_TYPE and CONTENT_LENGTH are there and empty."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("thread-multithread-present", changes={"wsgi.multithread": 1, "wsgi.run_once": None})
def with_truthy_flags(environ, start_response):
    """A flag is any object that is true or false."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("environ-input-present", gateway=FileStreams, request=Request(method=b"POST", body=b"x"))
def with_whole_files(environ, start_response):
    """Both streams have more than they need."""
    body = environ["wsgi.input"].read()
    environ["wsgi.errors"].write("x\n")
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


class ServesList(MemoryGateway):
    """Takes another way for a list of one, as servers do to tell the length."""

    def certain_length(self, first_block: bytes):
        return len(first_block) if type(self.result) is list and len(self.result) == 1 else None


@good_app("iterable-len-accurate", gateway=ServesList)
def returned_as_it_is(environ, start_response):
    """The server sees that the body is a list of one block."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]
