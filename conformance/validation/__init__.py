"""The validator: WSGI middleware that checks both of its sides against PEP 3333.

Standard library only, Python 3.8 and later. ``middleware`` is what a server calls and what it holds
of one request; ``environ`` and ``response`` say in little time that all is well, and in more time
what is not; ``streams`` and ``body`` stand in for what is read and what is iterated over.
"""

from conformance.validation.findings import ConformanceError, ConformanceWarning, Finding
from conformance.validation.middleware import Validator, validator

__all__ = ["ConformanceError", "ConformanceWarning", "Finding", "Validator", "validator"]
