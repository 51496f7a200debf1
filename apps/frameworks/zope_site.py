"""The sample site in Zope: views of the root object, registered by ZCML."""

import atexit
import json as json_format
import shutil
import tempfile
from pathlib import Path

from Products.Five.browser import BrowserView
from zope.interface import implementer
from Zope2.Startup.run import make_wsgi_app
from ZPublisher.httpexceptions import HTTPExceptionHandler
from ZPublisher.Iterators import IUnboundStreamIterator, filestream_iterator

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")
PLAIN = "text/plain; charset=utf-8"

CONFIGURATION = """\
%define INSTANCE {instance}
instancehome $INSTANCE
<zodb_db main>
  <mappingstorage>
  </mappingstorage>
  mount-point /
</zodb_db>
"""
VIEW = """\
  <browser:page for="OFS.interfaces.IApplication" name="{name}" class="{module}.Views"
                attribute="{attribute}" permission="zope.Public" />
"""
ZCML = """\
<configure xmlns="http://namespaces.zope.org/zope"
           xmlns:browser="http://namespaces.zope.org/browser">
  <include package="Products.Five" />
{views}
</configure>
"""


@implementer(IUnboundStreamIterator)
class Lines:
    """A stream: Zope's publisher asks for the interface, so a bare generator would not do."""

    def __init__(self) -> None:
        self.words = iter((b"one\n", b"two\n", b"three\n"))

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> bytes:
        return next(self.words)

    def close(self) -> None:
        CLEANED.append("stream")


class Views(BrowserView):
    """All pages; each is published under a name of its own."""

    def plain(self, text: str) -> str:
        self.request.response.setHeader("Content-Type", PLAIN)
        return text

    def text(self) -> str:
        return self.plain("Hello from a WSGI application.\n")

    def json(self) -> str:
        self.request.response.setHeader("Content-Type", "application/json")
        return json_format.dumps({"ok": True, "name": "café"})

    def stream(self) -> Lines:
        self.request.response.setHeader("Content-Type", PLAIN)
        return Lines()

    def upload(self) -> bytes:
        self.request.response.setHeader("Content-Type", "application/octet-stream")
        return self.request.get("BODY", b"")

    def download(self) -> filestream_iterator:
        response = self.request.response
        response.setHeader("Content-Type", "text/csv")
        response.setHeader("Content-Length", str(SQUARES.stat().st_size))
        return filestream_iterator(str(SQUARES), "rb")

    def redirect(self) -> str:
        return self.request.response.redirect(self.request["BASE1"] + "/text")

    def cookies(self) -> str:
        response = self.request.response
        response.setCookie("fruit", "apple")
        response.setCookie("colour", "red")
        return self.plain(self.request.cookies.get("fruit", "none") + "\n")

    def cafe(self) -> str:
        return self.plain("café\n")

    def empty(self) -> str:
        self.request.response.setStatus(204)
        return ""

    def error(self) -> str:
        raise RuntimeError("as asked for")

    def form(self) -> str:
        return self.plain(self.request.form["name"] + "\n")


NAMES = "text json stream upload download redirect cookies empty error form"
VIEWS = {**{name: name for name in NAMES.split()}, "café": "cafe"}


def make_application() -> HTTPExceptionHandler:
    """Make an instance in a directory of its own, and the pipeline that Zope's own setup uses."""
    instance = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, instance, ignore_errors=True)
    (instance / "etc").mkdir()
    (instance / "var").mkdir()
    views = "".join(
        VIEW.format(name=name, module=__name__, attribute=attribute)
        for name, attribute in VIEWS.items()
    )
    (instance / "etc" / "site.zcml").write_text(ZCML.format(views=views), "utf-8")
    configuration = instance / "etc" / "zope.conf"
    configuration.write_text(CONFIGURATION.format(instance=instance), "utf-8")
    return HTTPExceptionHandler(make_wsgi_app({}, str(configuration)))


app = make_application()
