"""Declare a problem: the user's functions, start and bounds, checked, flattened and immutable.

Problem(objective, x0, constraints, bounds, params)
    x0           ->  variables (Layout), start      layout.py
    bounds       ->  lower, upper                   bounds.py
    constraints  ->  row_layouts, constraint sides  constraints.py
    params       ->  params, arrays                 params.py
    functions    ->  flat_objective, flat_constraints, traced once for their shapes   user_functions.py
"""

from __future__ import annotations

import inspect
import pickle
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.annotations import Pytree
from lagrad.display.text import others
from lagrad.errors import ProblemError
from lagrad.garbage import collected_later
from lagrad.problem.bounds import read_bounds
from lagrad.problem.captured import Captured, captured
from lagrad.problem.constraints import argument, named, sides
from lagrad.problem.layout import Layout, is_numbers, join, real_array
from lagrad.problem.limits import Limits
from lagrad.problem.modules import how_to_partition
from lagrad.problem.overview import markup, overview
from lagrad.problem.params import params_like, read_params
from lagrad.problem.user_functions import (
    Traced,
    check_signature,
    function,
    require_same,
    scalar_shape,
    trace_functions,
    users_code,
    value_layout,
)
from lagrad.source_location import is_called_from, warn_user

SCALAR = Layout.of(np.zeros(()), "objective")
# What follows from bounds and start.
_OF_BOUNDS = ("box", "limits", "starts_on_bound")
# These carry functions along by value, so that a lambda is no obstacle to them.
_PICKLE_BY_VALUE = frozenset({"cloudpickle", "dill"})


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """Minimise objective(x) subject to constraints and bounds; declared in JAX, checked at once.

    Functions must be pure: they are traced in float64 when the problem is declared (for their shapes) and
    again by `lagrad.differentiate`, never run step by step. So side effects happen while tracing only, and a
    global or captured array that changes later is not seen: what changes between solves belongs in `params`.

    A Problem never changes; its arrays are its own, and read-only. It can be pickled if its functions stand
    at the top of a module; load pickles only from people you trust, since loading one runs code.

    Args:
        objective: function f(x) returning a scalar, or f(x, params) when params are given.
        x0: start, and the structure of x: a number, an array of any shape, or a pytree of arrays. Lists and
            tuples of plain numbers are arrays. Integers, Booleans and float32 become float64 (`notes` says
            which). Entries outside the bounds start on the nearest bound, with a warning.
        constraints: None, an Equality or Inequality, a sequence of them, or a dict name -> constraint.
        bounds: None; (lower, upper), each None, a number, an array, a pytree like x0 or a part of one; a
            scipy.optimize.Bounds; one (lower, upper) pair a variable; or, where x0 is a dict, a dict of such
            pairs. 1e20 and beyond count as infinite; lower == upper fixes a variable.
        params: pytree of arrays, passed to every function as second argument; may change between solves.
        name: shown in reports.

    Attributes:
        n: number of variables.
        m: number of constraint rows.
        variables: Layout of x; `variables.flatten`, `.unflatten`, `.describe(i)`.
        start: x0, flat, moved within the bounds, shape (n,); `x0` itself stays as declared.
        lower, upper: bounds of x, shape (n,), infinite where there is none.
        constraint_lower, constraint_upper: sides of the rows, shape (m,).
        row_layouts: dict name -> Layout of that constraint's value.
        notes: what was converted, in sentences.
        traced: the functions as they were traced.
        captured: what the functions captured then; None if that cannot be told.

    Raises:
        ProblemError: the declaration does not fit together; the message names the argument, and what to do.
        DerivativeError: a function cannot be traced; the message quotes the user's line.

    >>> from lagrad.problem.constraints import Equality
    >>> circle = Equality(lambda x: x[0] ** 2 + x[1] ** 2, value=26.0)
    >>> problem = Problem(lambda x: x[0] * x[1], [1.0, 5.0], circle, bounds=(0.0, 9.0))
    >>> problem
    Problem(n=2, m=1, constraints: constraint)
    >>> problem.upper
    array([9., 9.])
    """

    objective: Callable[..., Any]
    x0: Any
    constraints: Any = None
    bounds: Any = None
    params: Any = None
    name: str | None = None
    variables: Layout = field(init=False)
    start: np.ndarray = field(init=False)
    lower: np.ndarray = field(init=False)
    upper: np.ndarray = field(init=False)
    constraint_lower: np.ndarray = field(init=False)
    constraint_upper: np.ndarray = field(init=False)
    row_layouts: dict[str, Layout] = field(init=False)
    notes: tuple[str, ...] = field(init=False)
    traced: Traced = field(init=False, repr=False)
    captured: Captured | None = field(init=False, repr=False)

    @collected_later()
    def __post_init__(self) -> None:
        if self.name is not None and not isinstance(self.name, str):
            raise ProblemError(f"`name`: {type(self.name).__name__}, expected a string. Give a name or None.")
        x0, notes = _read_start(self.x0)
        _settle(self, x0=x0, notes=notes, variables=Layout.of(x0, "x"))
        _settle(self, params=read_params(self.params), constraints=named(self.constraints))
        _settle(self, **_box(self.bounds, x0, self.variables))
        for where, fun in self.functions.items():
            check_signature(fun, self.has_params, where)
        # Neither by `_settle`: these arrays are the user's, and stay writable.
        vars(self)["captured"] = captured(*self.functions.values())
        arguments = (self.x0, self.params)
        vars(self)["traced"] = trace_functions(self.functions, self.has_params, arguments)
        scalar_shape(self.traced.values["objective"])
        _settle(self, **_rows(self))

    def __repr__(self) -> str:
        title = f"{self.name!r}, " if self.name else ""
        shown = [*self.constraints][:8] + ["..."] * (len(self.constraints) > 8)
        names = f", constraints: {', '.join(shown)}" if shown else ""
        return f"Problem({title}n={self.n}, m={self.m}{names})"

    def __str__(self) -> str:
        return overview(self)

    def _repr_html_(self) -> str:
        return markup(self)

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.variables.size

    @cached_property
    def m(self) -> int:
        """Number of constraint rows."""
        return int(self._row_offsets[-1])

    @cached_property
    def _row_offsets(self) -> np.ndarray:
        sizes = [layout.size for layout in self.row_layouts.values()]
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])

    @property
    def functions(self) -> dict[str, Callable[..., Any]]:
        """The functions as they were given, by the name of the argument."""
        return {"objective": self.objective} | {argument(n): c.fun for n, c in self.constraints.items()}

    @property
    def is_current(self) -> bool:
        """Whether the functions would be traced to the same again."""
        return self.captured is not None and self.captured.is_same(captured(*self.functions.values()))

    @property
    def has_params(self) -> bool:
        """Whether the functions take params as their second argument."""
        return self.params is not None

    def rows(self, name: str) -> slice:
        """The rows of one constraint among all m.

        Raises:
            ProblemError: no constraint has this name.
        """
        names = list(self.row_layouts)
        if name not in names:
            raise ProblemError(f"`constraints`: no constraint {name!r}. Give one of {names}.")
        start, stop = self._row_offsets[names.index(name) :][:2]
        return slice(int(start), int(stop))

    @cached_property
    def sides(self) -> dict[str, Any]:
        """Pair of lower and upper sides by constraint, each in the shape of its value."""
        pair, layouts = (self.constraint_lower, self.constraint_upper), self.row_layouts
        return {n: tuple(layouts[n].unflatten(side[self.rows(n)]) for side in pair) for n in layouts}

    @cached_property
    def box(self) -> tuple[Pytree, Pytree]:
        """Lower and upper bounds as pytrees like x."""
        return self.variables.unflatten(self.lower), self.variables.unflatten(self.upper)

    @cached_property
    def starts_on_bound(self) -> bool:
        """Whether a variable that is not fixed starts on a bound."""
        on_bound = (self.start <= self.lower) | (self.start >= self.upper)
        return bool((on_bound & (self.lower < self.upper)).any())

    @cached_property
    def limits(self) -> Limits:
        """Sides of the rows and bounds of the variables in one."""
        return Limits.of((self.constraint_lower, self.constraint_upper), (self.lower, self.upper))

    def describe_row(self, index: int) -> str:
        """Name of a constraint row, such as `flow[3]`.

        Raises:
            IndexError: the index is negative or not below m.
        """
        if not 0 <= index < self.m:
            raise IndexError(f"`constraints`: row {index}, expected 0 to {self.m - 1}.")
        position = bisect_right(self._row_offsets, index) - 1
        layout = [*self.row_layouts.values()][position]
        return layout.describe(int(index - self._row_offsets[position]))

    def flat_objective(self, x: np.ndarray | jax.Array, params: Pytree = None) -> jax.Array:
        """Objective of a flat x: a pure JAX function.

        Args:
            x: shape (n,).
            params: pytree like the problem's params; None if it has none.

        Returns:
            Scalar array.
        """
        with users_code("objective"):
            value = function(self.objective, self.has_params)(self.variables.unflatten(x), params)
        if np.shape(value) != (1,):
            require_same(value, SCALAR, "objective")
        return jnp.reshape(value, ()).astype(jnp.result_type(float))

    def flat_constraints(self, x: np.ndarray | jax.Array, params: Pytree = None) -> jax.Array:
        """All constraint rows of a flat x, in declared order: a pure JAX function.

        Args:
            x: shape (n,).
            params: pytree like the problem's params; None if it has none.

        Returns:
            Array of shape (m,).
        """
        tree = self.variables.unflatten(x)
        parts = []
        for name, constraint in self.constraints.items():
            with users_code(argument(name)):
                value = function(constraint.fun, self.has_params)(tree, params)
            require_same(value, self.row_layouts[name], argument(name))
            parts.append(self.row_layouts[name].ravel(value))
        return join(parts)

    def replace(self, **changes: Any) -> Problem:
        """The same functions with another start, other bounds or other params.

        Args:
            changes: `x0`, a pytree like the problem's or a flat vector of shape (n,); `bounds` in any form
                that Problem takes; `params` of the same structure and shapes. What is not given stays.

        Returns:
            Problem, checked; its functions are not traced again.

        Raises:
            ProblemError: another shape or structure, or what Problem itself would find wrong.

        >>> Problem(lambda x: x[0] ** 2, [1.0]).replace(x0=[3.0]).start
        array([3.])
        """
        unknown = sorted(set(changes) - {"x0", "bounds", "params"})
        if unknown:
            raise ProblemError(f"`replace`: {unknown}, expected x0, bounds or params. Declare a new Problem.")
        other = object.__new__(Problem)
        # Made once for all problems that come of this one.
        made = {name: getattr(self, name) for name in ("sides", *_OF_BOUNDS)}
        other.__dict__.update(self.__dict__, **made)
        if changes.get("params") is not None:
            _settle(other, params=self.read_params(changes["params"]))
        if changes.get("x0") is not None:
            _settle(other, x0=self.read_x0(changes["x0"]))
        if not changes.keys().isdisjoint({"x0", "bounds"}):
            _settle(other, **_box(changes.get("bounds", self.bounds), other.x0, self.variables))
            for name in _OF_BOUNDS:
                del other.__dict__[name]
        return other

    def read_x0(self, x0: Pytree) -> Pytree:
        """Another start, checked and copied, as a pytree like the problem's x0 (not moved within the bounds).

        Args:
            x0: pytree like the problem's x0, or a flat vector of shape (n,).

        Raises:
            ProblemError: another structure or shape, NaN or infinity.
        """
        flat = np.array(self.variables.flatten(x0))
        _check_finite(flat, self.variables)
        return self.variables.unflatten(flat)

    def read_params(self, params: Pytree) -> Pytree:
        """Params of a call, checked against the problem's own.

        Args:
            params: pytree like the problem's params, or None for these.

        Returns:
            Pytree of NumPy arrays with the dtypes of the problem's params.

        Raises:
            ProblemError: another structure, shape or kind of number.
        """
        if params is None:
            return self.params
        if not self.has_params:
            raise ProblemError(
                "`params`: given, but the problem was declared without. Declare it with params."
            )
        return params_like(params, self.params)

    def __reduce__(self) -> tuple[type[Problem], tuple[Any, ...]]:
        if not is_called_from(inspect.currentframe(), _PICKLE_BY_VALUE):
            _check_picklable(self)
        return Problem, (self.objective, self.x0, self.constraints, self.bounds, self.params, self.name)

    # A problem never changes, so that a copy is the problem itself.
    def __copy__(self) -> Problem:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Problem:
        return self


def problem_of(given: Any) -> Problem:
    """The Problem itself, of a Problem or of what was made of one.

    Args:
        given: a Problem, or Derivatives.

    Raises:
        ProblemError: neither.

    >>> problem_of(5)
    Traceback (most recent call last):
    lagrad.errors.ProblemError: `problem`: a int, expected a Problem, or what lagrad.differentiate returns.
    """
    found = getattr(given, "problem", given)
    if not isinstance(found, Problem):
        name = type(given).__name__
        raise ProblemError(f"`problem`: a {name}, expected a Problem, or what lagrad.differentiate returns.")
    return found


def _settle(problem: Problem, **attributes: Any) -> None:
    """Write attributes of a problem under construction, arrays and arrays in pytrees read-only."""
    for name, value in attributes.items():
        for leaf in jax.tree.leaves(value):
            if isinstance(leaf, np.ndarray):
                leaf.flags.writeable = False
        object.__setattr__(problem, name, value)


def _read_start(x0: Pytree) -> tuple[Pytree, tuple[str, ...]]:
    """x0 as a pytree of float64 arrays of its own, and what was converted.

    Raises:
        ProblemError: no variables, entries that are not real numbers, NaN or infinity.
    """
    leaves, treedef = jax.tree_util.tree_flatten_with_path(x0, is_leaf=is_numbers)
    names = ["x0" + jax.tree_util.keystr(path) for path, _ in leaves]
    try:
        arrays = [np.array(real_array(leaf, name)) for name, (_, leaf) in zip(names, leaves, strict=True)]
    except ProblemError as error:
        raise ProblemError(f"{error}{how_to_partition(x0)}") from error
    dtypes = [np.asarray(leaf).dtype for _, leaf in leaves]
    converted = [(name, dtype) for name, dtype in zip(names, dtypes, strict=True) if dtype != np.float64]
    start = treedef.unflatten(arrays)
    layout = Layout.of(start, "x")
    if layout.size == 0:
        raise ProblemError("`x0`: no variables, expected at least one. Give an array or a pytree of arrays.")
    _check_finite(layout.flatten(start), layout)
    return start, tuple(f"`{name}`: {dtype} converted to float64." for name, dtype in converted)


def _check_finite(start: np.ndarray, layout: Layout) -> None:
    """Raise ProblemError if an entry of a flat start is NaN or infinite."""
    bad = np.flatnonzero(~np.isfinite(start))
    if bad.size:
        raise ProblemError(
            f"`x0`: {layout.describe(bad[0])} is {start[bad[0]]}{others(bad.size)}, expected a finite "
            "number. Give a start inside the functions' domain."
        )


def _box(bounds: Any, x0: Pytree, variables: Layout) -> dict[str, Any]:
    """Bounds of every variable and the start within them: the attributes lower, upper, bounds and start."""
    lower, upper = read_bounds(bounds, variables)
    start = variables.flatten(x0)
    outside = np.flatnonzero((start < lower) | (start > upper))
    if outside.size:
        first = outside[0]
        warn_user(
            f"`x0`: {outside.size} of {start.size} entries outside the bounds, the first "
            f"{variables.describe(first)} = {start[first]:g}, not in [{lower[first]:g}, {upper[first]:g}]. "
            "They start on the nearest bound; give an x0 within the bounds to choose."
        )
    start = np.clip(start, lower, upper)
    return {"lower": lower, "upper": upper, "bounds": (lower, upper), "start": start}


def _rows(problem: Problem) -> dict[str, Any]:
    """Layouts and sides of all rows: the attributes row_layouts, constraint_lower and constraint_upper."""
    layouts, lower, upper = {}, [np.zeros(0)], [np.zeros(0)]
    for name, constraint in problem.constraints.items():
        where = argument(name)
        layouts[name] = value_layout(problem.traced.values[where], where, name)
        low, high = sides(constraint, layouts[name], where)
        lower.append(low)
        upper.append(high)
    return {
        "row_layouts": layouts,
        "constraint_lower": np.concatenate(lower),
        "constraint_upper": np.concatenate(upper),
    }


def _check_picklable(problem: Problem) -> None:
    """Raise ProblemError if a function cannot be found by its name in another process."""
    for where, fun in problem.functions.items():
        try:
            pickle.dumps(fun)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ProblemError(
                f"`{where}`: {fun!r} cannot be pickled ({error}). "
                "Define it with `def` at the top of a module, or use cloudpickle."
            ) from error
