"""Tell whether anything that a function captures has changed: globals, closures, defaults.

A trace of a function can be used again only if the function would be traced to the same again. Objects are
looked through as pickle does it; what cannot be told, such as state that C code keeps, counts as changed.
"""

from __future__ import annotations

import functools
import pickle
import types
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import jax
import numpy as np

# Arrays, and plain containers as pickle writes them, take longer to compare than most functions to trace if
# they have more bytes than this.
LARGEST_ARRAY = 10_000_000
# More objects than these, containers of plain numbers counted as one, are not looked through.
MOST_VALUES = 20_000
PLAIN = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    types.ModuleType,
    type,
    jax.Array,
    np.ufunc,
    np.generic,
)
# How a class may say what state its objects have.
PICKLING = ("__reduce__", "__reduce_ex__", "__getstate__")
LIBRARIES = ("jax", "numpy", "scipy", "lagrad", "builtins", "math", "functools", "operator", "equinox")
CONTAINERS = (list, tuple, dict, set, frozenset)


class Untold(Exception):
    """What a function captures cannot be told."""


class NotPlain(Exception):
    """A container holds something else than numbers, strings, arrays of numbers and containers of these."""


@dataclass(frozen=True, eq=False)
class Captured:
    """Everything that a function captures.

    Args:
        values: objects, compared by identity and so kept alive, and checksums of arrays, compared by value.
    """

    values: tuple[Any, ...]

    def is_same(self, other: Captured | None) -> bool:
        """Whether another look found the same."""
        if other is None or len(self.values) != len(other.values):
            return False
        pairs = zip(self.values, other.values, strict=True)
        return all(one is two or (type(one) is Checksum and one == two) for one, two in pairs)


class Checksum(int):
    """Checksum of the bytes of an array."""


def captured(*functions: Callable[..., Any]) -> Captured | None:
    """What functions capture at present, what several of them share once; None if that cannot be told.

    >>> scale = np.array([2.0])
    >>> before = captured(lambda x: scale * x)
    >>> scale[0] = 3.0
    >>> captured(lambda x: scale * x).is_same(before)
    False
    """
    found: list[Any] = []
    seen: set[int] = set()
    try:
        for fun in functions:
            look_through(fun, seen, found)
    except (Untold, RecursionError):
        return None
    return Captured(tuple(found))


def look_through(value: Any, seen: set[int], found: list[Any]) -> None:
    """Add every object behind a value, and checksums of arrays.

    Args:
        value: where to begin.
        seen: identities of what was looked through before.
        found: what is added to.

    Raises:
        Untold: an object has a state of its own, or there are too many.
    """
    if isinstance(value, types.MethodType):
        # Python makes a bound method anew each time that it is asked for.
        look_through(value.__func__, seen, found)
        look_through(value.__self__, seen, found)
        return
    found.append(value)
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, PLAIN):
        return
    if len(seen) > MOST_VALUES:
        raise Untold
    if isinstance(value, np.ndarray):
        found.append(checksum_of_array(value))
        return
    if type(value) in CONTAINERS:
        try:
            found.append(checksum(value))
            return
        except NotPlain:
            pass
    for part in parts(value):
        look_through(part, seen, found)


def checksum_of_array(array: np.ndarray) -> Checksum:
    """Checksum of an array's numbers.

    Raises:
        Untold: it holds objects, or is too large.
    """
    if array.nbytes > LARGEST_ARRAY or array.dtype.hasobject:
        raise Untold
    return Checksum(zlib.crc32(np.ascontiguousarray(array).tobytes()))


class Summed:
    """A file that keeps nothing but the checksum of what is written."""

    def __init__(self) -> None:
        self.sum, self.size = 0, 0

    def write(self, data: Any) -> int:
        """Take the next bytes.

        Raises:
            Untold: there are too many.
        """
        self.sum, self.size = zlib.crc32(data, self.sum), self.size + len(data)
        if self.size > LARGEST_ARRAY:
            raise Untold
        return len(data)


class PlainPickler(pickle.Pickler):
    """Writes what is plain; C code goes through lists of numbers a hundred times as fast as Python."""

    def reducer_override(self, value: Any) -> Any:
        """What an object that is not of Python's own plain types is written as.

        Raises:
            NotPlain: it is none of NumPy's numbers or arrays.
        """
        if value is bytes:
            return NotImplemented
        if isinstance(value, (np.ndarray, np.generic)) and not value.dtype.hasobject:
            if value.nbytes > LARGEST_ARRAY:
                raise Untold
            return bytes, (f"{value.dtype.str}{value.shape}".encode() + value.tobytes(),)
        raise NotPlain


def checksum(value: Any) -> Checksum:
    """Checksum of a container of plain values.

    Raises:
        NotPlain: it holds something else.
        Untold: it is too large.
    """
    file = Summed()
    PlainPickler(file, protocol=5).dump(value)
    return Checksum(file.sum)


def parts(value: Any) -> list[Any]:
    """What an object consists of.

    Raises:
        Untold: that is not known.
    """
    if is_record(value):
        return [getattr(value, each.name) for each in fields(value)] + methods_of(type(value))
    if is_of_library(value):
        return [value.__wrapped__] if hasattr(value, "__wrapped__") else []
    if isinstance(value, (tuple, list, set, frozenset)):
        return [*value, *getattr(value, "__dict__", {}).values()]
    if isinstance(value, types.SimpleNamespace):
        return [part for attribute in vars(value).items() for part in attribute]
    if isinstance(value, dict):
        return [*value.keys(), *value.values(), *getattr(value, "__dict__", {}).values()]
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, types.FunctionType):
        return parts_of_function(value)
    if hasattr(value, "__wrapped__") and callable(value):
        return [value.__wrapped__]
    return state_of(value) + methods_of(type(value))


def is_record(value: Any) -> bool:
    """Whether a value is an instance of a dataclass."""
    return is_dataclass(value) and not isinstance(value, type)


def is_of_library(value: Any) -> bool:
    """Whether a module, class or function belongs to a library that nobody changes on the way."""
    if isinstance(value, types.ModuleType):
        return value.__name__.partition(".")[0] in LIBRARIES
    return callable(value) and (getattr(value, "__module__", None) or "").partition(".")[0] in LIBRARIES


def parts_of_function(fun: types.FunctionType) -> list[Any]:
    """Code, defaults, closure and globals of a Python function."""
    cells = [content for cell in fun.__closure__ or () for content in contents(cell)]
    names = [name for name in names_of(fun.__code__) if name in fun.__globals__]
    defaults = [*(fun.__defaults__ or ()), *(fun.__kwdefaults__ or {}).values()]
    return [*defaults, *cells, *(fun.__globals__[name] for name in names)]


def state_of(value: Any) -> list[Any]:
    """Attributes of an object of a class written in Python.

    Raises:
        Untold: it says itself how it is pickled, or has state beside its attributes.
    """
    kind = type(value)
    if any(getattr(kind, name) is not getattr(object, name) for name in PICKLING):
        raise Untold
    try:
        _, arguments, state, *contents = value.__reduce_ex__(2)
    except TypeError as error:
        raise Untold from error
    if any(each is not None for each in contents):
        raise Untold
    # Attributes, and slots where a class has any; the dicts are made anew each time.
    dicts = state if isinstance(state, tuple) else (state,)
    found = [part for each in dicts for attribute in (each or {}).items() for part in attribute]
    return [*arguments[1:], *found]


def methods_of(kind: type) -> list[Any]:
    """Functions of a class and of those that it inherits from; they are called without being named."""
    found = [each for parent in kind.__mro__ if not is_of_library(parent) for each in vars(parent).values()]
    return [each for each in found if isinstance(each, types.FunctionType)]


def contents(cell: types.CellType) -> list[Any]:
    """Value of a closure's variable, none where it has none yet."""
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def names_of(code: types.CodeType) -> list[str]:
    """Names of globals and attributes in a function and in those inside it."""
    inner = [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return [*code.co_names, *(name for each in inner for name in names_of(each))]
