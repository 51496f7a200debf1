"""Results: the one thing that reports read."""

from conformance.results.model import (
    FORMAT,
    OUTCOMES,
    VERSION,
    Results,
    ResultsError,
    SubjectResult,
    Verdict,
    counts,
    load_results,
    save_results,
)

__all__ = [
    "FORMAT",
    "OUTCOMES",
    "VERSION",
    "Results",
    "ResultsError",
    "SubjectResult",
    "Verdict",
    "counts",
    "load_results",
    "save_results",
]
