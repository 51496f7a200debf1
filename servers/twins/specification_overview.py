"""Twins of the rules in PEP 3333, Specification Overview."""

from __future__ import annotations

from inspect import isfunction
from typing import Any

from conformance.reference import Gateway
from conformance.reference.twins import bad_twin, good_twin


@bad_twin("app-callable-kind-irrelevant")
class TakesClassesForFactories(Gateway):
    """Calls what an application that is a class has made once more."""

    def call(self) -> Any:
        result = super().call()
        return result() if isinstance(self.application, type) else result


@bad_twin("app-not-introspected")
class AsksForAName(Gateway):
    """Looks at the name of the application for each request."""

    def call(self) -> Any:
        getattr(self.application, "__name__", None)
        return super().call()


@bad_twin("middleware-transparent-to-server")
class KnowsItsApplication(Gateway):
    """Leaves headers out that come through an application it does not know."""

    def send_head(self, first_block: bytes) -> None:
        if isfunction(self.application) and self.application.__name__ != "app":
            self.fields = [field for field in self.fields if field[0] != "X-Probe"]
        super().send_head(first_block)


@good_twin("app-not-introspected", "app-callable-kind-irrelevant")
class MakesSureItIsCallable(Gateway):
    """Asks for each request whether the application is one that can be called, and its class."""

    def call(self) -> Any:
        if not callable(self.application) or isinstance(self.application, str):
            raise TypeError("no application")
        return super().call()
