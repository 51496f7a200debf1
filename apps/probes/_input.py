"""What the probes of wsgi.input share: bodies, and ways to read them."""

import hashlib

LINES = [b"a\r\n", b"b\rc\n", b"\n", b"d\n"]


def finish(start_response):
    start_response("200 OK", [("Content-Length", "0")])
    return []


def read_pieces(stream, total, size):
    """Read so many bytes and never one beyond; stop at an empty result."""
    pieces = []
    rest = total
    while rest > 0:
        piece = stream.read(min(size, rest))
        pieces.append(piece)
        if not piece:
            break
        rest -= len(piece)
    return pieces


def digest(data):
    """Tell enough of many bytes to compare them."""
    return (len(data), hashlib.sha256(data).hexdigest())
