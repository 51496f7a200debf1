"""The command line: ``wsgi-conformance``, or ``python -m conformance``.

The validator and the pytest fixture run wherever the applications run that they are for, so this
project installs on Python 3.8 and later. The command starts servers, for which it needs 3.11; on an
older one it has to say so itself, in words that this older one can read, before it imports more.
"""

import sys

__all__ = ["main"]

NEEDED = (3, 11)


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.version_info < NEEDED:
        print(
            "wsgi-conformance: the command needs Python 3.11 or later, this is {}.{}; "
            "conformance.Validator and the pytest fixture wsgi_validator work here".format(
                *sys.version_info[:2]
            ),
            file=sys.stderr,
        )
        return 2
    from conformance.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
