"""The sample site in Webware for Python: a servlet class for each page.

Webware finds a servlet by the name of a file in a context, a directory, and the class in it by the
same name; here each such file takes the class from this module.
"""

import atexit
import contextlib
import io
import json as json_format
import shutil
import tempfile
from pathlib import Path

import webware

webware.addToSearchPath()

# Webware's own modules are top-level ones, found since the line above.
from Application import Application  # noqa: E402
from HTTPServlet import HTTPServlet  # noqa: E402
from Scripts.MakeAppWorkDir import MakeAppWorkDir  # noqa: E402

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")
PLAIN = "text/plain; charset=utf-8"


class Page(HTTPServlet):
    """A page that is written at one go."""

    def say(self, transaction, text, content_type=PLAIN):
        response = transaction.response()
        response.setHeader("Content-Type", content_type)
        response.write(text)


class text(Page):
    def respondToGet(self, transaction):
        self.say(transaction, "Hello from a WSGI application.\n")


class json(Page):
    def respondToGet(self, transaction):
        value = {"ok": True, "name": "café"}
        self.say(transaction, json_format.dumps(value), "application/json")


class stream(Page):
    def respondToGet(self, transaction):
        response = transaction.response()
        response.setHeader("Content-Type", PLAIN)
        response.streamOut().setAutoCommit()
        try:
            for word in ("one", "two", "three"):
                response.write(word + "\n")
                response.flush()
        finally:
            CLEANED.append("stream")


class upload(Page):
    def respondToPost(self, transaction):
        request = transaction.request()
        body = request.rawInput(rewind=True).read()
        self.say(transaction, body, "application/octet-stream")


class redirect(Page):
    def respondToGet(self, transaction):
        transaction.response().sendRedirect(transaction.request().servletPath() + "/text")


class cookies(Page):
    def respondToGet(self, transaction):
        response = transaction.response()
        response.setCookie("fruit", "apple")
        response.setCookie("colour", "red")
        self.say(transaction, transaction.request().cookie("fruit", "none") + "\n")


class cafe(Page):
    def respondToGet(self, transaction):
        self.say(transaction, "café\n")


class empty(Page):
    def respondToGet(self, transaction):
        transaction.response().setStatus(204, "No Content")


class error(Page):
    def respondToGet(self, transaction):
        raise RuntimeError("as asked for")


class form(Page):
    def respondToPost(self, transaction):
        self.say(transaction, transaction.request().field("name") + "\n")


SERVLETS = {
    "text": text,
    "json": json,
    "stream": stream,
    "upload": upload,
    "redirect": redirect,
    "cookies": cookies,
    # Webware leaves the path as WSGI has it: bytes, shown as Latin-1.
    "café".encode().decode("latin-1"): cafe,
    "empty": empty,
    "error": error,
    "form": form,
}
FILE = """\
import {module}

vars()[{name!r}] = {module}.{servlet}
"""


def make_application() -> Application:
    """Make a working directory with the servlets' context, and an application that uses it."""
    scratch = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    work = Path(scratch, "work")
    context = work / "Site"
    settings = {
        "Contexts": {"default": str(context)},
        "PrintConfigAtStartUp": False,
        "LogErrors": False,
        "SaveErrorMessages": False,
        "AppLogFilename": None,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        MakeAppWorkDir(str(work), contextName=context.name, verbose=False).buildWorkDir()
        shutil.copy(SQUARES, context / "download.csv")
        for name, servlet in SERVLETS.items():
            source = FILE.format(module=__name__, name=name, servlet=servlet.__name__)
            (context / f"{name}.py").write_text(source, "utf-8")
        return Application(str(work), settings=settings, development=False)


app = make_application()
