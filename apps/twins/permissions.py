"""Good applications that make use of what PEP 3333 permits them: none of it may be flagged."""

from __future__ import annotations

import io
import sys
from functools import partial

from conformance.driver.memory import Request
from conformance.driver.twins import good_app

TEXT = ("Content-Type", "text/plain")
UPLOAD = Request(method=b"POST", body=b"a\nb\n")


def plain(environ, start_response):
    start_response("200 OK", [TEXT])
    return [b"x"]


@good_app("app-callable-any-kind", made=True)
def callable_instance_of_methods():
    """It is what partial() makes of a bound method."""

    class Site:
        def answer(self, name, environ, start_response):
            start_response("200 OK", [TEXT])
            return [name]

    return partial(Site().answer, b"x")


@good_app("app-parameter-names-free")
def parameters_with_odd_names(start_response, environ, /):
    """The parameters are named the wrong way round, and by position alone."""
    environ("200 OK", [TEXT])
    return [start_response["REQUEST_METHOD"].encode("latin-1")]


@good_app("environ-modified-freely")
def changes_environ_throughout(environ, start_response):
    """Keys are added, replaced and deleted, before and after start_response."""
    environ["PATH_INFO"] = 1
    environ["x.own"] = object()
    start_response("200 OK", [TEXT])
    environ.clear()
    return [b"x"]


@good_app("iterable-may-be-empty")
def nothing_at_all(environ, start_response):
    """The iterable has no item."""
    start_response("200 OK", [TEXT])
    return iter(())


@good_app("iterable-any-kind")
class OnlyHasItems:
    """The iterable is an instance of the application's class, with __getitem__ alone."""

    def __init__(self, environ, start_response):
        start_response("200 OK", [TEXT])

    def __getitem__(self, number):
        return (b"x", b"y")[number]


@good_app("close-may-be-provided")
class CanBeClosed:
    """The iterable has close()."""

    def __init__(self, environ, start_response):
        start_response("200 OK", [TEXT])

    def __iter__(self):
        return iter([b"x"])

    def close(self):
        return


@good_app("start-response-may-be-deferred")
def starts_when_it_is_asked(environ, start_response):
    """start_response is called by the first next()."""
    start_response("200 OK", [TEXT])
    yield b"x"


@good_app("url-default-authority-allowed", "url-reconstruction-allowed")
def makes_up_its_url(environ, start_response):
    """The URL of the request is put together as the PEP shows, without Host."""
    url = "{wsgi.url_scheme}://{SERVER_NAME}:{SERVER_PORT}".format_map(environ)
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    start_response("200 OK", [TEXT, ("Content-Location", url + path)])
    return [b"x"]


@good_app("environ-server-protocol-used", request=Request(version=b"1.0"))
def looks_at_the_version(environ, start_response):
    """The age of the client's protocol decides on a header."""
    old = environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    start_response("200 OK", [TEXT, ("Expires", "0") if old else ("Cache-Control", "no-cache")])
    return [b"x"]


@good_app("input-readlines-hint-unused", request=UPLOAD)
def reads_lines_without_a_hint(environ, start_response):
    """readlines() is called without a hint."""
    lines = environ["wsgi.input"].readlines()
    start_response("200 OK", [TEXT])
    return lines


@good_app("start-response-response-replaced", "start-response-repeats-allowed")
def replaces_its_response_twice(environ, start_response):
    """A response is given up for an error's, and that for another one's."""
    start_response("200 OK", [TEXT])
    for status in ("500 Internal Server Error", "503 Service Unavailable"):
        try:
            raise LookupError(status)
        except LookupError:
            start_response(status, [TEXT], sys.exc_info())
    return [b"x"]


@good_app("iterable-block-streaming")
def streams_pieces_of_its_choosing(environ, start_response):
    """Pieces of a body of some size are yielded as they are made."""
    start_response("200 OK", [TEXT])
    for size in (1, 8192, 3, 65536):
        yield b"x" * size


@good_app("write-then-nothing")
def writes_and_returns_nothing(environ, start_response):
    """write() has said it all, and an empty block is what is left."""
    start_response("200 OK", [TEXT])(b"x")
    return [b""]


@good_app("app-config-from-environ", changes={"site.name": "probe", "site_colour": "red"})
def is_configured_by_environ(environ, start_response):
    """Settings are read from environ, one of them under a name without a dot."""
    start_response("200 OK", [TEXT])
    return [environ["site.name"].encode("ascii"), environ["site_colour"].encode("ascii")]


@good_app("app-config-wrapper", made=True)
def is_configured_by_a_wrapper():
    """A small callable around the application adds a setting to environ."""

    def configured(environ, start_response):
        environ["site.name"] = "probe"
        return plain(environ, start_response)

    return configured


@good_app("file-wrapper-may-be-used", "file-wrapper-close-optional")
def wraps_what_has_no_close(environ, start_response):
    """What is given to wsgi.file_wrapper has read() and nothing else."""

    class Reads:
        def __init__(self):
            self.read = io.BytesIO(b"x").read

    start_response("200 OK", [TEXT])
    return environ["wsgi.file_wrapper"](Reads(), 4096)


@good_app("environ-services-used", changes={"x-test.cache": {}})
def uses_a_service_of_the_servers(environ, start_response):
    """An object that the server offers in environ is used."""
    environ["x-test.cache"]["seen"] = True
    start_response("200 OK", [TEXT])
    return [b"x"]


@good_app("environ-run-once-tuning", changes={"wsgi.run_once": True})
def saves_work_where_it_runs_once(environ, start_response):
    """Nothing is kept for a next request where there is none."""
    kept = None if environ["wsgi.run_once"] else {}
    start_response("200 OK", [TEXT])
    return [repr(kept).encode("ascii")]
