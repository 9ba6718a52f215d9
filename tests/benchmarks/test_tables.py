"""Tables, verdicts and exponents say what the rows of a run say."""

import numpy as np
import pytest

from benchmarks import agreement, opf, scaling, tables, verdicts

TRIPLETS = {
    "jacobian_rows": np.array([0, 0, 1]),
    "jacobian_cols": np.array([0, 2, 1]),
    "hessian_rows": np.array([1, 2]),
    "hessian_cols": np.array([1, 0]),
}


def recorded(path, swap=False, lower=True, reorders=False, error=0.0):
    """An npz as a worker writes it, rows swapped or the other triangle if asked."""
    run = {key: value.copy() for key, value in TRIPLETS.items()} | {"reorders_rows": np.array(reorders)}
    if swap:
        run["jacobian_rows"] = 1 - run["jacobian_rows"]
    if not lower:
        run["hessian_rows"], run["hessian_cols"] = run["hessian_cols"], run["hessian_rows"]
    moments = np.array([4.0, 9.0])
    for name in agreement.POINTS:
        run |= {
            f"jacobian_{name}": np.array([1.0, 3.0, 3.0 + error]),
            f"hessian_{name}": np.array([5.0, 6.0]),
        }
        run |= {f"gradient_{name}": np.ones(3), f"moments_{name}": moments[::-1] if swap else moments}
    np.savez(path, allow_pickle=False, **run)
    return path


def test_rows_are_matched_only_for_who_reorders_them(tmp_path):
    """A permuted Jacobian agrees if the contender says that it permutes, else it is an error."""
    one = recorded(tmp_path / "one.npz")
    declared = recorded(tmp_path / "declared.npz", swap=True, lower=False, reorders=True)
    silent = recorded(tmp_path / "silent.npz", swap=True)
    assert agreement.difference(one, declared) == 0.0
    assert agreement.difference(one, silent) > 0.5


@pytest.mark.parametrize(("error", "agrees"), [(1e-12, True), (1e-6, False)])
def test_a_wrong_entry_is_seen(tmp_path, error, agrees):
    """One entry off by a millionth is a disagreement, rounding is not."""
    one, other = recorded(tmp_path / "one.npz"), recorded(tmp_path / "other.npz", error=error)
    assert (agreement.difference(one, other) <= agreement.TOLERANCE) is agrees


def test_csv_gives_back_what_was_written(tmp_path):
    """Numbers come back as floats, text as text, absent cells stay absent."""
    rows = [{"case": "a:1", "n": 3.0, "ready_s": 0.25}, {"case": "b:2", "failure": "set-up: over 600 s"}]
    tables.write_csv(rows, tmp_path / "rows.csv")
    assert tables.read_csv(tmp_path / "rows.csv") == rows


def test_exponent_of_a_linear_cost_is_one():
    """The slope over the two largest sizes; small ones, where overhead rules, do not count."""
    rows = [{"contender": "lagrad", "n": n, "ready_s": 2e-3 * max(n, 500)} for n in (10, 1000, 10_000)]
    assert scaling.exponent(rows, "lagrad", "ready_s") == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({"solve_success": True, "solve_objective": 100.009}, "optimal"),
        ({"solve_success": True, "solve_objective": 100.2}, "another cost"),
        ({"solve_success": False, "solve_objective": 100.0}, "not optimal"),
        ({"failure": "solve: over 600 s"}, "solve: over 600 s"),
    ],
)
def test_power_flow_is_judged_by_the_published_cost(row, verdict):
    """Optimal means that the solver says so and that five digits agree."""
    assert opf.judged(row, 100.0)["verdict"] == verdict


def test_a_contender_that_disagrees_is_never_the_fastest_peer():
    """Wrong matrices are no speed."""
    rows = [
        {"contender": "lagrad", "jacobian_ms": 2.0},
        {"contender": "wrong", "jacobian_ms": 0.1, "difference": 0.5},
        {"contender": "right", "jacobian_ms": 3.0, "difference": 0.0},
    ]
    assert verdicts.fastest(rows, "jacobian_ms") == rows[2]
    assert verdicts.against_peers(rows, rows[0])[1] == "1.50 (right)"
