"""The command line: ``wsgi-conformance``."""

from conformance.cli.main import main

__all__ = ["main"]
