"""What a scenario puts around an application: other callables, recorded look-ups, a relay."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["KINDS", "LookedAt", "Relay", "looked_at", "passed_through", "with_kind"]

Callable_ = Callable[..., Any]


def as_function(target: Callable_) -> Callable_:
    """Return a plain function."""

    def function(*arguments: Any, **keywords: Any) -> Any:
        return target(*arguments, **keywords)

    return function


class Holder:
    """Has a method to be bound."""

    def __init__(self, target: Callable_) -> None:
        self.target = target

    def method(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the target."""
        return self.target(*arguments, **keywords)


class Slotted:
    """Takes no attributes and has no name."""

    __slots__ = ("_target",)

    def __init__(self, target: Callable_) -> None:
        self._target = target

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._target(*arguments, **keywords)


KINDS: dict[str, Callable[[Callable_], Callable_]] = {
    "a function": as_function,
    "a bound method": lambda target: Holder(target).method,
    "an instance with __slots__": Slotted,
    "a functools.partial": lambda target: functools.partial(as_function(target)),
}
"""Ways to make a callable that passes everything on."""


def with_kind(make: Callable[[Callable_], Callable_]) -> Callable[[Any], Callable_]:
    """Return what gives an application start_response and write as callables of one kind."""

    def around(application: Any) -> Callable_:
        def called(environ: Any, start_response: Any) -> Any:
            def start(*arguments: Any, **keywords: Any) -> Any:
                return make(start_response(*arguments, **keywords))

            return application(environ, make(start))

        return called

    return around


class LookedAt:
    """A callable that records which of its attributes are looked up."""

    __slots__ = ("_names", "_target")

    def __init__(self, target: Callable_, names: list[str]) -> None:
        self._target = target
        self._names = names

    def __getattribute__(self, name: str) -> Any:
        object.__getattribute__(self, "_names").append(name)
        return object.__getattribute__(self, name)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return object.__getattribute__(self, "_target")(*arguments, **keywords)


def looked_at(names: dict[str, list[str]]) -> Callable[[Any], Callable_]:
    """Return what records look-ups on start_response and write, under these two names."""
    started = names.setdefault("start_response", [])
    written = names.setdefault("write", [])

    def around(application: Any) -> Callable_:
        def called(environ: Any, start_response: Any) -> Any:
            def start(*arguments: Any, **keywords: Any) -> Any:
                return LookedAt(start_response(*arguments, **keywords), written)

            return application(environ, LookedAt(start, started))

        return called

    return around


class Relay:
    """Hands on the items of another iterable one by one."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.items = iter(result)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block: bytes = next(self.items)
        return block


class ClosingRelay(Relay):
    """Hands on close() too, for what has one."""

    def close(self) -> None:
        """Close what is relayed."""
        self.result.close()


def passed_through(application: Any) -> Callable_:
    """Return an application under middleware that does nothing, and does that properly."""

    def component(environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: Any, headers: Any, *rest: Any) -> Any:
            write = start_response(status, headers, *rest)

            def relay(data: bytes) -> None:
                write(data)

            return relay

        result = application(dict(environ), start)
        return ClosingRelay(result) if hasattr(result, "close") else Relay(result)

    return component
