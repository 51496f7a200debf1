"""RFC 9110 and 9112: answers that a server makes by itself, and the Date of those it passes on."""

from conformance.probing import probe, request

from ._responses import CLOSE, FIXDATE, TYPE, judge_announced


def wrong(*lines):
    """Return a request with some lines in it that are wrong."""
    return "\r\n".join(["GET / HTTP/1.1", "Host: conformance.test", *lines, "", ""]).encode(
        "latin-1"
    )


# Requests that many servers refuse by themselves. Which of them must be is for other rules.
REFUSED = {
    "a length of letters": wrong("Content-Length: letters"),
    "two lengths": wrong("Content-Length: 1", "Content-Length: 2"),
    "an unknown transfer coding": wrong("Transfer-Encoding: probe"),
    "a line without a colon": wrong("no colon here"),
    "a name with a blank": wrong("No Token: 1"),
    "no Host": b"GET / HTTP/1.1\r\nX-Probe: 1\r\n\r\n",
    "a field of 100 kB": wrong("X-Probe: " + "a" * 100000),
}


def own_answers(client):
    """Yield the answers that the server makes without the application.

    Each with the exchange, and whether the connection goes on: None where nobody can tell.
    """
    for kind, data in REFUSED.items():
        conversation = client.open(kind="served")
        conversation.send(data)

        def answered():
            return conversation.ended or conversation.calls or is_whole(conversation.received)

        # A server that waits for more, or says nothing, is let go as soon as it is at rest.
        conversation.settled(lambda: bool(answered()), or_idle=True)
        if conversation.calls or not conversation.received:
            conversation.close()
            continue
        if not is_whole(conversation.received):
            conversation.half_close()
        response = conversation.response()
        fenced = None
        if response is not None and response.keeps_open:
            fenced = "on" if conversation.fence() is not None else "ended"
        seen = conversation.exchange(response)
        seen.calls = []
        conversation.close()
        yield kind, seen, fenced


def is_whole(received):
    """Whether there is a head, and behind it as much as its Content-Length says."""
    head, end, body = received.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            return bool(end) and len(body) >= int(value)
    return False


@probe("http-error-answer-well-formed", "http-close-announced")
def refuses_and_fails(environ, start_response):
    """Answers of the server's own are well-formed, and say so where they end the connection."""
    if environ["conformance.inside"].parameters["kind"] == "fails":
        raise ValueError("wanted")
    start_response("200 OK", [TYPE, ("Content-Length", "4")])
    return [b"body"]


@refuses_and_fails.client
def _(client, verify):
    form, announced = verify("http-error-answer-well-formed"), verify("http-close-announced")
    judged = []
    for kind, seen, fenced in own_answers(client):
        judge_form(form, kind, seen)
        if fenced is not None:
            judged.append(judge_announced(announced, kind, seen.response, fenced == "ended"))
    for kind, data in (("GET", request()), ("close", request(headers=[CLOSE]))):
        seen = client.exchange(data, to_end=True, kind="fails")
        kind = "the application fails, " + kind
        judge_form(form, kind, seen)
        if seen.response is not None and seen.response.keeps_open:
            judged.append(judge_announced(announced, kind, seen.response, seen.fenced is None))
    if not any(judged):
        observed = "no error answer in HTTP/1.1 leaves the connection open"
        announced.info(observed, "judged of those that seem to")


def judge_form(claim, kind, seen):
    """Claim that an answer is a response of HTTP, or none at all."""
    response = seen.response
    defects = [] if response is None else [defect.text for defect in response.defects]
    claim.true(
        response is None or (not defects and response.complete and seen.fenced is not False),
        f"{kind}: no answer, or a well-formed one",
        "{}: {}".format(kind, "; ".join(defects) or str(seen)),
    )


@probe("http-date-sent", "http-date-imf-fixdate")
def other_statuses(environ, start_response):
    """A Date in the form of HTTP is in every answer, also those of the server's own."""
    start_response(environ["conformance.inside"].parameters.get("status", "200 OK"), [TYPE])
    return [b"body"]


@other_statuses.client
def _(client, verify):
    usual = client.exchange(kind="served").answered
    found = [("200", usual)]
    for status in ("301 Moved", "404 Nobody Home", "410 Gone"):
        found.append((status, client.exchange(kind="served", status=status).answered))
    found += [(kind, seen.response) for kind, seen, _ in own_answers(client)]
    told = [(kind, one) for kind, one in found if one is not None and one.version == "1.1"]
    for kind, response in told:
        if 200 <= response.status <= 499:
            judge_date(verify, kind, response, usual)
    if not told:
        for rule in ("http-date-sent", "http-date-imf-fixdate"):
            verify(rule).unsupported(f"it answers in HTTP/{usual.version}", "HTTP/1.1")


def judge_date(verify, kind, response, usual):
    """Claim that a response has a Date, and one of the right form; not both of what a 200 lacks."""
    dates, usual_dates = response.all("Date"), usual.all("Date")
    expected = f"{kind}: one Date"
    if not usual_dates:
        verify("http-date-sent").info("none in a 200 either", expected)
    else:
        verify("http-date-sent").true(dates, expected, "{}: {}".format(response, dates or "none"))
    form = f"{kind}: a Date like Sun, 06 Nov 1994 08:49:37 GMT"
    claim = verify("http-date-imf-fixdate")
    if not dates:
        claim.info("there is none", form)
    elif usual_dates and not FIXDATE.fullmatch(usual_dates[0]):
        claim.info("the Date of a 200 has another form, too", form)
    else:
        claim.true(all(FIXDATE.fullmatch(date) for date in dates), form, repr(dates))
