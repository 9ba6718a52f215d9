"""Status, Solution and its file: words for every status, a summary in three parts, files without pickle."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import FrozenInstanceError, dataclass, fields, replace
from operator import attrgetter

import jax
import numpy as np
import pytest

import lagrad
from lagrad.errors import SolveError
from lagrad.solution import archive
from lagrad.solution.solution import BoundMultipliers, Certificate, History, Solution
from lagrad.solution.status import TEXTS, Status


@pytest.fixture
def solution():
    """A Solution put together by hand, with nested containers and a nan."""
    x = {"a": np.arange(3.0), "b": (np.float64(2.0), [np.zeros((2, 1))])}
    return Solution(
        x=x,
        objective=1.5,
        constraints={"flow": np.ones((2, 2)), "empty": np.zeros(0)},
        multipliers={"flow": -np.ones((2, 2)), "empty": np.zeros(0)},
        bound_multipliers=BoundMultipliers(x, x),
        success=False,
        status=Status.ITERATION_LIMIT,
        message="The iteration limit was reached.",
        iterations=7,
        history=History(iteration=np.arange(2), objective=np.array([3.0, 1.5]), mu=np.array([0.1, np.nan])),
        evaluations={"objective": 8, "hessian": 7, "nonfinite": 0},
        timings={"trace": 0.1, "callbacks": 0.2, "solver": 0.3, "total": 0.7},
        certificate=Certificate(1e-3, 2e-9, 0.0, 1e-3, 1e-6, {"stationarity": "x['a'][1]"}),
        method="ipopt",
        solver_status=-1,
        solver_message="Maximum_Iterations_Exceeded",
        name="toy",
        versions={"ipopt": "3.14.19"},
    )


def same(one, two):
    """Whether two nested values are equal, in kind, structure and every bit."""
    leaves, structure = jax.tree.flatten(one)
    others, other_structure = jax.tree.flatten(two)
    return structure == other_structure and all(
        np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")
        for a, b in zip(leaves, others, strict=True)
    )


def test_every_status_has_words():
    """A sentence each, advice for all but success; a member equals its value."""
    assert set(TEXTS) == set(Status)
    assert {status.value for status in Status} == {
        "optimal", "acceptable", "infeasible", "unbounded", "iteration_limit",
        "time_limit", "interrupted", "invalid_number", "error",
    }  # fmt: skip
    for status in Status:
        assert status.message.endswith(".") and (status.advice.endswith(".") or status is Status.OPTIMAL)
        assert status == status.value and str(status) == status.value


def test_summary_has_three_parts(solution):
    """Why it stopped with advice, what point it holds, what it took."""
    lines = str(solution).splitlines()
    assert lines[0] == "toy: iteration_limit (ipopt, 7 iterations)"
    assert [line.split()[0] for line in lines[1:] if line[2] != " "] == ["stopped", "point", "work"]
    text = str(solution)
    assert Status.ITERATION_LIMIT.advice in text and "no solution" in text and "(x['a'][1])" in text
    assert "8 objective, 7 hessian" in text and "of which 0.1 trace, 0.2 callbacks, 0.3 solver" in text
    assert repr(solution).startswith("Solution(iteration_limit after 7 iterations") and "\n" not in repr(
        solution
    )


def test_summary_quotes_the_solver_where_its_own_words_matter(solution):
    """It gave up, or stopped early; a limit needs no second sentence."""
    for status in Status:
        text = str(solution.replace(status=status))
        assert ("ipopt says: Maximum_Iterations_Exceeded" in text) == (status in ("error", "acceptable"))
    assert "says" not in str(solution.replace(status=Status.ACCEPTABLE, success=True))


@pytest.mark.parametrize(
    ("success", "feasibility", "words"),
    [
        (True, 1.0, "1.5: solution,"),
        (False, 2e-9, "1.5: feasible, but no solution,"),
        (False, 1e-3, "1.5: no solution, not feasible,"),
        (False, np.nan, "1.5: no solution, not feasible,"),
    ],
)
def test_summary_says_what_point_is_held(solution, success, feasibility, words):
    """Optimal, at least feasible, or neither; nan is neither."""
    check = replace(solution.certificate, feasibility=feasibility)
    held = solution.replace(success=success, certificate=check)
    assert words in str(held)
    assert held.is_feasible == ("not feasible" not in words)


def test_summary_tells_rank_and_curvature_where_they_are_known(solution):
    """As `lagrad.certify` found them."""
    check = replace(solution.certificate, constraint_rank=2, active_rows=3, second_order=False)
    text = str(solution.replace(certificate=check))
    assert "constraints 3 active, rank 2: DEPENDENT\n" in text
    assert "second order: sufficient condition does NOT hold\n" in text
    assert "constraints " not in str(solution)


def test_a_history_prints_the_first_and_the_last_iteration():
    """Evenly chosen between them; columns that the solver did not fill are nan."""
    count = 101
    numbers = {name: np.linspace(1.0, 0.0, count) for name in ("objective", "infeasibility", "stationarity")}
    rest = {name: np.full(count, np.nan) for name in ("mu", "step", "step_size", "regularization")}
    more = {
        "trials": np.ones(count, int),
        "restoration": np.arange(count) == 100,
        "time": np.arange(count) / 10,
    }
    history = History(iteration=np.arange(count), **numbers, **rest, **more)
    lines = history.table(6).splitlines()
    assert [line.split()[0] for line in lines] == ["iteration", "0", "20", "40", "60", "80", "100r"]
    assert lines[1].split()[1:3] == ["1.00000000e+00", "1.0e+00"] and lines[-1].endswith("10.00 s")
    assert len(str(history).splitlines()) == 21 and "<table" in history._repr_html_()
    assert str(History()) == "no iterations"


def test_a_summary_fits_on_a_narrow_screen(solution):
    """100 columns, whatever the names and messages; residuals in the problem's units are called so."""
    long = {kind: f"x['some_long_name_of_an_array'][{kind}]" for kind in ("stationarity", "feasibility")}
    check = replace(solution.certificate, worst=long, doubts=("word " * 60,))
    text = str(solution.replace(certificate=check, message="Another word. " * 20))
    assert max(map(len, text.splitlines())) <= 100
    assert "in the problem's own units: stationarity 1.0e-03" in text


def test_only_some_ends_allow_success():
    """A point at a limit may be a solution; one that the solver gave up at is none."""
    refused = {"infeasible", "unbounded", "invalid_number", "error"}
    assert {status.value for status in Status if not status.allows_success} == refused
    assert {status.value for status in Status if status.is_converged} == {"optimal", "acceptable"}


@pytest.mark.parametrize("status", Status)
def test_advice_names_what_there_is(status):
    """Each `lagrad.name` in it can be called."""
    for path in re.findall(r"`lagrad((?:\.\w+)+)", status.advice):
        assert callable(attrgetter(path[1:])(lagrad))


def test_raise_for_status_lets_only_success_pass(solution):
    """The Solution itself, or an error that holds it and prints its summary."""
    good = solution.replace(success=True)
    assert good.raise_for_status() is good
    with pytest.raises(SolveError, match="toy: iteration_limit") as caught:
        solution.raise_for_status()
    assert caught.value.solution is solution and isinstance(caught.value, RuntimeError)


def test_notebooks_show_the_summary(solution):
    """Without iterations, too."""
    solution = solution.replace(history=History())
    assert "<table" in solution._repr_html_() and "toy: iteration_limit" in solution._repr_html_()


def test_a_solution_cannot_be_changed(solution):
    """It is data; `replace` makes another."""
    with pytest.raises(FrozenInstanceError):
        solution.objective = 0.0
    assert solution.replace(name="other").name == "other" and solution.name == "toy"


def test_what_is_saved_comes_back(solution, tmp_path):
    """Every field, equal in kind and every bit; nan, empty arrays and nesting included."""
    loaded = Solution.load(solution.save(tmp_path / "s.npz"))
    assert type(loaded.status) is Status and type(loaded.bound_multipliers) is BoundMultipliers
    for item in fields(Solution):
        one, two = getattr(solution, item.name), getattr(loaded, item.name)
        if item.name in ("history", "certificate"):
            one, two = vars(one), vars(two)
        assert same(one, two), item.name
    assert str(loaded) == str(solution)


def test_the_file_holds_no_objects(solution, tmp_path):
    """Plain arrays and JSON: every part loads with allow_pickle=False."""
    with np.load(solution.save(tmp_path / "s.npz"), allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
        assert json.loads(str(file["structure"]))["format"] == archive.FORMAT


def test_an_existing_file_is_kept_unless_asked(solution, tmp_path):
    """Nothing is overwritten in silence, and no temporary file stays."""
    path = solution.save(tmp_path / "s.npz")
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="Give another path or overwrite=True"):
        solution.replace(objective=9.0).save(path)
    assert path.read_bytes() == before
    assert Solution.load(solution.replace(objective=9.0).save(path, overwrite=True)).objective == 9.0
    assert [file.name for file in tmp_path.iterdir()] == ["s.npz"]


def test_a_missing_folder_is_named(solution, tmp_path):
    """The folder is the user's to make."""
    with pytest.raises(FileNotFoundError, match="the folder .*nowhere does not exist"):
        solution.save(tmp_path / "nowhere" / "s.npz")


def test_damaged_and_foreign_files_are_refused(solution, tmp_path):
    """Truncated, no zip, another format or record, objects: a ValueError that names the file, never code."""
    path = solution.save(tmp_path / "s.npz")
    (tmp_path / "short.npz").write_bytes(path.read_bytes()[:200])
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    np.savez(
        tmp_path / "later.npz", structure=np.array(json.dumps({"format": "lagrad archive 99", "record": {}}))
    )
    np.savez(tmp_path / "objects.npz", structure=np.array([{}], dtype=object))
    archive.write(tmp_path / "record.npz", {"something": 1})
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps({"a": 1}))
    for name in ("short", "text", "other", "later", "objects", "record", "pickle"):
        with pytest.raises(ValueError, match="not a file that lagrad can read|does not hold a Solution"):
            Solution.load(tmp_path / f"{name}.npz")


@jax.tree_util.register_dataclass
@dataclass
class Pair:
    """A container of the user's own."""

    first: np.ndarray
    second: np.ndarray


def test_containers_of_the_users_own_come_back_by_path(solution, tmp_path):
    """No class is looked up when loading: leaves come back under the names of their paths."""
    own = solution.replace(x=Pair(np.zeros(2), np.ones(1)))
    assert same(Solution.load(own.save(tmp_path / "s.npz")).x, {".first": np.zeros(2), ".second": np.ones(1)})


def test_containers_of_the_users_own_come_back_if_they_are_shown(solution, tmp_path):
    """`like` gives the classes; other arrays, or other shapes, are refused by name."""
    pair = Pair(np.zeros(2), np.ones(1))
    tree = {"net": pair, "scale": np.float64(3.0)}
    own = solution.replace(x=tree, bound_multipliers=BoundMultipliers(tree, tree), bounds=(tree, tree))
    path = own.save(tmp_path / "s.npz")
    loaded = Solution.load(path, like={"scale": 1.0, "net": Pair(np.ones(2), np.zeros(1))})
    assert same(loaded.x, tree) and same(loaded.bounds, (tree, tree)) and type(loaded.x["net"]) is Pair
    assert type(loaded.bound_multipliers) is BoundMultipliers
    with pytest.raises(ValueError, match=r"like\['net'\].first`: shape \(3,\), expected \(2,\)"):
        Solution.load(path, like={"scale": 1.0, "net": Pair(np.ones(3), np.zeros(1))})
    with pytest.raises(ValueError, match=r"\['scale'\] is not in both"):
        Solution.load(path, like={"net": pair})


def test_what_only_pickle_could_store_is_refused(tmp_path):
    """Objects raise, and leave no file behind."""
    for record in ({"a": object()}, {"a": np.array([object()])}):
        with pytest.raises(TypeError, match="archive: "):
            archive.write(tmp_path / "s.npz", record)
    assert not list(tmp_path.iterdir())


def test_certificates_say_no_to_nan():
    """An error that is not a number satisfies nothing."""
    assert not Certificate(np.nan, np.nan, np.nan, np.nan, 1e-6).is_satisfied
    assert Certificate(0, 0, 0, 1e-7, 1e-6).is_satisfied
    assert Certificate(0, 0, 0, 0, 1e-6).is_regular is None
    assert Certificate(0, 0, 0, 0, 1e-6, constraint_rank=2, active_rows=3).is_regular is False


def test_multipliers_of_bounds_show_as_a_table_where_they_are_numbers():
    """A line a variable, long arrays shortened; a pytree of other things as it is."""
    lower = {"T": np.float64(2.0), "u": np.linspace(0.0, 3.0, 40)}
    found = BoundMultipliers(lower, {"T": np.float64(0.0), "u": np.zeros(40)})
    lines = repr(found).splitlines()
    assert lines[0].split() == ["name", "lower", "upper"] and lines[1].split() == ["x['T']", "2", "0"]
    assert (
        len(lines) == 11 and lines[6].startswith("... 32 more, at most 2.69") and max(map(len, lines)) <= 100
    )
    assert found._repr_html_().count("<tr>") == 11 and str(found) == repr(found)
    shown = []
    jax.eval_shape(lambda pair: shown.append(repr(pair)), found)
    others = (None, None), (1, "a"), (np.zeros(2), np.zeros(3)), (np.ones(2, bool), np.ones(2, bool))
    for pair in map(BoundMultipliers._make, others):
        assert pair._repr_html_() is None
        shown.append(repr(pair))
    assert all(text.startswith("BoundMultipliers(lower=") for text in shown) and len(shown) == 5
