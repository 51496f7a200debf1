"""The application that every server under test is pointed at: ``probe:app`` in the payload."""

import os
import threading
from typing import Any, Callable, Dict, List

from conformance.inside.call import (
    Call,
    Inside,
    RecordedStartResponse,
    describe,
    python_version,
    session_from,
)
from conformance.inside.snapshot import encode_callable, encode_environ
from conformance.probing import Probe, load_module

__all__ = ["make_application"]


class Stage:
    """Knows the payload directory: its session file and its probes, loaded when first played."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.session = session_from(os.path.join(directory, "session.json"))
        self.modules: Dict[str, Any] = {}

    def probe(self, module: str, name: str) -> Probe:
        """Return a probe of a file under ``probes/``."""
        if module not in self.modules:
            path = os.path.join(self.directory, "probes", module + ".py")
            self.modules[module] = load_module(path)
        found = getattr(self.modules[module], name)
        assert isinstance(found, Probe)
        return found


def make_application(directory: str) -> Callable[..., Any]:
    """Return the WSGI application of a payload directory.

    It takes whatever arguments the server passes, because how many and of which kind is one of the
    things to be judged.
    """
    stage = Stage(directory)

    def app(*arguments: Any, **keywords: Any) -> Any:
        environ, start_response = (*arguments, None, None)[:2]
        if environ is None:
            environ = keywords.get("environ")
        if start_response is None:
            start_response = keywords.get("start_response")
        call = Call(stage.session)
        call.tell(
            "called",
            token=stage.session["token"],
            environ=encode_environ(environ),
            arguments=[encode_callable(argument) for argument in arguments[1:]],
            count=len(arguments),
            keywords=sorted(keywords),
            process=os.getpid(),
            thread=threading.get_ident(),
            python=python_version(),
            inherited=inherited_keys(environ),
        )
        play = call.answer()
        if "say" in play:
            return say(play["say"], start_response)
        inside = Inside(call, play["parameters"])
        application = stage.probe(play["module"], play["probe"])
        environ["conformance.inside"] = inside
        try:
            result = application(environ, RecordedStartResponse(call, start_response))
        except BaseException as error:
            call.tell("raised", error=describe(error))
            raise
        call.tell("returned", type=type(result).__name__)
        return result

    return app


def inherited_keys(environ: Any) -> List[str]:
    """Return the keys whose value the server took from its process's environment.

    As it is, or as the PEP wants it: the same bytes, one Latin-1 character each.
    """
    if not isinstance(environ, dict):
        return []
    return [
        key
        for key, value in os.environ.items()
        if key in environ and environ[key] in (value, os.fsencode(value).decode("latin-1"))
    ]


def say(text: str, start_response: Callable[..., Any]) -> Any:
    """Answer a request of the harness's own (readiness, fence) with a text it can recognise."""
    body = text.encode("ascii")
    fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response("200 OK", fields)
    return [body]
