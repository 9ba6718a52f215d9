"""Hold the outcome of a solve: plain data that needs no solver, no JAX device and no problem to be read.

Signs: L(x, multipliers) = f(x) + multipliers' c(x), and at a solution

    grad f + J' multipliers + upper - lower = 0,    lower >= 0, upper >= 0

where lower and upper are the multipliers of the variable bounds. So a multiplier is positive where a
constraint presses from above (c(x) <= upper), negative where it presses from below (c(x) >= lower), and
of either sign for an equality. They are the same for every solver.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lagrad.display.markup import html_table
from lagrad.display.page import Page
from lagrad.display.text import table
from lagrad.errors import SolveError
from lagrad.solution import archive, entries, export, markup, tables
from lagrad.solution.status import Status
from lagrad.solution.summary import HISTORY_NUMBERS, certificate_lines, history_rows, summary_lines


class BoundMultipliers(NamedTuple):
    """Multipliers of the variable bounds, both nonnegative, each a pytree like x.

    Args:
        lower: of x >= lower bound; zero where there is none.
        upper: of x <= upper bound; zero where there is none.

    >>> problem = lagrad.Problem(lambda x: x @ x, [3.0, 1.0], bounds=(1.0, None))
    >>> lagrad.solve(problem, "trust-constr", tol=1e-12).bound_multipliers
    name  lower  upper
    x[0]      2      0
    x[1]      2      0
    """

    lower: Any
    upper: Any

    def __repr__(self) -> str:
        # As a pytree it may hold tracers, booleans or shapes as well.
        if entries.are_readable(self.lower, self.upper):
            return str(self.table())
        return f"BoundMultipliers(lower={self.lower!r}, upper={self.upper!r})"

    def _repr_html_(self) -> str | None:
        if entries.are_readable(self.lower, self.upper):
            return html_table(tables.bound_lines(self, markup.MOST), tables.NUMBERS)
        return None

    def table(self, most: int = 8) -> Page:
        """A line a variable: its name, the multipliers of its lower and its upper bound.

        Args:
            most: rows of an array, of which the first and the last are shown.
        """
        return Page(table(tables.bound_lines(self, most), tables.NUMBERS) or "no variables")


@dataclass(frozen=True, eq=False)
class History:
    """What the solver reported in each iteration, one array a column, all of shape (k,).

    Args:
        iteration: the solver's own count, from 0.
        objective: f at the iterate.
        infeasibility: largest violation of a constraint or bound, unscaled.
        stationarity: the solver's dual infeasibility, in its own scaling.
        mu: barrier parameter; nan where there is none.
        step: largest change of a variable, as the solver reports it.
        step_size: fraction of the full step that was taken, or the trust radius.
        regularization: what was added to the Hessian's diagonal; nan where unknown.
        trials: points tried in the line search.
        restoration: whether the solver was only trying to become feasible, bool.
        time: seconds since the solve began.
    """

    iteration: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    objective: np.ndarray = field(default_factory=lambda: np.zeros(0))
    infeasibility: np.ndarray = field(default_factory=lambda: np.zeros(0))
    stationarity: np.ndarray = field(default_factory=lambda: np.zeros(0))
    mu: np.ndarray = field(default_factory=lambda: np.zeros(0))
    step: np.ndarray = field(default_factory=lambda: np.zeros(0))
    step_size: np.ndarray = field(default_factory=lambda: np.zeros(0))
    regularization: np.ndarray = field(default_factory=lambda: np.zeros(0))
    trials: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    restoration: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    time: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.iteration)

    def __repr__(self) -> str:
        return f"History({len(self)} iterations of {', '.join(column.name for column in fields(self))})"

    def __str__(self) -> str:
        return self.table() or "no iterations"

    def _repr_html_(self) -> str:
        return html_table(history_rows(self, 20), HISTORY_NUMBERS) or "no iterations"

    def table(self, most: int = 20) -> Page:
        """Iterations as text, evenly chosen if there are many, the first and the last among them.

        Args:
            most: how many to show.
        """
        return Page(table(history_rows(self, most), HISTORY_NUMBERS))


@dataclass(frozen=True)
class Certificate:
    """How well a point satisfies the optimality conditions, unscaled, by lagrad's own computation.

    Args:
        stationarity: largest entry of grad f + J' multipliers + upper - lower.
        feasibility: largest violation of a constraint row or bound.
        complementarity: largest multiplier times the distance to its own side, a distance counting 1 at most.
        error: the worst of the three, each relative to what meets in it (lagrad/solvers/optimality.py).
        tolerance: what `error` may be for the point to be called a solution.
        worst: name of the worst entry for each of the three, such as `flow[3]`.
        constraint_rank: rank of the active rows' Jacobian, where it was computed.
        active_rows: number of active rows and bounds, where it was computed.
        second_order: whether the second-order sufficient condition holds, where it was computed.
        doubts: what speaks against the numbers themselves, in sentences: derivatives that differ from those
            of the functions, a point too near a singularity. Empty as a rule.
    """

    stationarity: float
    feasibility: float
    complementarity: float
    error: float
    tolerance: float
    worst: Mapping[str, str] = field(default_factory=dict)
    constraint_rank: int | None = None
    active_rows: int | None = None
    second_order: bool | None = None
    doubts: tuple[str, ...] = ()

    @property
    def is_satisfied(self) -> bool:
        """Whether the first-order conditions hold to `tolerance`; False if anything is not finite."""
        return bool(self.error <= self.tolerance)

    @property
    def is_regular(self) -> bool | None:
        """Whether the active rows are linearly independent (LICQ), None where it was not computed."""
        if self.constraint_rank is None or self.active_rows is None:
            return None
        return self.constraint_rank == self.active_rows

    def __str__(self) -> str:
        return "\n".join(certificate_lines(self))

    def _repr_html_(self) -> str:
        return markup.certificate(self)


@dataclass(frozen=True, eq=False, repr=False)
class Solution:
    """The best point of a solve, with all that is known about it and about the way there.

    At a converged solve the point is the solver's last; otherwise the best iterate, feasibility first,
    then objective.

    Args:
        x: the point, a pytree like x0.
        objective: f(x).
        constraints: name of each constraint -> its value at x, in the shape its function returns.
        multipliers: name of each constraint -> its multipliers, in the same shape: positive
            where the upper side presses, negative where the lower does, the same for every solver.
        bound_multipliers: pair of pytrees like x, `lower` and `upper`, nonnegative.
        success: whether x passes lagrad's own check of the optimality conditions, whatever the solver said:
            `certificate.is_satisfied`, and the status is not infeasible, unbounded, invalid_number or error.
        status: why the solver stopped.
        message: the status in a sentence, with what is particular to this solve.
        iterations: the solver's count.
        history: a row for each iteration.
        evaluations: how often each function was evaluated; `nonfinite` counts the points that were refused.
        timings: seconds by stage; callbacks are counted apart from the solver's own work.
        certificate: residuals of the optimality conditions at x.
        method: the name of the solver.
        solver_status: the solver's own code.
        solver_message: the solver's own words.
        name: the problem's name, if it has one.
        versions: of lagrad, the solver and what they stand on.
        options: what was asked for: `tol`, `max_iterations` if given, and the solver's own options.
        bounds: lower and upper bounds that were used, a pair of pytrees like x; None where not known.
        sides: name of each constraint -> its lower and upper sides, each in the shape of its value.
    """

    x: Any
    objective: float
    constraints: Mapping[str, Any]
    multipliers: Mapping[str, Any]
    bound_multipliers: BoundMultipliers
    success: bool
    status: Status
    message: str
    iterations: int
    history: History
    evaluations: Mapping[str, int]
    timings: Mapping[str, float]
    certificate: Certificate
    method: str
    solver_status: int | None = None
    solver_message: str = ""
    name: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    bounds: tuple[Any, Any] = (None, None)
    sides: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        check = self.certificate
        return (
            f"Solution({self.status} after {self.iterations} iterations; objective {self.objective:.10g}, "
            f"optimality error {check.error:.1e}; {sum(self.evaluations.values())} evaluations, "
            f"{self.timings.get('total', 0.0):.3g} s)"
        )

    def __str__(self) -> str:
        return str(self.summary())

    def summary(self) -> Page:
        """Why it stopped, what point it holds, and what that took: three parts, a few lines each."""
        return Page("\n".join(summary_lines(self)))

    def _repr_html_(self) -> str:
        return markup.solution(self)

    def table(self, sort: str | None = None, most: int = 8) -> Page:
        """Variables and constraints by name: value, sides, which of them is active, multiplier.

        A multiplier is positive where the upper side presses, negative where the lower does; for a bound it
        is `bound_multipliers.upper - bound_multipliers.lower`.

        Args:
            sort: None for the declared order; "multiplier", "value" or "violation" for the largest first.
            most: rows of an array, of which the first and the last are shown, or of a ranking.

        Returns:
            Lines joined by newlines, without a last one.

        Raises:
            ValueError: an unknown `sort`, or `most` below 2.

        >>> problem = lagrad.Problem(lambda x: x @ x, [3.0, 1.0], bounds=(1.0, None))
        >>> print(lagrad.solve(problem, "trust-constr", tol=1e-12).table())
        variables: 2, 2 active
          name  value  lower  upper  active  multiplier
          x[0]      1      1         lower           -2
          x[1]      1      1         lower           -2
        """
        return Page(tables.text(self, sort, most))

    def to_dict(self) -> dict[str, Any]:
        """Everything as dicts, lists, texts, numbers and None; arrays as nested lists, inf and nan kept.

        Containers of x other than dict, list and tuple become dicts of path -> array.
        """
        return export.to_dict(self)

    def to_json(
        self, path: str | Path | None = None, *, indent: int | None = None, overwrite: bool = False
    ) -> str:
        """`to_dict` as JSON; inf and nan, which JSON does not know, become null.

        Args:
            path: file to write, if any.
            indent: spaces a level; all on one line if None.
            overwrite: whether an existing file may be replaced.

        Raises:
            FileExistsError: the file exists and `overwrite` is False.
        """
        return archive.write_text(path, export.to_json(self, indent), overwrite)

    def to_csv(self, path: str | Path | None = None, *, overwrite: bool = False) -> str:
        """Variables and constraint rows as CSV, a line an entry: kind, name, value, sides, ...

        Args:
            path: file to write, if any.
            overwrite: whether an existing file may be replaced.

        Raises:
            FileExistsError: the file exists and `overwrite` is False.
        """
        return archive.write_text(path, export.to_csv(self), overwrite)

    def to_pandas(self) -> export.Frames:
        """Two frames of pandas, `variables` and `constraints`, a row an entry, indexed by name.

        Raises:
            ImportError: pandas is not installed.
        """
        return export.to_pandas(self)

    @property
    def is_feasible(self) -> bool:
        """Whether the constraints and bounds hold at x, to the certificate's tolerance, optimal or not."""
        return self.success or bool(self.certificate.feasibility <= self.certificate.tolerance)

    def raise_for_status(self) -> Solution:
        """This Solution if it is a success, for calls such as `lagrad.solve(problem).raise_for_status().x`.

        Raises:
            SolveError: it is none; the Solution is the error's attribute `solution`.
        """
        if not self.success:
            raise SolveError(self.summary(), self)
        return self

    def replace(self, **changes: Any) -> Solution:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def save(self, path: str | Path, overwrite: bool = False) -> Path:
        """Write everything to one .npz file: arrays and JSON, never pickle.

        Args:
            path: where; the folder must exist.
            overwrite: whether an existing file may be replaced.

        Returns:
            The path that was written.

        Raises:
            FileExistsError: the file exists and `overwrite` is False.
        """
        return archive.write(path, to_record(self), overwrite)

    @staticmethod
    def load(path: str | Path, like: Any = None) -> Solution:
        """Read what `save` wrote. Nothing in the file is ever executed.

        Containers other than dict, list, tuple and None come back as a dict of path -> array, or in the
        classes of `like`.

        Args:
            path: an existing file.
            like: pytree like x, such as the problem's x0, for x, its bounds and their multipliers.

        Raises:
            ValueError: the file is damaged, foreign, or of a later format; `like` holds other arrays.
        """
        solution = from_record(archive.read(path))
        if like is None:
            return solution
        lower, upper = (archive.shaped_like(side, like) for side in solution.bound_multipliers)
        return solution.replace(
            x=archive.shaped_like(solution.x, like),
            bound_multipliers=BoundMultipliers(lower, upper),
            bounds=tuple(
                None if side is None else archive.shaped_like(side, like) for side in solution.bounds
            ),
        )


def to_record(solution: Solution) -> dict[str, Any]:
    """A Solution as nested dicts of plain values and arrays."""
    record = {item.name: getattr(solution, item.name) for item in fields(solution)}
    record["status"] = solution.status.value
    record["bound_multipliers"] = tuple(solution.bound_multipliers)
    record["history"] = {column.name: getattr(solution.history, column.name) for column in fields(History)}
    check = {item.name: getattr(solution.certificate, item.name) for item in fields(Certificate)}
    return record | {"certificate": check}


def from_record(record: dict[str, Any]) -> Solution:
    """The Solution of a record.

    Raises:
        ValueError: fields are missing, unknown or of the wrong kind.
    """
    try:
        record = record | {
            "status": Status(record["status"]),
            "bound_multipliers": BoundMultipliers(*record["bound_multipliers"]),
            "bounds": tuple(record.get("bounds", (None, None))),
            "history": History(**record["history"]),
            "certificate": certificate_of(record["certificate"]),
        }
        return Solution(**record)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"Solution.load: the file does not hold a Solution ({error}).") from error


def certificate_of(record: Mapping[str, Any]) -> Certificate:
    """The Certificate of a record; doubts come back from JSON as a list."""
    settled: dict[str, Any] = {**record, "doubts": tuple(record.get("doubts", ()))}
    return Certificate(**settled)
