"""Twins of the rules about the variables of fields in RFC 3875 section 4.1.18."""

from __future__ import annotations

import os

from conformance.reference import Gateway
from conformance.reference.twins import bad_twin, good_twin


class Variables(Gateway):
    """Makes the variable of one field in another way."""

    name = b"x-probe"

    def header_variables(self) -> dict[str, str]:
        variables = super().header_variables()
        values = [
            value.decode("latin-1")
            for name, value in self.request.fields
            if name.lower() == self.name
        ]
        if len(values) > 1:
            key = "HTTP_" + self.name.decode("ascii").upper().replace("-", "_")
            variables[key] = self.combine(values)
        return variables

    def combine(self, values: list[str]) -> str:
        """Return the variable of several fields."""
        raise NotImplementedError


@bad_twin("cgi-repeated-fields-combined")
class TellsTheLast(Variables):
    """Of repeated fields only the last counts."""

    def combine(self, values: list[str]) -> str:
        return values[-1]


@bad_twin("cgi-repeated-fields-combined")
class TellsBackwards(Variables):
    """Repeated fields are joined backwards."""

    def combine(self, values: list[str]) -> str:
        return ", ".join(reversed(values))


@good_twin("cgi-repeated-fields-combined")
class JoinsClosely(Variables):
    """Repeated fields are joined with a comma and no blank."""

    def combine(self, values: list[str]) -> str:
        return ",".join(values)


@bad_twin("http-cookie-fields-joined")
class JoinsCookiesAsLists(Variables):
    """Repeated Cookie fields are joined with a comma."""

    name = b"cookie"

    def combine(self, values: list[str]) -> str:
        return ", ".join(values)


@bad_twin("cgi-field-name-underscore")
class MixesUnderscores(Gateway):
    """A name with underscores is another spelling of one with hyphens."""

    def header_variables(self) -> dict[str, str]:
        self.request.fields = [
            (name.replace(b"_", b"-"), value) for name, value in self.request.fields
        ]
        return super().header_variables()


@good_twin("cgi-field-name-underscore")
class KeepsLoneUnderscores(Gateway):
    """A name with underscores has its variable where no other name wants it."""

    def header_variables(self) -> dict[str, str]:
        names = {name.lower() for name, _ in self.request.fields}
        self.request.fields = [
            (name, value)
            if name.lower().replace(b"_", b"-") in names
            else (name.replace(b"_", b"-"), value)
            for name, value in self.request.fields
        ]
        return super().header_variables()


@bad_twin("environ-http-vars-value")
class BelievesItsEnvironment(Gateway):
    """A variable of the process's environment counts more than the header of its name."""

    def header_variables(self) -> dict[str, str]:
        variables = super().header_variables()
        return {key: os.environ.get(key, value) for key, value in variables.items()}
