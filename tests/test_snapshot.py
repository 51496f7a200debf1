"""Snapshots: what a rule asks about survives the way out of the server's process."""

from __future__ import annotations

import enum
import io
import json
from collections import OrderedDict, namedtuple
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.inside.snapshot import (
    LONGEST_REPR,
    Opaque,
    Raised,
    bounded_repr,
    decode,
    encode,
    encode_environ,
)


class Text(str):
    """A subclass of ``str`` whose own methods lie."""

    def __str__(self) -> str:
        return "a lie"

    def __repr__(self) -> str:
        return "a lie"


class Data(bytes):
    def __getitem__(self, key: Any) -> Any:
        return b"a lie"


Pair = namedtuple("Pair", "first second")


class Number(enum.IntEnum):
    ONE = 1


class Hostile:
    """Everything that may be asked of it raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __getattr__(self, name: str) -> Any:
        raise ValueError(name)


class Verbose:
    def __repr__(self) -> str:
        return "x" * 10_000


class Stream:
    """A stream with some of its methods, one of them no method."""

    def read(self) -> None: ...

    def __iter__(self) -> Any: ...

    write = "not callable"


def travelled(value: Any) -> Any:
    """Return a value after the way through JSON."""
    return decode(json.loads(json.dumps(encode(value))))


def alike(left: Any, right: Any) -> bool:
    """Whether two values are equal and of the same types all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(alike, left, right))
    if isinstance(left, dict):
        return alike(list(left.items()), list(right.items()))
    return bool(left == right or left != left)


KEYS = st.one_of(st.text(), st.binary(), st.integers(), st.booleans(), st.none())
PLAIN = st.one_of(KEYS, st.floats())
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(VALUES)
def test_round_trip(value: Any) -> None:
    assert alike(travelled(value), value)


@pytest.mark.parametrize(
    "value", ["caf\xe9", "\u20ac", "\udc80 not Unicode", "\0\x7f", b"", bytes(range(256)), 1 << 80]
)
def test_round_trip_of_what_is_often_lost(value: Any) -> None:
    assert alike(travelled(value), value)
    assert alike(travelled({value: [(value,)]}), {value: [(value,)]})


def test_true_is_not_one() -> None:
    assert travelled([True, 1, 1.0, "1", b"1"]) == [True, 1, 1.0, "1", b"1"]
    assert [type(item) for item in travelled([True, 1, 1.0])] == [bool, int, float]


@pytest.mark.parametrize(("value", "base"), [(Text("honest"), str), (Data(b"honest"), bytes)])
def test_subclass_of_text(value: Any, base: type) -> None:
    """It stays a subclass, of its name, with the content that the base class knows of."""
    restored = travelled(value)
    assert type(restored) is not base
    assert isinstance(restored, base)
    assert type(restored).__name__ == type(value).__name__
    assert base(restored) == base(b"honest" if base is bytes else "honest")


def test_subclass_of_tuple() -> None:
    restored = travelled(Pair("text", b"bytes"))
    assert restored == ("text", b"bytes")
    assert type(restored) is not tuple


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Number.ONE, "test_snapshot.Number"),
        (OrderedDict(), "collections.OrderedDict"),
        (bytearray(b"x"), "builtins.bytearray"),
        (io.BytesIO(), "_io.BytesIO"),
        (Stream, "builtins.type"),
    ],
)
def test_any_other_object_stays_behind(value: Any, kind: str) -> None:
    restored = travelled(value)
    assert isinstance(restored, Opaque)
    assert restored.kind.endswith(kind)
    assert restored.text == repr(restored) == bounded_repr(value)


def test_methods_of_a_stream() -> None:
    restored = travelled(Stream())
    assert sorted(restored.methods) == ["__iter__", "read"]
    assert {"read", "readline", "readlines", "__iter__"} <= set(travelled(io.BytesIO()).methods)
    assert "__call__" in travelled(len).methods


def test_special_methods_count_on_the_class_alone() -> None:
    stream = Stream()
    stream.__dict__["__call__"] = len
    assert "__call__" not in travelled(stream).methods


def test_hostile_object() -> None:
    restored = travelled({"wsgi.input": Hostile()})["wsgi.input"]
    assert restored.text == "<Hostile whose repr raised RuntimeError>"
    assert restored.methods == []


def test_repr_is_bounded() -> None:
    text = bounded_repr(Verbose())
    assert len(text) == LONGEST_REPR
    assert text.endswith("...")


def test_raised() -> None:
    restored = travelled(Raised("OSError", "gone"))
    assert restored == Raised("OSError", "gone")
    assert restored != Raised("OSError", "here")
    assert restored != "gone"
    assert hash(restored) == hash(Raised("OSError", "gone"))
    assert repr(restored) == "raised OSError: gone"


@pytest.mark.parametrize("value", [{}, {"?": 1}, {"b": "\u20ac"}, {"S": "x", "c": "\0"}])
def test_garbage_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"snapshot|codec|null"):
        decode(value)


class Refusing(dict[str, str]):
    def __getitem__(self, key: str) -> str:
        raise RuntimeError("not today")


def test_environ() -> None:
    described = json.loads(json.dumps(encode_environ({"A": "b", 1: b"c"})))
    assert described["type"] == "builtins.dict"
    assert [tuple(map(decode, item)) for item in described["items"]] == [("A", "b"), (1, b"c")]


@pytest.mark.parametrize(
    ("environ", "kind"),
    [(Refusing(a="b"), "test_snapshot.Refusing"), (None, "builtins.NoneType"), (7, "builtins.int")],
)
def test_what_is_no_environ(environ: Any, kind: str) -> None:
    described = encode_environ(environ)
    assert described["type"].endswith(kind)
    assert described["items"] == []
    assert described["error"]
