"""Twins of the rules in RFC 9112 sections 2.3 and 3, HTTP Version and Request Line."""

from __future__ import annotations

import re

import h11

from conformance.reference import Connection, Gateway
from conformance.reference.twins import bad_twin, good_twin

from ._requests import Rewrites, refuse


@bad_twin("http-request-line-invalid")
class RepairsTargets(Rewrites):
    """Blanks in a target are escaped, and the request served."""

    def rewrite_line(self, line: bytes) -> bytes:
        words = re.fullmatch(rb"(GET) (/\S*(?: \S+)+) (HTTP/1\.1)", line)
        if words is None:
            return line
        return b"%s %s %s" % (words[1], words[2].replace(b" ", b"%20"), words[3])


@bad_twin("http-request-line-invalid", also=("http-request-line-whitespace",))
class KnowsSimpleRequests(Rewrites):
    """A line of two words is a request, whatever the second is."""

    def rewrite_line(self, line: bytes) -> bytes:
        words = re.fullmatch(rb"GET (\S+)", line)
        return b"GET /%s HTTP/1.1" % words[1].lstrip(b"/") if words else line


@good_twin("http-request-line-invalid")
class RedirectsBlanks(Connection):
    """A request line that is malformed is answered with 301."""

    def status_of(self, error: h11.RemoteProtocolError) -> int:
        """Return the status."""
        return 301 if "illegal request line" in str(error) else super().status_of(error)


@bad_twin("http-request-line-whitespace")
class KeepsSecondBlank(Rewrites):
    """A blank too many behind the target is a part of it."""

    def rewrite_line(self, line: bytes) -> bytes:
        return re.sub(rb"\A(GET) (\S+)  (HTTP/1\.1)\Z", rb"\1 \2~~20~~ \3", line)


@good_twin("http-request-line-whitespace", "http-request-line-invalid")
class ForgivesBlanks(Rewrites):
    """The words of a request line are those between blanks of any kind."""

    def rewrite_line(self, line: bytes) -> bytes:
        words = re.split(rb"[ \t\x0b\x0c\r]+", line.strip(b" \t\x0b\x0c\r"))
        return b" ".join(words) if len(words) == 3 else line


@bad_twin("http-version-invalid")
class TakesAnyVersion(Rewrites):
    """Whatever looks like a version is one."""

    def rewrite_line(self, line: bytes) -> bytes:
        return re.sub(
            rb"\A(\S+ \S+ )(?!HTTP/\d\.\d\Z)(?i:https?)/[0-9_+.x]+\Z", rb"\1HTTP/1.1", line
        )


@bad_twin("http-version-minor")
class KnowsTwoVersions(Connection):
    """Versions other than 1.0 and 1.1 are refused."""

    def check(self, event: h11.Request) -> None:
        """Refuse."""
        if event.http_version not in (b"1.0", b"1.1"):
            raise refuse(505)
        super().check(event)


@good_twin("http-version-minor", "http-version-invalid")
class ServesEveryMajorVersion(Connection):
    """A request of HTTP/9.9 is served as though it were of 1.1."""

    def check(self, event: h11.Request) -> None:
        """Look past the version."""
        if event.http_version[:1] == b"1":
            super().check(event)


@bad_twin("http-method-unrecognized", also=("environ-request-method-value",))
class WantsKnownMethods(Connection):
    """A method in lower case, or with marks in it, is malformed."""

    def check(self, event: h11.Request) -> None:
        """Refuse."""
        super().check(event)
        if not event.method.isalpha() or not event.method.isupper():
            raise refuse()


@good_twin("http-method-unrecognized", "http-method-too-long")
class AllowsFewMethods(Connection):
    """Methods that HTTP itself does not define are answered with 405."""

    def check(self, event: h11.Request) -> None:
        """Refuse."""
        super().check(event)
        if event.method not in (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"):
            raise refuse(405)


class Silent(Connection):
    """Does not answer what it refuses with one status."""

    status = 0

    def refuse(self, error: h11.RemoteProtocolError) -> None:
        if self.status_of(error) != self.status:
            super().refuse(error)


@bad_twin("http-method-too-long")
class HangsUpOnLongMethods(Silent):
    """A method that is too long is answered with the end of the connection."""

    status = 501


@bad_twin("http-target-too-long")
class HangsUpOnLongTargets(Silent):
    """A target that is too long is answered with the end of the connection."""

    status = 414


@bad_twin("http-fields-too-large")
class HangsUpOnLargeHeads(Silent):
    """A head that is too large is answered with the end of the connection."""

    status = 431


@good_twin("http-method-too-long", "http-target-too-long")
class LimitsLines(Connection):
    """A request line of more than 16 KiB is answered with 414, whichever word is long."""

    def check(self, event: h11.Request) -> None:
        """Measure."""
        super().check(event)
        if len(event.method) + len(event.target) > 1 << 14:
            raise refuse(414)

    def status_of(self, error: h11.RemoteProtocolError) -> int:
        """Return the status."""
        status = super().status_of(error)
        return 414 if status == 501 else status


@bad_twin("http-request-line-8000")
class TakesShortLines(Connection):
    """A target of more than 4,000 octets is answered with 414."""

    def check(self, event: h11.Request) -> None:
        """Measure."""
        super().check(event)
        if len(event.target) > 4000:
            raise refuse(414)


@bad_twin("http-target-too-long")
class CutsTargets(Gateway):
    """Of a long target the first 16 KiB count."""

    def target_path(self) -> bytes:
        return super().target_path()[: 1 << 14]


@bad_twin("http-target-too-long")
class RefusesLongTargetsWith400(Connection):
    """A target of more than 16 KiB is answered with 400."""

    def check(self, event: h11.Request) -> None:
        """Measure."""
        super().check(event)
        if len(event.target) > 1 << 14:
            raise refuse()


class Reflects(Gateway):
    secret: tuple[bytes, ...] = ()

    def run(self) -> None:
        if self.request.method != b"TRACE":
            super().run()
            return
        fields = [field for field in self.request.fields if field[0].lower() not in self.secret]
        body = b"".join(b"%s: %s\r\n" % field for field in fields)
        length = (b"Content-Length", b"%d" % len(body))
        self.transport.send_head(200, b"OK", [(b"Content-Type", b"message/http"), length])
        self.transport.send_body(body)
        self.transport.finish()


@bad_twin("http-trace-secrets")
class ReflectsEverything(Reflects):
    """TRACE is answered with all that came."""


@good_twin("http-trace-secrets")
class ReflectsWhatIsHarmless(Reflects):
    """TRACE is answered with what came, secrets left out."""

    secret = (b"cookie", b"authorization")
