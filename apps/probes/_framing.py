"""What the probes of a request's framing share: one application, one way to try a message on it.

A message is sent with another request right behind it. So nothing has to be waited for: a server
that has found the end of the message goes on to the request behind, and closes after that; one that
refuses the message hangs up; and one that may want more bytes learns that none will come, because
the client's side is shut. What counts is what the application was told, how its reading ended, and
whether the request behind was taken for one.
"""

from conformance.probing import request

HELLO = b"hello"
CHUNKED = [("Transfer-Encoding", "chunked")]
# Seconds until a client that has said all does what ends the exchange: it shuts its side, or sends
# a body unprompted.
PATIENCE = 1.0
LEAST_PATIENCE = 0.25
# No server reads so much at once; and a body that ends where the connection does is short of it.
PIECE = 4096


# Application side


def finish(start_response, status="200 OK"):
    start_response(status, [("Content-Length", "0")])
    return []


def is_control(environ):
    """Whether this is the message that nothing is wrong with, for ``read_the_body`` to read."""
    return environ["conformance.inside"].parameters.get("read") == "control"


def length_of(environ):
    """Return CONTENT_LENGTH as a text, whatever its type is, or None."""
    length = environ.get("CONTENT_LENGTH")
    return None if length is None else str(length)


def pieces_of(environ, whole):
    """Read to the end where there must be one to find, else as much as CONTENT_LENGTH says."""
    stream = environ["wsgi.input"]
    length = length_of(environ) or ""
    counted = length.isascii() and length.isdigit() and not whole
    rest = int(length) if counted and len(length) < 1000 else None
    is_body = whole or length or "HTTP_TRANSFER_ENCODING" in environ
    while is_body and rest != 0:
        piece = stream.read(PIECE if rest is None else min(PIECE, rest))
        if not piece:
            break
        yield piece
        rest = rest if rest is None else rest - len(piece)


def read_the_body(environ, start_response):
    """Read the body as parameters say, and note it, how it ended, and the texts in environ."""
    inside = environ["conformance.inside"]
    read = inside.parameters.get("read")
    if read == "nothing":
        return finish(start_response)
    pieces, error = [], None
    try:
        if read == "control":
            # No more than there must be, so that nothing blocks where nothing is decoded.
            pieces.append(environ["wsgi.input"].read(len(HELLO)))
        else:
            pieces.extend(pieces_of(environ, read == "whole"))
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    texts = {key: value for key, value in environ.items() if isinstance(value, str)}
    inside.note(read=b"".join(pieces), error=error, texts=texts)
    return finish(start_response, "200 OK" if error is None else "400 Bad Request")


# Client side


def chunks(*parts):
    """Return parts in the chunked coding (RFC 9112 section 7.1), the last chunk included."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def next_request(client):
    """Return a request of the harness's own and the word in its answer."""
    word = client.fence_word()
    target = "/?" + client.marker + word + "."
    # Long enough to satisfy a server that takes a little of it for the end of a body.
    fields = [("Connection", "close"), ("X-Padding", "x" * 600)]
    return request(target=target, headers=fields), word.encode("ascii")


def is_of(call, target):
    return str(call.environ.get("PATH_INFO")).endswith(target)


class Trial:
    """One message and what became of it.

    Attributes:
        calls: of the application, for the message itself.
        hidden: of the application, for what stood inside or behind it as ``/hidden``.
        responses: all that came, in order.
        reached: whether the request behind was answered.
        ended: whether the server closed the connection.
        waited: whether it did so only when the client had shut its side.
        stuck: whether the application never came back, though nothing more could come.
    """

    def __init__(self, conversation, name, word, waited):
        calls = conversation.calls
        self.calls = [call for call in calls if is_of(call, "/" + name)]
        self.hidden = [call for call in calls if is_of(call, "/hidden")]
        self.reached = word is not None and word in conversation.received
        self.ended = conversation.ended
        self.waited = waited
        self.stuck = any(not call.settled for call in self.calls)
        self.responses = []
        while self.ended and len(conversation.received) > conversation.position:
            response = conversation.response()
            if response is None:
                break
            self.responses.append(response)

    @property
    def status(self):
        return self.responses[0].status if self.responses else 0

    @property
    def is_old(self):
        """Whether the server says that it is one of HTTP/1.0."""
        return bool(self.responses) and self.responses[0].version == "1.0"

    @property
    def goes_on(self):
        """Whether anything behind the message was taken for a request and carried out."""
        return self.reached or bool(self.hidden)

    def note(self, name):
        return self.calls[0].notes.get(name) if self.calls else None

    @property
    def read(self):
        """The body as the application read it to its end; None where it was told of none."""
        whole = bool(self.calls) and "read" in self.calls[0].notes and not self.note("error")
        return self.note("read") if whole else None

    @property
    def length(self):
        return length_of(self.calls[0].environ) if self.calls else None

    def has_length(self, *accepted):
        """Whether CONTENT_LENGTH is one of these numbers; its form is for other rules to judge."""
        return (self.length or "").strip(" \t").lstrip("0") in accepted

    def __str__(self):
        if not self.calls:
            said = f"answered with {self.status}" if self.status else "not answered"
        elif self.stuck:
            said = "reading never came back"
        elif self.read is not None:
            said = f"the application read {self.read[:40]!r}"
            said += f" with CONTENT_LENGTH {self.length!r}" if self.length else ""
        elif self.note("error"):
            said = f"reading raised {self.note('error')[:60]}"
        else:
            said = "the application was called"
        return said + (", and a request behind was served" if self.goes_on else "")


class Stage:
    """Tries messages on one server, each on a connection of its own.

    Attributes:
        patience: seconds until the client shuts its side; less with each time it had to.
        limit: seconds until a connection that the server leaves open is given up; the run's own
            where None, and short once that has happened.
        cut: whether the client's side is always shut at once, as the server serves nothing behind.
    """

    def __init__(self, client):
        self.client = client
        self.patience = PATIENCE
        self.limit = None
        self.cut = False
        self.count = 0

    def try_out(self, head, body=b"", method="POST", version="1.1", cut=False, **parameters):
        """Send a message; return what became of it.

        Args:
            head: fields as pairs, or all of the field lines as bytes.
            body: the bytes that follow the head.
            cut: whether a server may well wait for more: then the client's side is shut at once,
                and no request follows where ``behind`` among the parameters is false.
            parameters: for the application.
        """
        self.count += 1
        name = f"m{self.count}"
        lines = b"" if isinstance(head, (list, tuple)) else head
        fields = head if not lines else []
        start = request(method, "/" + name, fields, version=version)
        last, word = next_request(self.client)
        if not parameters.pop("behind", True):
            last, word = b"", None
        conversation = self.client.open(**parameters)
        conversation.send(start[:-2] + lines + b"\r\n" + body + last)
        waited = self.wait_over(conversation, cut or self.cut)
        trial = Trial(conversation, name, word, waited)
        conversation.close()
        if not trial.ended:
            self.look_after(head, body)
        return trial

    def wait_over(self, conversation, cut):
        """Wait until the server has closed; return whether the client had to shut its side."""

        def is_over():
            # A call may report a moment after the client has its answer.
            return conversation.ended and all(call.settled for call in conversation.calls)

        if not cut:
            if conversation.settled(is_over, self.patience):
                return False
            self.patience = max(LEAST_PATIENCE, self.patience / 2)
        conversation.half_close()
        if not conversation.settled(lambda: conversation.ended, self.limit):
            self.limit = PATIENCE
        conversation.settled(lambda: all(call.settled for call in conversation.calls))
        return True

    def look_after(self, head, body):
        """See whether a server that left a connection open still serves."""
        data, word = next_request(self.client)
        conversation = self.client.open()
        conversation.send(data)
        conversation.wait(
            lambda: word in conversation.received,
            f"an answer to a plain request, after {head!r} and {body[:40]!r}",
        )
        conversation.close()


def stage_for(client, verify, rules, chunked=False, fact=None):
    """Try a message that nothing is wrong with; return the stage, or None where all is judged.

    Args:
        rules: ids to call ``unsupported`` where the server takes no such message.
        chunked: whether it is in the chunked coding.
        fact: name of the fact that says what became of it.
    """
    stage = Stage(client)
    head = CHUNKED if chunked else [("Content-Length", "5")]
    trial = stage.try_out(head, chunks(HELLO) if chunked else HELLO, read="control")
    if trial.waited and trial.read == HELLO:
        again = stage.try_out(head, chunks(HELLO) if chunked else HELLO, read="control", cut=True)
        stage.cut = again.read == HELLO
    if fact is not None:
        verify.fact(fact, describe(trial))
    # Of HTTP/1.0 there is neither a chunked coding nor any of these rules to be kept.
    if trial.read == HELLO and not trial.is_old:
        return stage
    for rule in rules:
        observed = f"{trial}, by a server of HTTP/1.0" if trial.is_old else str(trial)
        verify(rule).unsupported(observed, f"{HELLO!r} to be read as {head[0][0]} has it")
    return None


def describe(trial):
    """Tell what the application was told of a body beside its bytes."""
    if trial.read != HELLO:
        return str(trial)
    environ = trial.calls[0].environ
    length = "absent" if trial.length is None else repr(trial.length)
    terminated = environ.get("wsgi.input_terminated", "absent")
    return f"decoded, CONTENT_LENGTH {length}, wsgi.input_terminated {terminated}"


class Tally:
    """Gathers what several variants show of one rule, and makes one claim of it for each level."""

    def __init__(self, verify, rule, expected):
        self.verify = verify
        self.rule = rule
        self.expected = expected
        self.wrong = {}
        self.count = 0

    def add(self, good, what, trial, level=None):
        """Count one variant.

        Args:
            good: whether the server did what it may.
            what: names the variant.
            level: a weaker one than the rule's, or None.
        """
        self.count += 1
        if trial.stuck:
            good, level = False, None
        if not good:
            self.wrong.setdefault(level, []).append(f"{what}: {trial}")
        return bool(good)

    def claim(self):
        """Make the claims."""
        for level, wrong in self.wrong.items():
            self.verify(self.rule, level).true(False, self.expected, "; ".join(wrong))
        if not self.wrong:
            self.verify(self.rule).true(True, self.expected, f"so it was, {self.count} times")


def closes(tally, what, trial):
    """Count whether a message that was found wrong was the last on its connection."""
    if trial.read is None:
        tally.add(not trial.goes_on, what, trial)
