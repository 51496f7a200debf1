"""Results: the one thing that reports read."""

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
    "Behaviour",
    "GridCell",
    "Results",
    "ResultsError",
    "SubjectResult",
    "Verdict",
    "counts",
    "load_results",
    "save_results",
]
