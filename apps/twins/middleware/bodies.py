"""Middlewares at fault, or not, in what they make of headers and bodies."""

from __future__ import annotations

import zlib

from conformance.driver.middleware_twins import bad_middleware, good_middleware


def adding(*fields, remove=()):
    """Return a middleware that adds headers."""

    def wrap(app):
        def middleware(environ, start_response):
            def start(status, headers, *error):
                kept = [item for item in headers if item[0].lower() not in remove]
                return start_response(status, [*kept, *fields], *error)

            return app(environ, start)

        return middleware

    return wrap


@good_middleware(
    "middleware-response-well-formed",
    "middleware-strings-native",
    "middleware-hop-headers-not-sent",
    "middleware-hop-features-not-used",
    "middleware-persistence-headers-not-sent",
    "middleware-headers-case-insensitive",
)
def adds_headers(app):
    """Adds headers of its own, in any case of letters, one of them beyond ASCII."""
    return adding(("x-TWIN", "caf\xe9"), ("Via", "1.1 twin"))(app)


@bad_middleware("middleware-response-well-formed")
def hands_up_tuple(app):
    """Hands up a tuple of headers."""

    def middleware(environ, start_response):
        def start(status, headers, *error):
            return start_response(status, (*headers, ("X-Twin", "1")), *error)

        return app(environ, start)

    return middleware


@bad_middleware("middleware-response-well-formed")
def adds_newline(app):
    """Adds a header with a line break in its value."""
    return adding(("X-Twin", "one\r\ntwo"))(app)


@bad_middleware("middleware-response-well-formed")
def pads_status(app):
    """Hands up a status with a space at its end."""

    def middleware(environ, start_response):
        return app(environ, lambda status, *more: start_response(status + " ", *more))

    return middleware


@bad_middleware("middleware-hop-headers-not-sent")
def adds_hop_header(app):
    """Adds a header that is between a server and its client alone."""
    return adding(("Upgrade", "h2c"))(app)


@bad_middleware("middleware-persistence-headers-not-sent")
def adds_connection(app):
    """Adds a Connection header."""
    return adding(("Connection", "close"))(app)


@bad_middleware("middleware-persistence-headers-not-sent")
def adds_keep_alive(app):
    """Adds a Keep-Alive header."""
    return adding(("Keep-Alive", "timeout=5"))(app)


class Changing:
    """Base: hands up each block changed; what is text is text."""

    types = ("text/",)
    ignores_coding = False
    keeps_length = False
    exact = False
    early = False

    def __init__(self, app, environ, start_response):
        self.start_response = start_response
        self.active = None
        self.result = app(environ, self.start)
        self.items = None

    def start(self, status, headers, *error):
        names = {(name if self.exact else name.lower()): value for name, value in headers}
        kind = names.get("Content-Type" if self.exact else "content-type", "")
        coded = "content-encoding" in names and not self.ignores_coding
        if self.active is None or not self.early:
            self.active = kind.lower().startswith(self.types) and not coded
        if self.active and not self.keeps_length:
            headers = [item for item in headers if item[0].lower() != "content-length"]
        write = self.start_response(status, headers, *error)
        return lambda data: write(self.changed(data))

    def changed(self, data):
        return self.change(data) if self.active and data else data

    def change(self, data):
        return data.replace(b"text", b"prose")

    def __iter__(self):
        return self

    def __next__(self):
        if self.items is None:
            self.items = iter(self.result)
        return self.changed(next(self.items))

    def close(self):
        close = getattr(self.result, "close", None)
        if close is not None:
            close()


@good_middleware(
    "middleware-transform-byte-safe",
    "middleware-transform-fixes-length",
    "middleware-transform-checks-encoding",
    "middleware-transform-decided-late",
    "middleware-headers-case-insensitive",
    "middleware-returns-write",
)
def changes_text(app):
    """Changes text, and does all that goes with it."""
    return lambda environ, start_response: Changing(app, environ, start_response)


@bad_middleware("middleware-transform-fixes-length")
def keeps_length(app):
    """Changes the length of text and leaves Content-Length as it was."""

    class Keeping(Changing):
        keeps_length = True

    return lambda environ, start_response: Keeping(app, environ, start_response)


@bad_middleware("middleware-transform-checks-encoding")
def changes_encoded(app):
    """Changes text by its type alone, compressed or not."""

    class Careless(Changing):
        ignores_coding = True

        def change(self, data):
            return data.swapcase()

    return lambda environ, start_response: Careless(app, environ, start_response)


@bad_middleware("middleware-transform-decided-late")
def decides_early(app):
    """Decides by the first start_response, whatever comes after it."""

    class Early(Changing):
        early = True

        def change(self, data):
            return data.swapcase()

    return lambda environ, start_response: Early(app, environ, start_response)


@bad_middleware("middleware-transform-byte-safe")
def gives_text(app):
    """Decodes text and hands up str."""

    class Decoding(Changing):
        def change(self, data):
            return data.decode("utf-8").title()

    return lambda environ, start_response: Decoding(app, environ, start_response)


@bad_middleware("middleware-transform-byte-safe")
def decodes_everything(app):
    """Takes every body for text in UTF-8."""

    class Decoding(Changing):
        types = ("",)

        def change(self, data):
            return data.decode("utf-8").upper().encode("utf-8")

    return lambda environ, start_response: Decoding(app, environ, start_response)


@bad_middleware("middleware-headers-case-insensitive")
def looks_for_exact_name(app):
    """Looks for Content-Type, in just this spelling, and adds one where it finds none."""

    def middleware(environ, start_response):
        def start(status, headers, *error):
            if "content-type" not in dict(headers):
                headers = [*headers, ("content-type", "text/plain")]
            return start_response(status, headers, *error)

        return app(environ, start)

    return middleware


class Compressing(Changing):
    """Base: compresses in steps, where the client takes it."""

    types = ("text/", "application/json")

    def __init__(self, app, environ, start_response):
        self.wanted = "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")
        self.packer = None
        self.ended = False
        super().__init__(app, environ, start_response)

    def start(self, status, headers, *error):
        names = {name.lower(): value for name, value in headers}
        text = names.get("content-type", "").lower().startswith(self.types)
        self.packer = None
        if self.wanted and text and "content-encoding" not in names and status[:3] == "200":
            self.packer = zlib.compressobj(wbits=31)
            headers = [item for item in headers if item[0].lower() != "content-length"]
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        write = self.start_response(status, headers, *error)
        return lambda data: write(self.pack(data))

    def pack(self, data):
        return self.packer.compress(data) if self.packer and data else data

    def __next__(self):
        if self.ended:
            raise StopIteration
        if self.items is None:
            self.items = iter(self.result)
        try:
            return self.pack(next(self.items))
        except StopIteration:
            self.ended = True
            if self.packer is None:
                raise
            return self.packer.flush()


@good_middleware(
    "middleware-yields-empty-meanwhile",
    "middleware-one-pull-per-step",
    "middleware-transform-byte-safe",
    "middleware-transform-fixes-length",
    "middleware-transform-checks-encoding",
    "middleware-transform-decided-late",
    "middleware-hop-features-not-used",
    "middleware-headers-case-insensitive",
)
def compresses(app):
    """Compresses text block by block, and gives b'' while there is no output."""
    return lambda environ, start_response: Compressing(app, environ, start_response)


@bad_middleware("middleware-transform-checks-encoding")
def compresses_again(app):
    """Compresses what is compressed, and says so once."""

    class Careless(Compressing):
        def start(self, status, headers, *error):
            kept = [item for item in headers if item[0].lower() != "content-encoding"]
            return super().start(status, kept, *error)

    return lambda environ, start_response: Careless(app, environ, start_response)


@bad_middleware("middleware-hop-features-not-used", level="SHOULD")
def chunks(app):
    """Puts the body into chunks itself."""

    class Chunking(Changing):
        types = ("",)
        ended = False

        def change(self, data):
            return b"%x\r\n%s\r\n" % (len(data), data)

        def __next__(self):
            if self.ended:
                raise StopIteration
            try:
                return super().__next__()
            except StopIteration:
                self.ended = True
                return b"0\r\n\r\n"

    return lambda environ, start_response: Chunking(app, environ, start_response)


chunks._middleware_twin["also"] = ("middleware-transform-checks-encoding",)
