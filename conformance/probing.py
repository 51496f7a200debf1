"""What a probe file is written with: ``@probe``, its client half, and ``request``.

A probe file is imported twice: by the harness, which runs the client halves, and inside the server
under test, which calls the applications. So this module needs nothing but the standard library of
Python 3.8.
"""

import importlib.util
import os
import sys
import zlib
from types import ModuleType
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

__all__ = ["Probe", "ProbeError", "load_probes", "probe", "request"]

Application = Callable[[Dict[str, Any], Callable[..., Any]], Any]
# (client, verify): their types belong to the harness, which does not exist inside a server.
Conduct = Callable[[Any, Any], None]


class ProbeError(Exception):
    """A probe file that cannot be used; the message names the file and the fix."""


class Probe:
    """A WSGI application, and what a client does to it and must then find.

    Attributes:
        application: called by the server under test.
        rules: ids of the rules that the client half judges, each at least once.
        facts: names of the facts that it finds out, where the server lets it.
        name: ``file.function``, unique over all probes.
        summary: first line of the application's docstring.
        conduct: the client half, or None until it has been declared.
        starts_anew: whether it has the server started with other applications.
    """

    def __init__(
        self,
        application: Application,
        rules: Tuple[str, ...],
        facts: Tuple[str, ...] = (),
        starts_anew: bool = False,
    ) -> None:
        self.application = application
        self.starts_anew = starts_anew
        self.rules = rules
        self.facts = facts
        module = application.__module__.rpartition(".")[2]
        self.name = f"{module}.{application.__name__}"
        self.summary = (application.__doc__ or "").strip().partition("\n")[0]
        self.conduct: Optional[Conduct] = None

    def client(self, conduct: Conduct) -> Conduct:
        """Decorate the client half: a function of ``(client, verify)``."""
        self.conduct = conduct
        return conduct

    def __call__(self, environ: Dict[str, Any], start_response: Callable[..., Any]) -> Any:
        return self.application(environ, start_response)


def probe(
    *rules: str, facts: Iterable[str] = (), starts_anew: bool = False
) -> Callable[[Application], Probe]:
    """Make a probe of a WSGI application.

    Args:
        rules: ids of the rules that the client half will judge.
        facts: names of the facts that it will find out; a probe may have these alone.
        starts_anew: whether the client half uses ``client.mount``.
    """
    known = tuple(facts)

    def decorate(application: Application) -> Probe:
        return Probe(application, rules, known, starts_anew)

    return decorate


def request(
    method: str = "GET",
    target: str = "/",
    headers: Iterable[Tuple[str, str]] = (),
    body: bytes = b"",
    version: str = "1.1",
    host: Optional[str] = "conformance.test",
) -> bytes:
    """Return the bytes of a request, as given and unchecked.

    Args:
        method: the method token.
        target: the request-target (RFC 9112 section 3.2), sent as Latin-1.
        headers: field lines in order, sent as Latin-1.
        body: what follows the head; announced by Content-Length where there is one and neither
            Content-Length nor Transfer-Encoding is among the headers.
        version: HTTP version, without the name.
        host: value of the Host field, or None for a request without one.
    """
    fields: List[Tuple[str, str]] = list(headers)
    names = {name.lower() for name, _ in fields}
    if host is not None and "host" not in names:
        fields.insert(0, ("Host", host))
    if body and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/{version}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def load_module(path: str, family: str = "conformance_probes") -> ModuleType:
    """Import a file by its path, under a name that hides no module of the server's or the user's.

    Files of one directory are one package, so that they can share helpers: a file whose name begins
    with an underscore holds no probes, and ``from ._name import thing`` finds it.

    Errors:
        ProbeError: the file cannot be read or imported.
    """
    directory, file = os.path.split(os.path.abspath(path))
    package = f"{family}_{zlib.crc32(directory.encode('utf-8', 'surrogateescape')):08x}"
    if package not in sys.modules:
        parent = sys.modules[package] = ModuleType(package)
        parent.__path__ = [directory]
    name = f"{package}.{os.path.splitext(file)[0]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ProbeError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ProbeError(f"{path}: {type(error).__name__}: {error}") from error
    return module


def load_probes(directory: str) -> Dict[str, Probe]:
    """Return the probes of all files of a directory by name; being there is all it takes.

    Errors:
        ProbeError: a file cannot be imported, or a probe has neither rule nor fact, or no client
            half.
    """
    found: Dict[str, Probe] = {}
    for entry in sorted(os.listdir(directory)):
        if entry.endswith(".py") and not entry.startswith("_"):
            path = os.path.join(directory, entry)
            for value in vars(load_module(path)).values():
                if isinstance(value, Probe):
                    value.name = f"{entry[:-3]}.{value.application.__name__}"
                    if value.conduct is None:
                        raise ProbeError(
                            f"{path}: {value.name} has no client half: "
                            f"add one with @{value.application.__name__}.client"
                        )
                    if not value.rules and not value.facts:
                        raise ProbeError(
                            f"{path}: {value.name} judges no rule: name one in @probe(...)"
                        )
                    found[value.name] = value
    return found
