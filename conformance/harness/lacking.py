"""What a subject lacks altogether is held against it once, by the rule that asks for it."""

from __future__ import annotations

from conformance.harness.verify import Judgement
from conformance.trace import Call, Timeline

__all__ = ["excuse_lack_of_write", "lost_behind"]

NO_WRITE = "'NoneType' object is not callable"
# Those that a server breaks by having no write().
OF_WRITE = ("write-", "start-response-returns-write", "start-response-error-returns-write")
EXCUSED = ("fail", "warn", "error")


def excuse_lack_of_write(timeline: Timeline, judgements: list[Judgement]) -> list[Judgement]:
    """Return the judgements without those that only say again that there is no write().

    Many probes make the same response in several ways, by write() too. Where start_response gave
    None and the application fell over that, whatever else such a probe found wrong stays open.
    """
    if not any(map(_fell_over_write, timeline.played())):
        return judgements
    return [
        Judgement(
            each.rule,
            "unsupported",
            each.expected,
            f"start_response returned None in place of write(); else: {each.observed}",
        )
        if each.outcome in EXCUSED and not each.rule.startswith(OF_WRITE)
        else each
        for each in judgements
    ]


def _fell_over_write(call: Call) -> bool:
    returned = [event for event in call.events if event.kind == "start_response-returned"]
    raised = call.first("raised") or call.first("iteration-raised")
    return (
        raised is not None
        and NO_WRITE in raised.data["error"]
        and any(event.data["value"] is None for event in returned)
    )


def lost_behind(timeline: Timeline) -> bool:
    """Whether the last request that came through is one of ours that lay behind another.

    Some servers read what two pipelined requests are, and answer the second one alone.
    """
    last = next(reversed(timeline.calls.values()), None)
    return last is not None and (last.says or "").startswith("fence")
