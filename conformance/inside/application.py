"""The application that every server under test is pointed at: ``probe:app`` in the payload."""

import json
import os
import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

from conformance.inside.call import (
    Call,
    HarnessGone,
    Inside,
    RecordedStartResponse,
    describe,
    python_version,
    session_from,
)
from conformance.inside.snapshot import encode_callable, encode_environ
from conformance.inside.stacks import stand_by
from conformance.probing import Probe, load_module

__all__ = ["make_application"]


NOBODY = """\
503: wsgi-conformance is not running a probe here just now.

This server has loaded the payload in {directory}
and waits for: wsgi-conformance run --attach HOST:PORT --payload DIR
"""


class Stage:
    """Knows the payload directory: its session file and its probes, loaded when first played.

    A payload that was made for one run has its session from the beginning. One that is kept, which
    its seal tells, is given another by each run that is attached to it.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.modules: Dict[str, Any] = {}
        self.path = os.path.join(directory, "session.json")
        self.digest = digest_in(os.path.join(directory, "payload.json"))
        # How the file looked, and what was in it: replaced together, as threads read both.
        self.read: Tuple[Any, Dict[str, Any]] = (None, {})
        if self.digest is None:
            self.read = (None, session_from(self.path))

    def session(self) -> Dict[str, Any]:
        """Return the session of the run that is on.

        Errors:
            HarnessGone: none is.
        """
        looked, session = self.read
        if self.digest is None:
            return session
        try:
            found = os.stat(self.path)
            looks = (found.st_mtime_ns, found.st_ino, found.st_size)
            if looks != looked:
                session = session_from(self.path)
                self.read = (looks, session)
        except (OSError, ValueError) as error:
            raise HarnessGone("no run is attached") from error
        return session

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
    # Attributes of the application that the server has asked for since the last call.
    looked_up: List[str] = []

    def app(*arguments: Any, **keywords: Any) -> Any:
        environ, start_response = (*arguments, None, None)[:2]
        if environ is None:
            environ = keywords.get("environ")
        if start_response is None:
            start_response = keywords.get("start_response")
        try:
            session = stage.session()
            stand_by(session)
            call = Call(session)
        except HarnessGone:
            if stage.digest is None:
                raise
            return refuse(stage.directory, start_response)
        call.tell(
            "called",
            token=session["token"],
            payload=stage.digest,
            environ=encode_environ(environ),
            arguments=[encode_callable(argument) for argument in arguments[1:]],
            count=len(arguments),
            keywords=sorted(keywords),
            process=os.getpid(),
            thread=threading.get_ident(),
            python=python_version(),
            inherited=inherited_keys(environ),
            looked_up=[*looked_up],
        )
        looked_up.clear()
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

    app.looked_up = looked_up  # type: ignore[attr-defined]
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
    return plain("200 OK", text.encode("ascii"), start_response)


def refuse(directory: str, start_response: Callable[..., Any]) -> Any:
    """Answer whoever asks while no run is attached."""
    text = NOBODY.format(directory=directory)
    return plain("503 Service Unavailable", text.encode("utf-8", "replace"), start_response)


def plain(status: str, body: bytes, start_response: Callable[..., Any]) -> Any:
    """Answer with a plain text."""
    fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response(status, fields)
    return [body]


def digest_in(path: str) -> Optional[str]:
    """Return the digest in the seal of a payload that is kept; None for one of a single run."""
    try:
        with open(path, encoding="ascii") as file:
            return str(json.load(file)["digest"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
