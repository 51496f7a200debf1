"""Results: the one thing that reports read."""

from conformance.results.baseline import Baseline, BaselineError, Entry, load_baseline
from conformance.results.gate import Finding, Gate, judge
from conformance.results.model import (
    BEHAVIOUR_OUTCOMES,
    FORMAT,
    OUTCOMES,
    VERSION,
    Behaviour,
    GridCell,
    Results,
    ResultsError,
    SubjectResult,
    Verdict,
    counts,
    load_results,
    save_results,
)

__all__ = [
    "BEHAVIOUR_OUTCOMES",
    "FORMAT",
    "OUTCOMES",
    "VERSION",
    "Baseline",
    "BaselineError",
    "Behaviour",
    "Entry",
    "Finding",
    "Gate",
    "GridCell",
    "Results",
    "ResultsError",
    "SubjectResult",
    "Verdict",
    "counts",
    "judge",
    "load_baseline",
    "load_results",
    "save_results",
]
