"""Makes of a stored trace a script that sends its bytes again and needs nothing of this suite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from conformance.harness import resend
from conformance.harness.resend import whole_responses
from conformance.trace import Connection, Event, Timeline

__all__ = ["Step", "steps_of", "write_script"]

Step = tuple[Any, ...]

ENDS = {
    "half-closed": "half-close",
    "closed": "close",
    "aborted": "reset",
    "paused": "pause",
    "resumed": "resume",
}


def steps_of(events: Sequence[Event]) -> list[Step]:
    """Return what the client did, and before each of it what it had seen by then.

    What the trace does not tell is what a client waited for. It is taken to be what had come: the
    whole responses, where it was those and no more, or else as many bytes.
    """
    return [*_steps(events)]


def _steps(events: Sequence[Event]) -> Iterator[Step]:
    timeline = Timeline()
    # What has come since the last action, and is waited for before the next.
    fresh: dict[int, None] = {}
    at_gate: dict[int, str] = {}
    for event in events:
        number = event.subject
        if event.eye == "client" and event.kind in ("received", "eof", "reset"):
            fresh[number] = None
        elif event.eye == "app" and event.kind == "gate":
            at_gate[number] = str(event.data.get("name"))
        acts = event.eye == "client" and event.kind in ("open", "sent", *ENDS)
        if acts or (event.eye == "harness" and event.kind == "opened-gate"):
            yield from (_wait(timeline, each) for each in fresh)
            fresh.clear()
        timeline.append(event)
        if event.eye == "client" and event.kind == "open":
            yield ("open", number, event.data.get("receive_buffer"))
        elif event.eye == "client" and event.kind == "sent":
            yield ("send", number, bytes(event.data["bytes"]))
        elif event.eye == "client" and event.kind in ENDS:
            yield (ENDS[event.kind], number)
        elif event.kind == "opened-gate" and number in at_gate:
            name = at_gate.pop(number)
            yield ("gate", name)
            yield ("let go", name)
    yield from (_wait(timeline, each) for each in fresh)


def _wait(timeline: Timeline, number: int) -> Step:
    connection: Connection = timeline.connections[number]
    ended = connection.ended is not None
    sent, received = bytes(connection.sent), bytes(connection.received)
    whole: int | None = whole_responses(sent, received, ended)
    # A response that is not whole, or something behind it, is waited for byte by byte.
    if not whole or whole_responses(sent, received[:-1], ended) == whole:
        whole = None
    return ("wait", number, len(received), whole, ended)


def write_script(events: Sequence[Event], marker: str, about: Sequence[tuple[str, str]]) -> str:
    """Return the text of the script.

    Args:
        events: of the trace; marker: by which fences are known in it.
        about: what its head says of the verdict, in order: name and text.

    Errors:
        ValueError: nothing was sent.
    """
    steps = steps_of(events)
    if not any(step[0] == "send" for step in steps):
        raise ValueError("nothing was sent in this trace")
    scenes = [_scene(event) for event in events if event.kind == "scene"]
    head = "\n".join(f"{name + ':':11}{_line(text)}" for name, text in about if text)
    listed = "".join(f"    {step!r},\n" for step in steps)
    source = Path(resend.__file__).read_text(encoding="utf-8")
    _, _, code = source.partition('\n"""\n')
    return TEMPLATE.format(
        head=_docstring(head),
        needs=_docstring(_needs(events, scenes)),
        steps=listed,
        scenes="".join(f"    {scene!r},\n" for scene in scenes),
        marker=repr(marker),
        code=code.strip("\n"),
    )


def _scene(event: Event) -> dict[str, Any]:
    module, _, name = str(event.data.get("probe", "")).rpartition(".")
    return {"module": module, "probe": name, "parameters": event.data.get("parameters", {})}


def _needs(events: Sequence[Event], scenes: Sequence[dict[str, Any]]) -> str:
    probes = dict.fromkeys(f"{scene['module']}.{scene['probe']}" for scene in scenes)
    lines = [f"The server was serving the application of the probe {', '.join(probes)}."]
    gates = dict.fromkeys(
        str(event.data.get("name"))
        for event in events
        if (event.eye, event.kind) == ("app", "gate")
    )
    if gates:
        named = ", ".join(map(repr, gates))
        lines.append(f"It was held until the client had seen something, at: {named}.")
    if any(scene["parameters"] for scene in scenes):
        lines.append("It was given parameters; they are in SCENES below.")
    if any(event.data.get("says") for event in events if event.kind == "called"):
        lines.append("Some requests are fences, which show that nothing was left behind.")
    return "\n".join(map(_line, lines))


def _line(text: str) -> str:
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _docstring(text: str) -> str:
    """A text as it can stand in a docstring between three quotes."""
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"').encode("utf-8", "replace")
    return escaped.decode("utf-8")


TEMPLATE = '''\
#!/usr/bin/env python3
"""Sends again what wsgi-conformance sent, with the same cuts, and prints what comes.

{head}

{needs}

    wsgi-conformance payload DIR              writes it, ready to be served
    PYTHONPATH=DIR my-server --bind 127.0.0.1:8000 probe:app
    python3 THIS 127.0.0.1:8000 --payload DIR

tells the application what to play, and prints what it sees as well. Without --payload the bytes are
sent to whatever is served there, and nobody is held at a gate. --limit S: seconds after which a
wait is given up (5). Python 3.8 or later, the standard library alone. Exit codes: 0, 1 where a wait
was in vain, 2 wrong use, 3 nobody listens.
"""

{code}


STEPS = [
{steps}]
SCENES = [
{scenes}]
MARKER = {marker}

if __name__ == "__main__":
    sys.exit(main(STEPS, SCENES, MARKER, str(__doc__)))
'''
