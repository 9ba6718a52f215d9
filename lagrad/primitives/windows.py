"""Find what a window that slides over an array sees: convolutions and window reductions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lagrad.primitives.movers import row_major


def taps(image_shape, kernel_shape, out_shape, *, dimension_numbers, **params) -> tuple[np.ndarray, ...]:
    """Every product of a convolution: flat numbers of the output, image and kernel element."""
    image_spec, kernel_spec, out_spec = dimension_numbers
    channels, rank = kernel_shape[kernel_spec[1]], len(params["window_strides"])
    # Axes of the table: batch, feature, channel, then output and kernel position along each spatial axis.
    total = 3 + 2 * rank
    n = counter(0, out_shape[out_spec[0]], total)
    o = counter(1, out_shape[out_spec[1]], total)
    c = counter(2, channels, total)
    batch = n + o // (o.size // params["batch_group_count"]) * n.size
    channel = c + o // (o.size // params["feature_group_count"]) * channels
    out, image, kernel = [n, o], [batch, channel], [o, c]
    valid = np.ones((1,) * total, dtype=bool)
    for d in range(rank):
        s = counter(3 + 2 * d, out_shape[out_spec[2 + d]], total)
        k = counter(4 + 2 * d, kernel_shape[kernel_spec[2 + d]], total)
        place, inside = tap(s, k, image_shape[image_spec[2 + d]], d, window_params(params))
        valid = valid & inside
        image.append(place)
        kernel.append(k)
        out.append(s)
    table = [
        (out, out_spec, out_shape),
        (image, image_spec, image_shape),
        (kernel, kernel_spec, kernel_shape),
    ]
    flats = [
        sum(p * row_major(shape)[axis] for p, axis in zip(ps, spec, strict=True)) for ps, spec, shape in table
    ]
    return tuple(array[valid_everywhere] for array, valid_everywhere in broadcast(flats, valid))


def counter(axis: int, length: int, rank: int) -> np.ndarray:
    """0, 1, ... along one axis of many."""
    return np.arange(length).reshape([-1 if k == axis else 1 for k in range(rank)])


def broadcast(arrays: Sequence[Any], valid: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Every array and the mask, in their common shape."""
    *whole, mask = np.broadcast_arrays(*arrays, valid)
    return [(array, mask) for array in whole]


def window_params(
    params: dict,
) -> tuple[Sequence[int], Sequence[tuple[int, int]], Sequence[int], Sequence[int]]:
    """Strides, padding, dilation of the array and of the window."""
    if "lhs_dilation" in params:
        return params["window_strides"], params["padding"], params["lhs_dilation"], params["rhs_dilation"]
    return params["window_strides"], params["padding"], params["base_dilation"], params["window_dilation"]


def tap(out: np.ndarray, window: np.ndarray, length: int, axis: int, params) -> tuple[np.ndarray, np.ndarray]:
    """Place in the array that an output position sees through a window position, and whether there is one."""
    strides, padding, dilation, window_dilation = params
    place = out * strides[axis] - padding[axis][0] + window * window_dilation[axis]
    inside = (place % dilation[axis] == 0) & (place >= 0) & (place // dilation[axis] < length)
    return place // dilation[axis], inside


def seen(shape: tuple[int, ...], out_shape: tuple[int, ...], params: dict) -> tuple[np.ndarray, np.ndarray]:
    """Every element that an output element of a window reduction sees: flat numbers of output and element."""
    rank, sizes = len(shape), params["window_dimensions"]
    out = place = np.zeros((1,) * (2 * rank), dtype=np.int64)
    valid = np.ones((1,) * (2 * rank), dtype=bool)
    for d in range(rank):
        s, k = counter(2 * d, out_shape[d], 2 * rank), counter(2 * d + 1, sizes[d], 2 * rank)
        found, inside = tap(s, k, shape[d], d, window_params(params))
        out, place, valid = (
            out + row_major(out_shape)[d] * s,
            place + row_major(shape)[d] * found,
            valid & inside,
        )
    (rows, mask), (cols, _) = broadcast([out, place], valid)
    return rows[mask], cols[mask]
