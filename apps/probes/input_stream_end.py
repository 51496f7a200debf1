"""PEP 3333, Input and Error Streams: wsgi.input, read to its end and beyond.

That a read stops there is only a SHOULD, and a server that hands out the raw connection blocks. So
a probe of another rule that comes to the end first finds out whether the server simulates one; if
it does not, the client gives it one.
"""

import itertools

from conformance.probing import probe, request

from ._input import LINES, digest, finish, read_pieces

LONG = b"0123456789abcdef" * 20000
BEYOND = b"hello"
# Seconds after which a read that has got the whole body is taken to block.
BLOCKED = 3.0


def until_empty(function, *arguments):
    """Call until the result is empty, a dozen times at most."""
    results = []
    while len(results) < 12:
        results.append(function(*arguments))
        if not results[-1]:
            break
    return results


def read_one_more(stream):
    return stream.read(len(BEYOND) + 1)


def iterate_once(stream):
    return next(iter(stream))


def looks_beyond(inside, stream, look=read_one_more):
    """Go one step beyond the body, where the client half asked for just that."""
    if inside.parameters.get("way") == "beyond":
        inside.attempt("beyond", look, stream)
        return True
    return False


# Client side


def is_raised(value):
    return type(value).__name__ == "Raised"


def next_request(client):
    """Return a request of the harness's own and the word in its answer."""
    word = client.fence_word()
    target = "/?" + client.marker + word + "."
    # Long enough that no size a probe reads with reaches behind it.
    fields = [("Connection", "close"), ("X-Padding", "x" * 600)]
    return request(target=target, headers=fields), word.encode("ascii")


def exchange_with_request_behind(client, body, **parameters):
    """POST a body with the next request right behind it; the connection stays open."""
    behind, word = next_request(client)
    conversation = client.open(**parameters)
    conversation.send(request("POST", body=body) + behind)
    if not is_read(conversation):
        conversation.half_close()
    response = conversation.response("POST")
    conversation.wait_calls(1)
    return conversation, conversation.exchange(response), word


def is_read(conversation):
    """Wait until the application has come back from reading; False where it does not."""
    conversation.settled(lambda: bool(conversation.calls) or conversation.ended)
    if not conversation.calls:
        return False
    # All of the body has been sent: a read that waits now waits for more than there will be.
    return conversation.settled(lambda: any(call.settled for call in conversation.calls), BLOCKED)


def wait_for_answer(conversation, word):
    """Wait until the request behind has been answered, or the connection ended."""
    conversation.settled(lambda: word in conversation.received or conversation.ended)


def ends_by_itself(client):
    """Find out, without a wait, whether a read past the body stops at its end."""
    conversation, seen, _ = exchange_with_request_behind(client, BEYOND, way="beyond")
    conversation.close()
    return stops_at_the_end(seen.notes["beyond"])


def stops_at_the_end(beyond):
    """Tell whether a read of more than BEYOND stayed inside it; a short result is allowed."""
    return isinstance(beyond, bytes) and beyond != b"" and BEYOND.startswith(beyond)


def exchange_to_the_end(client, data, ends, **parameters):
    """Exchange with an application that reads to the end of its body, given one if need be."""
    conversation = client.open(**parameters)
    conversation.send(data)
    if not ends or not is_read(conversation):
        conversation.half_close()
    response = conversation.response(data.partition(b" ")[0].decode("ascii"))
    conversation.wait_calls(1)
    conversation.close()
    return conversation.exchange(response)


def works(claim, value, call):
    """Claim that a call of a method did not raise."""
    return claim.true(not is_raised(value), call + " to work", value)


@probe("input-readlines-supported", "input-readlines-semantics", "input-readlines-hint-omittable")
def readlines_of_the_rest(environ, start_response):
    """readlines() returns a list of all lines, readlines(hint) of some or all of them."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    if looks_beyond(inside, stream):
        pass
    elif inside.parameters["way"] == "hint":
        inside.attempt("lists", lambda: until_empty(stream.readlines, 1))
    else:
        inside.attempt("list", lambda: stream.readlines())
    return finish(start_response)


@readlines_of_the_rest.client
def _(client, verify):
    ends = ends_by_itself(client)
    data = request("POST", body=b"".join(LINES))
    whole = exchange_to_the_end(client, data, ends, way="whole").notes["list"]
    hinted = exchange_to_the_end(client, data, ends, way="hint").notes["lists"]
    supported = verify("input-readlines-supported").true(
        not (is_raised(whole) and is_raised(hinted)), "readlines() or readlines(1) to work", whole
    )
    if not supported:
        verify("input-readlines-hint-omittable").unsupported(whole, "readlines works at all")
        verify("input-readlines-semantics").unsupported(whole, "readlines works at all")
        return
    works(verify("input-readlines-hint-omittable"), whole, "readlines() without a hint")
    # "Optional for the implementer" can be read as leaving the argument out.
    works(verify("input-readlines-supported", "SHOULD"), hinted, "readlines(1)")
    if not is_raised(whole):
        verify("input-readlines-semantics").equal(whole, LINES)
    if not is_raised(hinted):
        are_lists = all(type(part) is list for part in hinted)
        verify("input-readlines-semantics").true(
            are_lists and [line for part in hinted for line in part] == LINES,
            f"repeated readlines(1) to give lists with all of {LINES!r} in order",
            hinted,
        )


@probe("input-iteration-supported", "input-iteration-semantics")
def iterate_over_lines(environ, start_response):
    """Iterating gives the lines that readline() would give, and ends with the body."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    if not looks_beyond(inside, stream, iterate_once):
        inside.attempt("lines", list, stream)
    return finish(start_response)


@iterate_over_lines.client
def _(client, verify):
    ends = ends_by_itself(client)
    data = request("POST", body=b"".join(LINES))
    lines = exchange_to_the_end(client, data, ends, way="lines").notes["lines"]
    if works(verify("input-iteration-supported"), lines, "list(wsgi.input)"):
        verify("input-iteration-semantics").equal(lines, LINES)
    else:
        verify("input-iteration-semantics").unsupported(lines, "iteration works")


PAST_THE_END = {
    "read(100)": lambda stream: until_empty(stream.read, 100),
    "readline()": lambda stream: until_empty(stream.readline),
    "read()": lambda stream: [stream.read()],
    "readlines()": lambda stream: stream.readlines(),
    # Bounded, so that one that goes on into the next request comes back from there.
    "iteration": lambda stream: list(itertools.islice(stream, 4)),
}


@probe("input-eof-at-content-length")
def read_past_the_end(environ, start_response):
    """A read past Content-Length behaves like end of file and leaves the next request alone."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    if not looks_beyond(inside, stream):
        inside.attempt("pieces", PAST_THE_END[inside.parameters["way"]], stream)
    return finish(start_response)


@read_past_the_end.client
def _(client, verify):
    claim = verify("input-eof-at-content-length")
    conversation, seen, _ = exchange_with_request_behind(client, BEYOND, way="beyond")
    conversation.close()
    # A server that goes on reading here would block in what follows.
    if not claim.true(
        stops_at_the_end(seen.notes["beyond"]),
        "read(6) of the body b'hello' to stop at its end",
        seen.notes["beyond"],
    ):
        return
    for way in PAST_THE_END:
        behind, word = next_request(client)
        conversation = client.open(way=way)
        conversation.send(request("POST", body=BEYOND) + behind)
        if not is_read(conversation):
            claim.true(False, way + " to return at the end of the body", "it blocked")
            conversation.half_close()
        response = conversation.response("POST")
        conversation.wait_calls(1)
        pieces = conversation.exchange(response).notes["pieces"]
        if is_raised(pieces) and pieces.kind == "TypeError":
            continue  # read() without a size has a rule of its own
        joined = pieces
        if not is_raised(pieces):
            joined = b"".join(piece for piece in pieces if isinstance(piece, bytes))
        # Whether anything is missing is for the rule of the method to say.
        inside = isinstance(joined, bytes) and BEYOND.startswith(joined)
        claim.true(inside, f"nothing but {BEYOND!r} by {way}", pieces)
        if inside and response is not None and response.keeps_open:
            answer = conversation.response()
            claim.true(
                answer is None or answer.body == word,
                "the request behind the body answered, or the connection closed",
                answer,
            )
        conversation.close()


@probe("input-read-without-size")
def read_without_size(environ, start_response):
    """read() returns all the rest of the body."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    if not looks_beyond(inside, stream):
        inside.attempt("first", lambda: stream.read(10))
        inside.attempt("rest", lambda: digest(stream.read()))
    return finish(start_response)


@read_without_size.client
def _(client, verify):
    ends = ends_by_itself(client)
    data = request("POST", body=LONG)
    notes = exchange_to_the_end(client, data, ends, way="rest").notes
    claim = verify("input-read-without-size")
    if not works(claim, notes["first"], "read(10)"):
        return
    expected = digest(LONG[len(notes["first"]) :])
    claim.true(
        notes["rest"] == expected, f"read() gives the {expected[0]} bytes left", notes["rest"]
    )


def read_when_exhausted(stream):
    """Read in every way until something comes; return (way, result) of each."""
    results = []
    for way in ("read(1)", "readline()", "read()", "read(1)", "readlines()", "iteration"):
        name = way.partition("(")[0]
        try:
            if name == "iteration":
                result = list(itertools.islice(stream, 1))
            else:
                result = getattr(stream, name)(*([1] if way == "read(1)" else []))
        except TypeError:
            continue  # an argument left out or given: the rule of that method
        results.append((way, result))
        if result:
            break
    return results


@probe("input-empty-when-exhausted")
def read_what_is_empty(environ, start_response):
    """An empty or used-up stream gives b'' at once, however it is read and however often."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]

    def read_on():
        read_pieces(stream, inside.parameters["length"], 100)
        return read_when_exhausted(stream)

    inside.attempt("results", read_on)
    return finish(start_response)


EMPTY = {
    "a GET without a body": request(),
    "a POST of Content-Length 0": request("POST", headers=[("Content-Length", "0")]),
}


@read_what_is_empty.client
def _(client, verify):
    claim = verify("input-empty-when-exhausted")
    conversation, seen, _ = exchange_with_request_behind(client, b"hello", length=5)
    conversation.close()
    if not is_empty(claim, seen.notes["results"], "a body that has been read"):
        return  # it goes on reading from the connection, and would block on an idle one
    for what, data in EMPTY.items():
        conversation = client.open(length=0)
        conversation.send(data)
        if not is_read(conversation):
            claim.true(False, "b'' at once from the input of " + what, "it blocked")
            conversation.half_close()
        seen = conversation.exchange(conversation.response())
        conversation.wait_calls(1)
        conversation.close()
        is_empty(claim, seen.notes["results"], what)


def is_empty(claim, results, what):
    """Claim that all results are empty, in each method's own way."""
    lists = ("readlines()", "iteration")
    wrong = [results]
    if not is_raised(results):
        wrong = [(way, got) for way, got in results if got != ([] if way in lists else b"")]
    return claim.true(not wrong, "nothing but empty results from " + what, wrong or results)


def read_in_every_way(stream, iterate):
    """Return the results of all ways to read, at the end of the stream too."""
    results = []
    ways = (
        lambda: [stream.read(2)],
        lambda: [stream.readline()],
        lambda: [stream.readline(2)],
        lambda: list(itertools.islice(stream, int(iterate))),
        lambda: stream.readlines(),
        lambda: [stream.read(1)],
        lambda: [stream.readline()],
        lambda: [stream.read()],
    )
    for way in ways:
        try:
            results.extend(way())
        except Exception:
            continue  # whether it works is another rule
    return results


@probe("input-returns-bytes")
def read_types(environ, start_response):
    """Everything read is bytes, the empty value at the end included."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    if not looks_beyond(inside, stream):
        inside.attempt("results", read_in_every_way, stream, inside.parameters["way"] == "body")
    return finish(start_response)


@read_types.client
def _(client, verify):
    ends = ends_by_itself(client)
    # Without a body, whether iteration stops is input-empty-when-exhausted: not tried.
    for way, data in (
        ("body", request("POST", body=b"ab1\n2\n3\n4\n5\n6\n")),
        ("none", request()),
    ):
        results = exchange_to_the_end(client, data, ends, way=way).notes["results"]
        wrong = [value for value in results if not isinstance(value, bytes)]
        verify("input-returns-bytes").true(not wrong, "bytes only", wrong or results)
        inexact = [value for value in results if type(value) is not bytes]
        verify("input-returns-bytes", "SHOULD").true(
            not inexact, "bytes itself, no subclass", inexact or results
        )


@probe("app-called-once-per-request")
def leave_the_body_unread(environ, start_response):
    """A body that the application leaves unread is not taken for a request."""
    environ["conformance.inside"].note(target=environ.get("PATH_INFO"))
    return finish(start_response)


@leave_the_body_unread.client
def _(client, verify):
    inner = request("GET", "/inside-the-body")
    # Alone; with the next request in the same segment; and after the response has come.
    for body in (inner, inner * 50):
        behind, word = next_request(client)
        conversation = client.open()
        conversation.send(request("POST", "/unread", body=body) + behind)
        response = conversation.response("POST")
        conversation.wait_calls(1)
        if response is not None and response.keeps_open and not conversation.ended:
            wait_for_answer(conversation, word)
        targets = [call.notes.get("target") for call in conversation.calls]
        conversation.close()
        verify("app-called-once-per-request").equal(targets, ["/unread"])
