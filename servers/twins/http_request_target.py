"""Twins of the rules in RFC 9112 section 3.2, Request Target and Host."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import h11

from conformance.reference import Connection, Gateway
from conformance.reference.twins import bad_twin, good_twin

from ._requests import Rewrites, hide, refuse


class HidesInTargets(Rewrites):
    """Takes octets in a target that make it malformed."""

    octets = b""

    def rewrite_line(self, line: bytes) -> bytes:
        words = line.split(b" ")
        if len(words) == 3:
            words[1] = hide(words[1], self.octets)
        return b" ".join(words)


@bad_twin("http-target-control-characters")
class TakesControlCharacters(HidesInTargets):
    """A control character in a target is taken for a part of the path."""

    octets = b"\x00-\x08\x7f"


@bad_twin("http-target-non-ascii")
class TakesRawOctets(HidesInTargets):
    """Octets beyond ASCII in a target are taken for a part of it."""

    octets = b"\x80-\xff"


@bad_twin("http-origin-form-double-slash")
class SplitsUrls(Gateway):
    """What follows two slashes at the start of a target is a host, and left out."""

    def target_path(self) -> bytes:
        target = super().target_path()
        return target if target == b"*" else self.split(target)

    def split(self, target: bytes) -> bytes:
        """Return path and query as urlsplit finds them."""
        _, _, path, query, _ = urlsplit(target)
        return path + b"?" + query if query else path


@bad_twin("http-origin-form-double-slash")
class MergesFirstSlashes(Gateway):
    """Several slashes at the start of a target become one."""

    def target_path(self) -> bytes:
        return re.sub(rb"\A/+", b"/", super().target_path())


@good_twin("http-origin-form-double-slash")
class RefusesTwoSlashes(Connection):
    """A target that begins with two slashes is answered with 404."""

    def check(self, event: h11.Request) -> None:
        """Refuse."""
        super().check(event)
        if event.target.startswith(b"//"):
            raise refuse(404)


@bad_twin("http-absolute-form-accepted")
class IsNoProxy(Connection):
    """A target in absolute form is refused, as only a proxy would take it."""

    def check(self, event: h11.Request) -> None:
        """Refuse."""
        super().check(event)
        if b"://" in event.target.partition(b"?")[0]:
            raise refuse()


@good_twin("http-absolute-form-accepted")
class KeepsEmptyPaths(Gateway):
    """The path of an absolute-form target without one is empty."""

    def target_path(self) -> bytes:
        path = super().target_path()
        bare = self.target_authority() is not None and self.request.target.count(b"/") == 2
        return path.removeprefix(b"/") if bare else path


@bad_twin("http-absolute-form-host")
class BelievesHost(Gateway):
    """HTTP_HOST is Host, whatever the target says."""

    def header_variables(self) -> dict[str, str]:
        variables = super().header_variables()
        hosts = [value for name, value in self.request.fields if name.lower() == b"host"]
        return {**variables, "HTTP_HOST": hosts[0].decode("latin-1")} if hosts else variables


@good_twin("http-absolute-form-host", "http-absolute-form-accepted")
class WantsOneHost(Connection):
    """A target in absolute form whose host is not that of Host is refused."""

    def check(self, event: h11.Request) -> None:
        """Compare."""
        super().check(event)
        absolute = re.match(rb"[A-Za-z]+://([^/?]*)", event.target)
        if absolute and (b"host", absolute[1]) not in event.headers:
            raise refuse()


@good_twin("http-absolute-form-host")
class LeavesHostOut(Gateway):
    """For a target in absolute form there is no HTTP_HOST."""

    def header_variables(self) -> dict[str, str]:
        variables = super().header_variables()
        if self.target_authority() is not None:
            del variables["HTTP_HOST"]
        return variables


@bad_twin("http-asterisk-form")
class TakesAsterisks(Connection):
    """An asterisk is a target for every method."""

    def is_target(self, event: h11.Request) -> bool:
        """Whether it has one of the forms."""
        return event.target == b"*" or super().is_target(event)


@bad_twin("http-options-asterisk")
class RefusesAsterisks(Connection):
    """An asterisk is no target."""

    def is_target(self, event: h11.Request) -> bool:
        """Whether it has one of the forms."""
        return event.target != b"*" and super().is_target(event)


@good_twin("http-options-asterisk", "http-asterisk-form")
class AnswersForItself(Gateway):
    """OPTIONS * is answered by the server."""

    def run(self) -> None:
        if self.request.target == b"*":
            self.transport.send_head(200, b"OK", [(b"Content-Length", b"0")])
            self.transport.finish()
        else:
            super().run()


class ChangesPath(Gateway):
    """Makes another path of a path."""

    def path_variables(self) -> dict[str, str]:
        variables = super().path_variables()
        return {**variables, "PATH_INFO": self.change(variables["PATH_INFO"])}

    def change(self, path: str) -> str:
        """Return PATH_INFO."""
        raise NotImplementedError


@bad_twin("http-target-octets")
class EndsAtNul(ChangesPath):
    """A path ends before the first NUL, as a string of C does."""

    def change(self, path: str) -> str:
        return path.partition("\0")[0]


@bad_twin("http-target-octets")
class ReadsOverlongSlashes(ChangesPath):
    """0xC0 0xAF is a slash, as a careless reader of UTF-8 finds."""

    def change(self, path: str) -> str:
        return path.replace("\xc0\xaf", "/")


@good_twin("http-target-octets")
class KeepsEscapedControls(ChangesPath):
    """Control characters in a path stay escaped."""

    def change(self, path: str) -> str:
        return re.sub(r"[\0-\x1f]", lambda found: f"%{ord(found[0]):02X}", path)


@good_twin("http-target-octets")
class RefusesEscapedControls(Connection):
    """A target with an escaped control character is refused."""

    def check(self, event: h11.Request) -> None:
        """Look for one."""
        super().check(event)
        if re.search(rb"%[01][0-9A-Fa-f]", event.target):
            raise refuse()


INVENTED = b"conformance.invalid"


@bad_twin("http-host-required")
class DoesWithoutHost(Rewrites):
    """A request of HTTP/1.1 without Host is served."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        if re.search(rb"(?im)^host[ \t]*:", fields):
            return fields
        return b"Host: " + INVENTED + b"\r\n" + fields

    def describe(self, event: h11.Request) -> Any:
        """Leave out what was made up."""
        request = super().describe(event)
        request.fields = [field for field in request.fields if field[1] != INVENTED]
        return request


class RefusesHosts(Connection):
    """Answers what is wrong with Host in a way of its own."""

    def is_about_host(self, error: h11.RemoteProtocolError) -> bool:
        return "Host" in str(error) and "illegal" not in str(error)


@bad_twin("http-host-required", "http-host-single", "http-host-invalid")
class MisdirectsHosts(RefusesHosts):
    """What is wrong with Host is answered with 421."""

    def status_of(self, error: h11.RemoteProtocolError) -> int:
        """Return the status."""
        return 421 if self.is_about_host(error) else super().status_of(error)


@bad_twin("http-host-required", "http-host-single", "http-host-invalid")
class HangsUpOnHosts(RefusesHosts):
    """What is wrong with Host is answered with the end of the connection."""

    def refuse(self, error: h11.RemoteProtocolError) -> None:
        """Say nothing."""
        if not self.is_about_host(error):
            super().refuse(error)


@bad_twin("http-host-single")
class TakesTheLastHost(Rewrites):
    """Of several Host the last counts."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb"(?ims)^host: [^\r\n]*\r\n(?=.*^host: )", b"", fields)


@bad_twin("http-host-invalid")
class TakesAnyHost(Connection):
    """Whatever is in Host is a host."""

    def is_host(self, value: bytes) -> bool:
        """Say yes."""
        return True
