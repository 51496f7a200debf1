"""What the probes of file handling share: files to wrap, and what to do without a wrapper."""

import functools
import os
import tempfile

# Lines that name their place; 61 bytes each, so that they fall into step with no block size, and
# nearly all alike, so that they take little room in a trace.
LINES = b"".join(b"line %06d%s\n" % (number, b"." * 49) for number in range(1009))
OCTETS = ("Content-Type", "application/octet-stream")


def pattern(size):
    """Return so many bytes, the same ones each time, whose place can be told from them."""
    return (LINES * (size // len(LINES) + 1))[:size]


def real_file(data, size=None):
    """Return a file of the operating system's, opened for reading as applications open theirs.

    Args:
        size: what to extend it to, without writing; the length of the data where None.
    """
    descriptor, path = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if size is not None:
                file.truncate(size)
        return open(path, "rb")
    finally:
        os.unlink(path)


def pipe(data):
    """Return the reading end of a pipe that holds data, not more than fits into one."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as end:
        end.write(data)
    return os.fdopen(reading, "rb")


def offered(application):
    """Answer with nothing where there is no wrapper; the client half reads that in environ."""

    @functools.wraps(application)
    def checked(environ, start_response):
        if "wsgi.file_wrapper" in environ:
            return application(environ, start_response)
        start_response("200 OK", [OCTETS, ("Content-Length", "0")])
        return []

    return checked


def lacking(seen, verify, *rules):
    """Whether the server has no wrapper, which it need not have; says so of the rules."""
    if "wsgi.file_wrapper" in seen.environ:
        return False
    for rule in rules:
        verify(rule).unsupported("no wsgi.file_wrapper in environ", "wsgi.file_wrapper")
    return True
