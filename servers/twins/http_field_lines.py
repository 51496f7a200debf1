"""Twins of the rules about field lines in RFC 9112 section 5 and RFC 9110 section 5."""

from __future__ import annotations

import re
from typing import Any

import h11

from conformance.reference import Connection, Gateway
from conformance.reference.twins import bad_twin, good_twin

from ._requests import TOKEN, Rewrites, hide, refuse


@bad_twin("http-space-before-colon")
class ForgivesBlankBeforeColon(Rewrites):
    """White space before a colon is passed over."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb"(?m)^(" + TOKEN + rb")[ \t]+:", rb"\1:", fields)


@bad_twin("http-space-before-colon")
class DropsBlankBeforeColon(Rewrites):
    """A field with white space before its colon is left out."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb"(?m)^" + TOKEN + rb"[ \t]+:[^\n]*\n", b"", fields)


FOLD = re.compile(rb"(:[^\r\n]*)\r\n[ \t]+")


class Folds(Rewrites):
    """Makes something else of a fold."""

    instead = b""

    def rewrite_fields(self, fields: bytes) -> bytes:
        while FOLD.search(fields):
            fields = FOLD.sub(rb"\1" + self.instead, fields)
        return fields


@bad_twin("http-obs-fold")
class JoinsFolds(Folds):
    """A fold leaves nothing between the words."""


@bad_twin("http-obs-fold")
class KeepsFolds(Folds):
    """A fold is kept as it is."""

    instead = b"~~0d~~~~0a~~ "


@bad_twin("http-obs-fold")
class DropsFoldedLines(Rewrites):
    """Of a folded value the first line counts."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb"(:[^\r\n]*)(?:\r\n[ \t]+[^\r\n]*)+", rb"\1", fields)


@good_twin("http-obs-fold")
class KeepsTabsOfFolds(Folds):
    """Of a fold, only the end of the line becomes a space."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb"(:[^\r\n]*)\r\n(?=[ \t])", rb"\1 ", fields)


@good_twin("http-obs-fold")
class RefusesFolds(Rewrites):
    """A folded value is refused."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        if FOLD.search(fields):
            raise refuse()
        return fields


# Neither a field, nor one with a blank before its colon, nor a fold, nor a line with a bare CR.
NO_FIELD = re.compile(
    rb"(?m)^(?!" + TOKEN + rb"[ \t]*:)(?![ \t])[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*"
)


@bad_twin("http-field-line-invalid")
class DropsNoFields(Rewrites):
    """A line that is no field is left out."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return NO_FIELD.sub(b"", fields)


@bad_twin("http-header-section-whole", also=("http-field-line-invalid",))
class EndsAtNoField(Rewrites):
    """The head ends at a line that is no field."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return NO_FIELD.split(fields, maxsplit=1)[0]


@bad_twin("http-field-name-exact", also=("http-field-line-invalid",))
class StripsNames(Rewrites):
    """Whatever Unicode calls white space is taken off a name."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb"(?m)^[\x85\xa0]?(" + TOKEN + rb")[\x85\xa0\x0b]?:", rb"\1:", fields)


@bad_twin("http-field-value-nul")
class KeepsNul(Rewrites):
    """A NUL in a value is a character like any other."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb":[^\n]*", lambda found: hide(found[0], b"\0"), fields)


@bad_twin("http-field-value-nul")
class EndsValuesAtNul(Rewrites):
    """A value ends before a NUL, as a string of C does."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb"(:[^\r\n\0]*)\0[^\r\n]*", rb"\1", fields)


@good_twin("http-field-value-nul")
class MakesNulSpaces(Rewrites):
    """A NUL in a value becomes a space."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb":[^\n]*", lambda found: found[0].replace(b"\0", b" "), fields)


@bad_twin("http-field-value-stripped", also=("environ-http-vars-value",))
class StripsValues(Gateway):
    """Whatever Unicode calls white space is taken off the value of X-Probe."""

    def header_variables(self) -> dict[str, str]:
        variables = super().header_variables()
        if "HTTP_X_PROBE" in variables:
            variables["HTTP_X_PROBE"] = variables["HTTP_X_PROBE"].strip()
        return variables


@bad_twin("http-field-value-empty")
class RefusesEmptyValues(Connection):
    """A field with an empty value is refused."""

    def check(self, event: h11.Request) -> None:
        """Refuse."""
        super().check(event)
        if (b"x-probe", b"") in list(event.headers):
            raise refuse()


@bad_twin("http-field-value-empty")
class ReadsOnForAValue(Rewrites):
    """White space behind a colon may have an end of line in it."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb":[ \t]*\r\n(?=X-After)", b": ", fields)


@good_twin("http-field-value-empty")
class DropsEmptyValues(Gateway):
    """A field with an empty value has no variable."""

    def header_variables(self) -> dict[str, str]:
        return {key: value for key, value in super().header_variables().items() if value}


@bad_twin("http-fields-too-large")
class DropsLargeFields(Gateway):
    """A field of more than 16 KiB is left out."""

    def header_variables(self) -> dict[str, str]:
        variables = super().header_variables()
        return {key: value for key, value in variables.items() if len(value) <= 1 << 14}


@bad_twin("http-fields-too-large")
class CountsFieldsTo200(Gateway):
    """Only the first two hundred fields count."""

    def header_variables(self) -> dict[str, str]:
        del self.request.fields[200:]
        return super().header_variables()


@bad_twin("http-fields-too-large")
class BlamesItself(Connection):
    """A head that is too large is answered with 500."""

    def status_of(self, error: h11.RemoteProtocolError) -> int:
        """Return the status."""
        status = super().status_of(error)
        return 500 if status == 431 else status


@good_twin("http-fields-too-large")
class TakesAHundredFields(Connection):
    """More than a hundred fields, and more than 8 KiB of them, are answered with 413."""

    def check(self, event: h11.Request) -> None:
        """Count."""
        super().check(event)
        fields: list[Any] = list(event.headers)
        if len(fields) > 100 or sum(len(name) + len(value) for name, value in fields) > 1 << 13:
            raise refuse(413)
