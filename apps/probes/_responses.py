"""What the probes of responses on the wire share: how the bytes of a head are looked at."""

import re

from conformance.probing import request

TYPE = ("Content-Type", "text/plain")
CLOSE = ("Connection", "close")
TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FIXDATE = re.compile(
    rb"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] "
    rb"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} "
    rb"[0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT"
)


def closing(method="GET", headers=(), **more):
    """Return a request that asks for the end of the connection, so that all of it gets seen."""
    return request(method, headers=[CLOSE, *headers], **more)


def head_of(seen):
    """Return the bytes of the first head that was received, its empty line left out."""
    received = bytes(seen.connection.received)
    return received.partition(b"\r\n\r\n")[0]


def lines_of(head):
    """Return the lines of a head below its status line, as a client splits them at every LF."""
    return [line.rstrip(b"\r") for line in head.split(b"\n")[1:]]


def refused(seen):
    """Whether there is an error in place of the response asked for, or nothing."""
    return seen.response is None or not seen.response.status or seen.response.status >= 500


def behind_head(seen):
    """Return what followed the head of a response that ends with it, a fence's answer left out."""
    if seen.response is None:
        return b""
    return seen.behind


def says_close(response):
    """Whether a response announces the end of its connection."""
    return "close" in response.tokens("Connection")


def judge_announced(claim, kind, response, ended):
    """Claim that a response of HTTP/1.1 says close where the connection then ends.

    Returns:
        Whether there was anything to judge.
    """
    if response.version != "1.1" or response.framing == "close":
        return False
    claim.true(
        not ended or says_close(response),
        f"{kind}: the connection goes on, or the response has Connection: close",
        "{}: {}, Connection: {}".format(
            kind, "it ended" if ended else "it goes on", response.all("Connection") or "none"
        ),
    )
    return True
