"""An ordinary client asks a site for what it must do, and keeps what was said where it did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.frameworks import Case, unmet

if TYPE_CHECKING:
    import requests

__all__ = ["KEPT", "ask", "expectation", "shown_log"]

# Seconds for one answer: to connect, and between two bytes of it.
CONNECT_LIMIT = 5.0
READ_LIMIT = 10.0
# So many bytes of a body, and characters of everything, are kept of what went wrong.
KEPT_BODY = 500
KEPT = 4000


def expectation(case: Case) -> str:
    """Return what must come back, as one line."""
    parts = ["status " + " or ".join(str(code) for code in case.status)]
    if case.media_type:
        parts.append(case.media_type)
    if case.location is not None:
        parts.append(f"a Location of {case.prefix}{case.location}")
    parts += [f"a cookie {name}={value}" for name, value in case.cookies.items()]
    if case.answer is not None:
        shown = repr(case.answer)
        parts.append(shown if len(shown) <= 60 else f"{len(case.answer)} bytes")
    return ", ".join(parts)


def ask(case: Case, base: str, scale: float = 1.0) -> tuple[str, str, str]:
    """Ask for one case over the wire.

    Args:
        base: of the URL, up to the path; scale: multiplies all limits.

    Returns:
        The outcome, what was observed, and the exchange as text.
    """
    import requests

    wanted = requests.Request(
        case.method, base + case.prefix + case.target, dict(case.fields), data=case.body or None
    )
    with requests.Session() as session:
        session.trust_env = False  # no proxy stands between
        asked = session.prepare_request(wanted)
        try:
            answer = session.send(
                asked,
                timeout=(CONNECT_LIMIT * scale, READ_LIMIT * scale),
                allow_redirects=False,
            )
        except (requests.RequestException, ValueError) as error:
            # ValueError: urllib3 meets a header that it cannot take.
            return "error", f"no answer: {error}"[:300], shown(asked, f"! {error}")
    problem = unmet(case, answer.status_code, answer.raw.headers.items(), answer.content)
    exchange = shown(asked, *shown_answer(answer))
    return ("fail", problem, exchange) if problem else ("pass", expectation(case), exchange)


def shown(asked: requests.PreparedRequest, *answer: str) -> str:
    """Return an exchange as text: lines of the request with ``>``, of the answer with ``<``."""
    lines = [f"> {asked.method} {asked.path_url} HTTP/1.1"]
    lines += [f"> {name}: {value}" for name, value in asked.headers.items()]
    body = asked.body if isinstance(asked.body, bytes) else b""
    text = "\n".join([*lines, *_shown_body(">", body), *answer])
    return text if len(text) <= KEPT else f"{text[:KEPT]}\n[{len(text)} characters in all]"


def shown_answer(answer: requests.Response) -> list[str]:
    """Return the lines of an answer."""
    version = {10: "1.0", 11: "1.1"}.get(answer.raw.version, "?")
    lines = [f"< HTTP/{version} {answer.status_code} {answer.reason}"]
    lines += [f"< {name}: {value}" for name, value in answer.raw.headers.items()]
    return [*lines, *_shown_body("<", answer.content)]


def shown_log(data: bytes) -> str:
    """Return what a server wrote to its log meanwhile, as lines that follow an exchange."""
    return "".join(f"\n! log: {line}" for line in _printable(data).splitlines())


def _printable(data: bytes) -> str:
    text = data.decode("utf-8", "backslashreplace")
    return "".join(
        each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text
    )


def _shown_body(sign: str, body: bytes) -> list[str]:
    if not body:
        return [sign]
    lines = [sign, *(f"{sign} {line}" for line in _printable(body[:KEPT_BODY]).split("\n"))]
    return [*lines, f"{sign} [{len(body)} bytes in all]"] if len(body) > KEPT_BODY else lines
