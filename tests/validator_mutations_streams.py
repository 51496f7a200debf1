"""What applications do wrong with what environ holds: the streams and the file wrapper."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from validator_exchanges import Exchange
from validator_mutations import APPLICATION, MUTATIONS, Mutation, Pick, plain

__all__ = ["MUTATIONS"]


def using(rule: str, *also: str) -> Callable[[Any], Any]:
    """Declare a fault in the use of environ: a function of environ."""

    def decorate(use: Callable[[dict[str, Any]], Any]) -> Any:
        def apply(made: Exchange, pick: Pick) -> None:
            plain(made)
            data = b"body\nbody"
            made.request = {**made.request, "body": data}
            made.changes = {**made.changes, "wsgi.input": io.BytesIO(data)}
            made.changes["wsgi.errors"] = io.StringIO()
            made.changes.pop("wsgi.file_wrapper", None)
            made.reads, made.before = [], use

        name = use.__name__
        MUTATIONS[name] = Mutation(name, rule, APPLICATION, apply, also=also)
        return use

    return decorate


@using("input-not-closed")
def closes_input(environ: dict[str, Any]) -> None:
    environ["wsgi.input"].close()


@using("errors-not-closed")
def closes_errors(environ: dict[str, Any]) -> None:
    environ["wsgi.errors"].close()


@using("input-listed-methods-only")
def seeks_input(environ: dict[str, Any]) -> None:
    environ["wsgi.input"].seek(0)


@using("errors-listed-methods-only")
def asks_errors(environ: dict[str, Any]) -> None:
    environ["wsgi.errors"].getvalue()


@using("errors-written-native-str")
def logs_bytes(environ: dict[str, Any]) -> None:
    environ["wsgi.errors"].write(b"bytes")


@using("errors-written-native-str")
def logs_lines_of_bytes(environ: dict[str, Any]) -> None:
    environ["wsgi.errors"].writelines(["text\n", b"bytes\n"])


@using("errors-newline-plain")
def logs_with_carriage_return(environ: dict[str, Any]) -> None:
    environ["wsgi.errors"].write("text\r\n")


@using("input-no-overread")
def reads_too_much(environ: dict[str, Any]) -> None:
    environ["wsgi.input"].read(10)


@using("input-no-overread")
def reads_too_much_after_line(environ: dict[str, Any]) -> None:
    environ["wsgi.input"].readline()
    environ["wsgi.input"].read(5)


@using("file-wrapper-object-has-read")
def wraps_no_file(environ: dict[str, Any]) -> None:
    environ["wsgi.file_wrapper"](["no file"])


@using("file-wrapper-object-binary")
def wraps_text(environ: dict[str, Any]) -> None:
    environ["wsgi.file_wrapper"](io.StringIO("text"))


@using("file-wrapper-called-positionally")
def wraps_by_keyword(environ: dict[str, Any]) -> None:
    environ["wsgi.file_wrapper"](filelike=io.BytesIO())
