"""PEP 3333, Specification Overview: what a server may not want to know of the application."""

from conformance.probing import probe

FIELDS = [("Content-Type", "text/x-probe"), ("X-Probe", "1")]
# Looked up by callable(), isinstance() and the like, which depend on nothing.
HARMLESS = {"__call__", "__class__"}
KINDS = {
    "instance": "app-callable-kind-irrelevant",
    "class_": "app-callable-kind-irrelevant",
    "wrapped": "middleware-transparent-to-server",
}
NAMES = {"instance": "an instance", "class_": "a class", "wrapped": "inside a middleware"}


@probe(
    "app-callable-kind-irrelevant",
    "app-not-introspected",
    "middleware-transparent-to-server",
    starts_anew=True,
)
def any_kind(environ, start_response):
    """The response is the same, whatever kind of callable the application is."""
    start_response("203 Any Kind", list(FIELDS))
    return [b"one ", b"two"]


@any_kind.client
def _(client, verify):
    usual = told(client)
    for kind, rule in KINDS.items():
        expected = f"{NAMES[kind]}: {usual}, as for a function"
        failure = client.mount(kind)
        if failure is not None and "called the application" in failure:
            # With the others it went on from there.
            verify(rule).true(False, expected, f"{NAMES[kind]}: {failure[:200]}")
        if failure is not None:
            # Before any request, so it is the way an application is loaded, which is free.
            verify(rule).info(f"{NAMES[kind]}: did not start: {failure[:200]}", expected)
            if kind == "instance":
                verify("app-not-introspected").info(failure, "an instance that can be started with")
            continue
        found = told(client)
        verify(rule).true(found == usual, expected, f"{NAMES[kind]}: {found}")
        if kind == "instance":
            judge_look_ups(client, verify("app-not-introspected"))


def told(client):
    """Return in words what became of a request."""
    seen = client.exchange()
    if seen.response is None or not seen.calls:
        return str(seen)
    response = seen.response
    fields = [response.all(name) for name, _ in FIELDS]
    return f"{response.status} {response.reason!r}, {fields}, {response.body!r}"


def judge_look_ups(client, claim):
    """Claim that a request makes the server look up nothing of the application."""
    # What is looked up while the server starts, and once with the first request, is harmless.
    call = client.exchange().call
    names = sorted({*call.called.get("looked_up", ())} - HARMLESS)
    claim.true(not names, "no attribute of the application looked up for a request", names)
