"""Results in which every text is hostile."""

from __future__ import annotations

from dataclasses import replace

from test_results import sample, trace

from conformance.results import Behaviour, GridCell, Results
from conformance.results.model import Fact

HOSTILE = (
    "</script><!--<script>owned=1</script>--><img src=x onerror='owned=1'>\"'`{{7*7}}"
    "\u202e\u2028\x00\x1b[31m\ud800\ue004\n"
)


def filled(text: str) -> Results:
    """The sample with a text wherever a server, or who ran it, can put some."""
    results = sample()
    results.run = {"command": text, text: text}
    # Ids of rules are all that is left as it is, in all verdicts but the first.
    for key in results.traces:
        results.traces[key] = trace(key, text.encode("utf-8", "replace"))
        results.traces[key]["probe"] = text
        results.traces[key]["marker"] = text
        for event in results.traces[key]["events"]:
            if event["kind"] in ("note", "start_response", "called"):
                event[text] = text
        results.traces[key]["events"] += [
            {"ms": 8.0, "eye": text, "kind": text, "of": 1, "error": text},
            {"ms": 9.0, "eye": "app", "kind": "raised", "of": 1, "type": text, text: {"b": text}},
            {"ms": 9.5, "eye": "client", "kind": "eof", "of": 1, "error": text},
        ]
        called = results.traces[key]["events"][3]
        called["environ"]["type"] = text
        called["environ"]["items"] += [[text, text], [text, {"o": text, "r": text}]]
    for subject in results.subjects:
        subject.name += text
        subject.title = subject.version = subject.python = subject.log = text
        subject.homepage = f"https://{text}"
        subject.failure = "" if subject.started else text
        subject.command = [text]
        subject.verdicts = [
            replace(one, probe=text, expected=text, observed=text, party=text)
            for one in subject.verdicts
        ]
        subject.facts = [Fact(text, text, text)]
    results.subjects[0].verdicts.append(replace(results.subjects[0].verdicts[0], rule=text))
    wrong = Behaviour(text, "fail", text, text, text)
    results.grid = [
        GridCell(text, text, text, text, text, True, "", [wrong]),
        GridCell(text + "2", text, failure=text),
    ]
    return results
