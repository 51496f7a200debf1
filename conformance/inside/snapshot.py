"""Objects of the server's process as JSON and back, without losing what a rule asks about.

Exact types survive (an ``int`` where text belongs stays an ``int``, a subclass of ``str`` stays a
subclass), bytes survive as bytes, and of any other object its type, a bounded repr and which of the
methods that PEP 3333 names it has.
"""

from typing import Any, Dict, List

__all__ = ["Opaque", "Raised", "decode", "encode", "encode_callable", "encode_environ"]

METHODS = (
    "read", "readline", "readlines", "__iter__", "write", "writelines", "flush", "close", "__call__"
)  # fmt: skip
LONGEST_REPR = 200
PLAIN = (str, bool, int, float, type(None))


class Raised:
    """An exception that a noted call ended in."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        self.message = message

    def __repr__(self) -> str:
        return f"raised {self.kind}: {self.message}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Raised) and (self.kind, self.message) == (
            other.kind,
            other.message,
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.message))


class Opaque:
    """Stands for an object that stayed in the server's process."""

    def __init__(self, kind: str, text: str, methods: List[str]) -> None:
        self.kind = kind
        self.text = text
        self.methods = methods

    def __repr__(self) -> str:
        return self.text


def bounded_repr(value: Any) -> str:
    """Return a repr of at most 200 characters, whatever the object's own repr does."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return text if len(text) <= LONGEST_REPR else text[: LONGEST_REPR - 3] + "..."


def has_method(value: Any, name: str) -> bool:
    """Tell whether an object has a callable of that name; asking may not raise."""
    try:
        if name.startswith("__"):
            # Not by getattr(type(value), name): that finds the __call__ of every metaclass.
            bases = [vars(base) for base in type(value).__mro__]
            return callable(next((base[name] for base in bases if name in base), None))
        return callable(getattr(value, name, None))
    except Exception:
        return False


def encode(value: Any) -> Any:
    """Return a JSON-ready stand-in for any object."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is bytes:
        return {"b": value.decode("latin-1")}
    if kind is tuple:
        return {"t": [encode(item) for item in value]}
    if kind is list:
        return {"l": [encode(item) for item in value]}
    if kind is dict:
        return {"d": [[encode(key), encode(item)] for key, item in value.items()]}
    if kind is Raised:
        return {"x": [value.kind, value.message]}
    if isinstance(value, str):
        return {"S": str.__str__(value), "c": kind.__name__}
    if isinstance(value, bytes):
        return {"B": bytes.__getitem__(value, slice(None)).decode("latin-1"), "c": kind.__name__}
    if isinstance(value, tuple):
        items = [encode(item) for item in tuple.__iter__(value)]
        return {"T": items, "c": kind.__name__}
    return {
        "o": f"{kind.__module__}.{kind.__qualname__}",
        "r": bounded_repr(value),
        "m": [name for name in METHODS if has_method(value, name)],
    }


def encode_callable(value: Any) -> Any:
    """Return a stand-in for what should be callable and may be of an unfinished type.

    Servers written in C hand out objects whose type was never made ready; whoever asks such a type
    for as much as its name ends the process. Whether it can be called is safe to ask.
    """
    if callable(value):
        return {"o": "callable", "r": "a callable", "m": ["__call__"]}
    return encode(value)


def encode_environ(environ: Any) -> Dict[str, Any]:
    """Return what the harness needs to know of an environ, whatever the server passed as one."""
    kind = type(environ)
    described: Dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}"}
    try:
        described["items"] = [[encode(key), encode(environ[key])] for key in list(environ)]
    except Exception as error:
        described["items"] = []
        described["error"] = f"{type(error).__name__}: {error}"
    return described


def decode(value: Any) -> Any:
    """Undo ``encode``: the same object where its type allows, an ``Opaque`` where it does not.

    Errors:
        ValueError: not something that ``encode`` makes.
    """
    if not isinstance(value, dict):
        return value
    if "b" in value:
        return value["b"].encode("latin-1")
    if "t" in value:
        return tuple(decode(item) for item in value["t"])
    if "l" in value:
        return [decode(item) for item in value["l"]]
    if "d" in value:
        return {decode(key): decode(item) for key, item in value["d"]}
    if "x" in value:
        return Raised(*value["x"])
    if "S" in value:
        return type(value["c"], (str,), {})(value["S"])
    if "B" in value:
        return type(value["c"], (bytes,), {})(value["B"].encode("latin-1"))
    if "T" in value:
        return type(value["c"], (tuple,), {})(decode(item) for item in value["T"])
    if "o" in value:
        return Opaque(value["o"], value["r"], value["m"])
    raise ValueError(f"not a snapshot: {value!r}")
