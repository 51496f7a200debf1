"""What runs inside a server under test: standard library only, Python 3.8 and later, PyPy too.

The application that the server loads connects back to the harness each time it is called, says
what it was called with, is told which probe to play, and reports what happens to it.
"""
