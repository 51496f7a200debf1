"""Conformance suite for PEP 3333, the Python Web Server Gateway Interface v1.0.1."""

__version__ = "0.1.0"
