"""The application as callables of other kinds, for a server to be started with in its place."""

from typing import Any, Callable, Iterator

__all__ = ["make_class", "make_instance", "make_wrapped"]

Application = Callable[..., Any]


def make_instance(application: Application) -> Any:
    """Return an instance with ``__call__`` that notes which of its attributes are looked up.

    Calling it looks up nothing that is noted: the interpreter finds ``__call__`` on the class.

    Args:
        application: has a list ``looked_up``, for the names.
    """
    names = application.looked_up  # type: ignore[attr-defined]

    class Instance:
        def __call__(self, *arguments: Any, **keywords: Any) -> Any:
            return application(*arguments, **keywords)

        def __getattribute__(self, name: str) -> Any:
            names.append(name)
            return object.__getattribute__(self, name)

    return Instance()


def make_class(application: Application) -> Any:
    """Return a class: calling it makes the iterable, as in the PEP's second example."""

    class Result:
        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            self.result = application(*arguments, **keywords)

        def __iter__(self) -> Iterator[bytes]:
            return iter(self.result)

        def close(self) -> None:
            close = getattr(self.result, "close", None)
            if close is not None:
                close()

    return Result


def make_wrapped(application: Application) -> Any:
    """Return a middleware that passes everything on as it is, the iterable included."""

    def wrapped(environ: Any, start_response: Any) -> Any:
        return application(environ, start_response)

    return wrapped
