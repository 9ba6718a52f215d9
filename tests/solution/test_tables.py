"""Tables and exports of a Solution: every entry by name, what is left out is counted, other readers agree."""

from __future__ import annotations

import csv
import io
import json

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.solution import entries


def sides(x):
    """Two rows, the first at its lower side at the optimum."""
    return jnp.stack([x["a"][0] + x["a"][1], x["a"][2] * x["b"]])


@pytest.fixture(scope="module")
def solution():
    """Three variables in an array with a bound that presses, one fixed; two rows, one of which presses."""
    return lagrad.solve(
        lambda x: jnp.sum((x["a"] - 2.0) ** 2),
        {"a": np.zeros(3), "b": 5.0},
        constraints={"rows": lagrad.Inequality(sides, lower=np.array([6.0, -np.inf]), upper=99.0)},
        bounds=({"a": -np.inf, "b": 5.0}, {"a": np.array([np.inf, np.inf, 1.0]), "b": 5.0}),
        method="trust-constr",
        tol=1e-10,
    )


def cells(text, name):
    """The cells of the line that begins with a name."""
    [line] = [line.split() for line in text.splitlines() if line.split()[0] == name]
    return line


def test_a_table_names_every_entry(solution):
    """Value, sides that are there, which presses and by how much, signs as everywhere."""
    text = solution.table()
    assert text.startswith("variables: 4, 2 active\n") and "constraints: 2, 1 active\n" in text
    assert cells(text, "x['a'][2]") == ["x['a'][2]", "1", "1", "upper", "2"]
    assert cells(text, "x['b']")[:5] == ["x['b']", "5", "5", "5", "equal"]
    assert cells(text, "rows[0]") == ["rows[0]", "6", "6", "99", "lower", "-2"]
    assert cells(text, "rows[1]")[:3] == ["rows[1]", "5", "99"]


def test_long_arrays_are_shortened_and_what_is_left_out_is_counted(solution):
    """The first, how many more with how many active, the last."""
    lines = solution.table(most=2).splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["x['a'][0]", "...", "x['a'][2]", "x['b']"]
    assert lines[3].strip() == "... 1 more, 0 active"


@pytest.mark.parametrize(
    ("sort", "first"), [("value", "x['b']"), ("multiplier", "x['a'][2]"), ("violation", "x['a'][0]")]
)
def test_tables_are_ranked_on_request(solution, sort, first):
    """The largest comes first; the rest is counted."""
    lines = solution.table(sort=sort, most=2).splitlines()
    assert lines[2].split()[0] == first and lines[4].strip().startswith("... 2 more")


def test_a_violation_is_called_one(solution):
    """A point outside of a side is no active one."""
    x = {"a": np.array([2.0, 2.0, 1.5]), "b": np.float64(5.0)}
    moved = solution.replace(x=x, constraints={"rows": np.array([4.0, 4.5])})
    assert "variables: 4, 1 active, 1 violated" in moved.table()
    np.testing.assert_allclose(entries.rows(moved).violation, [2.0, 0.0])
    assert moved.table(sort="violation").splitlines()[2].split()[0] == "x['a'][2]"


@pytest.mark.parametrize("wrong", [{"sort": "size"}, {"most": 1}])
def test_what_a_table_cannot_do_is_refused(solution, wrong):
    """The message says what is expected."""
    with pytest.raises(ValueError, match="expected"):
        solution.table(**wrong)


def test_dicts_and_json_hold_everything(solution, tmp_path):
    """All fields; JSON is strict, with null where a bound is infinite."""
    record = solution.to_dict()
    assert record["x"]["a"] == solution.x["a"].tolist() and record["bounds"]["upper"]["a"][0] == np.inf
    path = tmp_path / "s.json"
    text = solution.to_json(path, indent=2)
    read = json.loads(text, parse_constant=pytest.fail)
    assert json.loads(path.read_text()) == read
    assert read["status"] == "optimal" and read["bounds"]["upper"]["a"] == [None, None, 1.0]
    assert read["sides"]["rows"]["lower"] == [6.0, None]
    with pytest.raises(FileExistsError, match="overwrite=True"):
        solution.to_json(path)
    assert solution.to_json(path, overwrite=True) == json.dumps(read)


def test_csv_has_a_line_an_entry_and_every_digit(solution, tmp_path):
    """Read back by the standard library, the numbers are the same."""
    text = solution.to_csv(tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text() == text
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["kind"] for line in lines] == ["variable"] * 4 + ["constraint"] * 2
    assert [float(line["value"]) for line in lines[:3]] == solution.x["a"].tolist()
    assert lines[0]["lower"] == "-inf" and lines[4]["active"] == "lower"


def test_frames_are_indexed_by_name(solution):
    """Where pandas is installed."""
    pytest.importorskip("pandas")
    frames = solution.to_pandas()
    assert frames.variables.loc["x['b']", "active"] == "equal"
    assert frames.constraints["multiplier"].iloc[0] == solution.multipliers["rows"][0]


def test_tables_outlive_the_file(solution, tmp_path):
    """Bounds and sides are saved with the rest; Solutions without them still print."""
    assert lagrad.Solution.load(solution.save(tmp_path / "s.npz")).table() == solution.table()
    bare = solution.replace(bounds=(None, None), sides={})
    assert cells(bare.table(), "x['a'][2]")[1] == "1" and "upper" in bare.table()
    assert solution.replace(x=None, constraints={}, multipliers={}).table() == "nothing: no variables"


def test_an_objective_of_steps_is_doubted():
    """Floor has slope zero everywhere: any point satisfies the conditions, and the certificate says so."""
    found = lagrad.solve(lambda x: jnp.floor(x[0] ** 2), [1.5], method="trust-constr")
    assert "`floor`" in found.certificate.doubts[0] and "doubt: The objective changes in steps" in str(found)
    constant = lagrad.solve(
        lambda x: 1.0, [1.5], constraints=lagrad.Equality(lambda x: x[0], 2.0), method="trust-constr"
    )
    assert not constant.certificate.doubts
