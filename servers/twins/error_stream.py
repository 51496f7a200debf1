"""Twins of the rules about wsgi.errors in PEP 3333, Input and Error Streams."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from conformance.reference import Gateway
from conformance.reference.streams import Errors
from conformance.reference.twins import bad_twin, good_twin


class BinaryErrors(Errors):
    def write(self, text: str) -> int:
        raise TypeError("a bytes-like object is required, not 'str'")

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            super().write(line)


@bad_twin("errors-write-supported")
class ErrorsTakeBytes(Gateway):
    """wsgi.errors is a binary stream: write(str) raises TypeError."""

    errors_class = BinaryErrors

    def log(self, error: BaseException) -> None:
        """Log nothing, and in particular do not fail."""


class IndexedErrors(Errors):
    def writelines(self, lines: Iterable[str]) -> None:
        self.write(lines[0])  # type: ignore[index]
        for line in lines[1:]:  # type: ignore[index]
            self.write(line)


@bad_twin("errors-writelines-supported")
class WritelinesWantsAList(Gateway):
    """writelines() fails for a sequence that cannot be indexed."""

    errors_class = IndexedErrors


class UnflushableErrors(Errors):
    def flush(self) -> None:
        raise NotImplementedError("flush")


@bad_twin("errors-flush-supported", also=("errors-flush-delivers",))
class CannotFlush(Gateway):
    """flush() raises NotImplementedError."""

    errors_class = UnflushableErrors

    def log(self, error: BaseException) -> None:
        """Log without flushing."""
        self.errors.write(f"{type(error).__name__}: {error.args}\n")


class ReversedErrors(Errors):
    def writelines(self, lines: Iterable[str]) -> None:
        for line in reversed(list(lines)):
            self.write(line)


@bad_twin("errors-write-semantics")
class WritesLinesBackwards(Gateway):
    """writelines() begins with the last."""

    errors_class = ReversedErrors


class PrefixedErrors(Errors):
    def write(self, text: str) -> int:
        sys.stderr.write("[error] ")
        return super().write(text)


@bad_twin("errors-write-semantics")
class PrefixesEachCall(Gateway):
    """Each write() call gets a prefix of its own in the log, whether or not it begins a line."""

    errors_class = PrefixedErrors


class HeldErrors(Errors):
    def __init__(self) -> None:
        self.held: list[str] = []

    def write(self, text: str) -> int:
        self.held.append(text)
        return len(text)

    def flush(self) -> None:
        """Not yet."""

    def release(self) -> None:
        for text in self.held:
            super().write(text)
        super().flush()


@bad_twin("errors-flush-delivers")
class LogsAtTheEnd(Gateway):
    """What is written to wsgi.errors is held back until the request is over."""

    errors_class = HeldErrors

    def run(self) -> None:
        """Run, then log."""
        super().run()
        self.errors.release()


class SilentErrors(Errors):
    def write(self, text: str) -> int:
        return len(text)


@good_twin(
    "errors-flush-delivers", "errors-write-semantics", "errors-text-mode", "errors-destination-free"
)
class LogsElsewhere(Gateway):
    """Nothing of wsgi.errors, and no traceback, shows on the standard streams."""

    errors_class = SilentErrors


class EscapedErrors(Errors):
    def write(self, text: str) -> int:
        super().write(text.rstrip("\n").replace("\n", "\\n") + "\n")
        return len(text)


@bad_twin("errors-text-mode", also=("errors-write-semantics",))
class EscapesNewlines(Gateway):
    """Newlines inside a text are escaped in the log."""

    errors_class = EscapedErrors


class StrictErrors(Errors):
    def write(self, text: str) -> int:
        text.encode("latin-1")
        return super().write(text)


@bad_twin("errors-any-unicode-accepted")
class ErrorsAreLatin1(Gateway):
    """Writing a character beyond U+00FF to wsgi.errors raises UnicodeEncodeError."""

    errors_class = StrictErrors


class ReplacingErrors(Errors):
    def write(self, text: str) -> int:
        super().write(text.encode("ascii", "replace").decode("ascii"))
        return len(text)


@good_twin("errors-any-unicode-accepted", "errors-substitution-allowed")
class ErrorsAreReplaced(Gateway):
    """Characters that are not ASCII become question marks in the log."""

    errors_class = ReplacingErrors
