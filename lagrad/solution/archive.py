"""Save nested dicts, lists, tuples, numbers, texts and arrays in one .npz file without pickle; load them.

The file holds the arrays under running numbers and one JSON text that says how they nest:

    {"a": (1, array([2.0]))}   ->   {"dict": [["a", {"tuple": [1, {"array": 0}]}]]}   +   0.npy

Reading runs no code from the file: arrays with objects are refused. It takes memory in proportion to the
file: an array must be as large as its header says before it is made.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

FORMAT = "lagrad archive 1"
EXISTS = "{}: exists already. Give another path or overwrite=True."
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# What zipfile, zlib, NumPy and json raise on bytes that are not what they should be.
DAMAGE = (
    ValueError,
    LookupError,
    TypeError,
    EOFError,
    OSError,
    NotImplementedError,
    RecursionError,
    zipfile.BadZipFile,
    zlib.error,
)


def write(path: str | Path, record: Any, overwrite: bool = False) -> Path:
    """Write a record; the file appears complete or not at all.

    Args:
        path: file to write; its folder must exist.
        record: nested dicts, lists and tuples of None, booleans, numbers, texts and arrays.
        overwrite: whether an existing file may be replaced.

    Returns:
        The path.

    Raises:
        FileExistsError: the file exists and `overwrite` is False.
        FileNotFoundError: its folder does not exist.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(EXISTS.format(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: the folder {path.parent} does not exist. Make it first.")
    arrays: list[np.ndarray] = []
    text = json.dumps({"format": FORMAT, "record": encode(record, arrays)})
    columns = {str(index): array for index, array in enumerate(arrays)}
    write_whole(path, {"structure": np.array(text)} | columns, overwrite)
    return path


def write_whole(path: Path, columns: dict[str, np.ndarray], overwrite: bool) -> None:
    """Write arrays to a temporary file beside `path`, then give it that name."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **columns)
        rename(temporary, path, overwrite)
    except BaseException:
        os.unlink(temporary)
        raise


def write_text(path: str | Path | None, text: str, overwrite: bool = False) -> str:
    """Write a text as a file, if a path is given, and give it back.

    Raises:
        FileExistsError: the file exists and `overwrite` is False.
    """
    if path is not None:
        try:
            with open(path, "w" if overwrite else "x", encoding="utf-8", newline="") as file:
                file.write(text)
        except FileExistsError:
            raise FileExistsError(EXISTS.format(path)) from None
    return text


def rename(temporary: str, path: Path, overwrite: bool) -> None:
    """Give a file its name.

    Raises:
        FileExistsError: somebody else has made a file of this name meanwhile, and `overwrite` is False.
    """
    if not overwrite:
        try:
            # A link, unlike a new name, never replaces a file.
            os.link(temporary, path)
        except FileExistsError:
            raise FileExistsError(EXISTS.format(path)) from None
        except OSError:
            # Some file systems know no links; there the look before the writing has to do.
            pass
        else:
            os.unlink(temporary)
            return
    os.replace(temporary, path)


def read(path: str | Path) -> Any:
    """Read what `write` wrote.

    Args:
        path: an existing file.

    Returns:
        The record; arrays are NumPy arrays.

    Raises:
        OSError: the file cannot be opened.
        ValueError: not such a file, damaged, or of a later format.
    """
    content = Path(path).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            outline = json.loads(str(member(file, "structure")))
            if outline["format"] != FORMAT:
                raise ValueError(f"format {outline['format']!r}, expected {FORMAT!r}")
            return decode(outline["record"], file)
    except DAMAGE as error:
        raise ValueError(
            f"{path}: not a file that lagrad can read ({error or type(error).__name__}). "
            "Give one that Solution.save wrote."
        ) from error


def member(file: zipfile.ZipFile, name: str) -> np.ndarray:
    """One array of the file.

    Raises:
        ValueError: it holds objects, or its header promises another size than there is.
    """
    content = io.BytesIO(file.read(f"{name}.npy"))
    shape, _, dtype = HEADERS[np.lib.format.read_magic(content)](content)
    if dtype.hasobject or prod(shape) * dtype.itemsize != len(content.getbuffer()) - content.tell():
        raise ValueError(f"array {name!r} of dtype {dtype} and shape {shape} has another size")
    content.seek(0)
    return np.lib.format.read_array(content, allow_pickle=False)


def encode(node: Any, arrays: list[np.ndarray]) -> Any:
    """A node as JSON; arrays are appended to `arrays` and replaced by their number."""
    if node is None or isinstance(node, (bool, int, float, str)):
        return node
    if isinstance(node, (list, tuple)) and type(node) in (list, tuple):
        return {type(node).__name__: [encode(entry, arrays) for entry in node]}
    if isinstance(node, dict) and all(isinstance(key, (str, int)) for key in node):
        return {"dict": [[key, encode(entry, arrays)] for key, entry in node.items()]}
    if isinstance(node, (np.ndarray, np.generic, jax.Array)):
        arrays.append(plain_array(node))
        return {"array": len(arrays) - 1}
    return encode(by_path(node), arrays)


def plain_array(node: npt.ArrayLike) -> np.ndarray:
    """An array of numbers or booleans.

    Raises:
        TypeError: anything else, which only pickle could store.
    """
    array = np.asarray(node)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"archive: an array of dtype {array.dtype}, expected numbers.")
    return array


def by_path(node: Any) -> dict[str, Any]:
    """Leaves of a pytree of the user's own classes under the names of their paths.

    Raises:
        TypeError: the node is no pytree container.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(node)
    if len(leaves) == 1 and leaves[0][1] is node:
        raise TypeError(f"archive: {type(node).__name__}, expected numbers, texts, arrays or containers.")
    return {jax.tree_util.keystr(path): leaf for path, leaf in leaves}


def shaped_like(record: Any, like: Any) -> Any:
    """Arrays of a record in the containers of another pytree, matched by their paths.

    Args:
        record: nested dicts, lists and tuples of arrays, as `read` gives them.
        like: pytree of the same arrays; leaves of it that are no arrays stay as they are.

    Raises:
        ValueError: an array is missing, too many, or of another shape.
    """
    arrays = dict(paths(record))
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    found = [(jax.tree_util.keystr(path), leaf) for path, leaf in leaves]
    wanted = {path: np.shape(leaf) for path, leaf in found if is_array(leaf)}
    if wanted.keys() != arrays.keys():
        odd = sorted(wanted.keys() ^ arrays.keys())
        raise ValueError(
            f"`like`: {odd[0] or 'the array itself'} is not in both. Give the x0 that was solved."
        )
    for path, shape in wanted.items():
        if np.shape(arrays[path]) != shape:
            raise ValueError(f"`like{path}`: shape {shape}, expected {np.shape(arrays[path])} as saved.")
    return structure.unflatten(arrays.get(path, leaf) for path, leaf in found)


def is_array(leaf: Any) -> bool:
    """Whether a leaf is an array or a number, as the variables of a problem are."""
    return isinstance(leaf, (bool, int, float, np.ndarray, np.generic, jax.Array))


def paths(record: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Path and value of each array of a record; `by_path` has written the paths of classes as keys.

    >>> dict(paths({"a": (1.0, {".w[0]": 2.0})}))
    {"['a'][0]": 1.0, "['a'][1].w[0]": 2.0}
    """
    if isinstance(record, dict):
        for key, value in record.items():
            is_path = isinstance(key, str) and key[:1] in (".", "[")
            yield from paths(value, path + (key if is_path else f"[{key!r}]"))
    elif isinstance(record, (list, tuple)):
        for index, value in enumerate(record):
            yield from paths(value, f"{path}[{index}]")
    elif record is not None:
        yield path, record


def decode(node: Any, file: zipfile.ZipFile) -> Any:
    """The inverse of `encode`."""
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    if kind == "array":
        return member(file, str(content))
    if kind == "dict":
        return {key: decode(entry, file) for key, entry in content}
    return {"list": list, "tuple": tuple}[kind](decode(entry, file) for entry in content)
