"""What PEP 3333 says of an environ, a status and a list of headers, as plain functions.

The harness judges with them what a server passed to the application; the reference server refuses
with them what an application passed back. Standard library only, Python 3.8 and later: whatever
checks from inside a server needs them too.

Each function returns the problems it found; an empty list is a pass for every rule that it names in
``ENVIRON_RULES``, ``STATUS_RULES`` or ``HEADERS_RULES``. No text is made before a check has failed.
"""

from conformance.checks.common import Problem, show
from conformance.checks.environ import ENVIRON_RULES, check_environ
from conformance.checks.head import (
    HEADERS_RULES,
    HOP_BY_HOP,
    STATUS_RULES,
    check_headers,
    check_status,
)

__all__ = [
    "ENVIRON_RULES",
    "HEADERS_RULES",
    "HOP_BY_HOP",
    "STATUS_RULES",
    "Problem",
    "check_environ",
    "check_headers",
    "check_status",
    "show",
]
