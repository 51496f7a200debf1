"""Applications and how they can be called."""

from __future__ import annotations

import io
from functools import partial

from conformance.driver.twins import bad_app, good_app


@bad_app("app-callable", made=True)
def list_for_application():
    """A body stands where the application should."""
    return [b"x"]


@bad_app("app-callable", made=True)
def module_for_application():
    """The module that holds the application stands in its place."""
    return io


@bad_app("app-accepts-two-arguments")
def takes_environ_alone(environ):
    """The application has one parameter."""
    return [b"x"]


@bad_app("app-accepts-two-arguments")
def takes_three(environ, start_response, settings):
    """The application has a third parameter without a default."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("app-accepts-two-arguments")
def takes_keywords(*, environ, start_response):
    """The application's parameters go by keyword only."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("app-accepts-two-arguments", made=True)
def method_unbound():
    """The application is a method of a class that nobody made an instance of."""

    class Site:
        def __call__(self, environ, start_response):
            return [b"x"]

    return Site.__call__


@bad_app("app-accepts-two-arguments")
class TakesOneToBegin:
    """A class whose __init__ has one parameter less than it takes."""

    def __init__(self, environ) -> None:
        self.environ = environ


@bad_app("app-accepts-two-arguments", level="undefined", made=True)
def compiled_application_of_one():
    """A built-in of one argument stands for an application without frames of its own."""
    return len


@good_app("app-accepts-two-arguments")
def takes_more_by_choice(environ, start_response, /, settings=None, *rest, **options):
    """Parameters by position only, and further ones that need not be given."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("app-accepts-two-arguments", made=True)
def partial_application():
    """The application is a partial of a function of three."""

    def application(settings, e, s):
        s("200 OK", [("Content-Type", "text/plain")])
        return [b"x"]

    return partial(application, {})


@good_app("app-accepts-two-arguments", "app-callable")
class ClassOfResponses:
    """The application is a class, and each response an instance of it."""

    def __init__(self, environ, start_response) -> None:
        start_response("200 OK", [("Content-Type", "text/plain")])

    def __iter__(self):
        yield b"x"


@good_app("app-accepts-two-arguments", notes=("errors-trapped-by-application",))
def raises_type_error_inside(environ, start_response):
    """A TypeError comes from within the application, about arguments even."""
    return takes_three(environ, start_response)
