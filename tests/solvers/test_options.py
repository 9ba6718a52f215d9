"""Options: known, of their kind, safe, or refused with the reason before the solve."""

from __future__ import annotations

import numpy as np
import pytest

import lagrad
from lagrad.errors import ProblemError
from lagrad.solution.status import Status
from lagrad.solvers import solve, trust_constr
from lagrad.solvers.ipopt.options import ALWAYS, DEFAULTS, KINDS, OWNED
from lagrad.solvers.ipopt.settings import WARM_START
from tests.solvers import cases
from tests.solvers.cases import METHODS, PACKAGES, derivatives


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_itr": 5}, "'max_itr' is unknown. Did you mean 'max_iter'"),
        ({"MAX_ITER": 5}, "'MAX_ITER' is unknown. Did you mean 'max_iter'"),
        ({"qqqqqq": 5}, "'qqqqqq' is unknown. See the solver's list"),
        ({"max_iter": 5.5}, "'max_iter' is 5.5, expected a whole number"),
        ({"max_iter": "5"}, "'max_iter' is '5', expected a whole number"),
        ({"max_iter": True}, "'max_iter' is True, expected a whole number"),
        ({"tol": float("nan")}, "'tol' is nan, expected a real number"),
        ({"tol": "small"}, "'tol' is 'small', expected a real number"),
        ({"mu_strategy": 3}, "'mu_strategy' is 3, expected text"),
        ({"mu_strategy": "adaptív"}, "expected text (ASCII)"),
        ({5: 5}, "the name 5 is a int"),
        (
            {"option_file_name": "x.opt"},
            "'option_file_name' cannot be set: lagrad never reads options from a file",
        ),
        ({"check_derivatives_for_naninf": "no"}, "'check_derivatives_for_naninf' cannot be set"),
        ({"hsllib": "libevil.so"}, "'hsllib' is 'libevil.so', expected the absolute path of a library"),
        ("tol", "`options`: a str, expected a dict"),
    ],
)
def test_wrong_ipopt_options_are_named(options, words):
    """Found, expected, and the nearest name."""
    with pytest.raises(ProblemError) as caught:
        solve(derivatives(cases.banana), options=options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gtoll": 1e-3}, "Did you mean 'gtol'"),
        ({"workers": 4}, "'workers' cannot be set: lagrad gives exact derivatives"),
        ({"disp": 1}, "'disp' is 1, expected True or False"),
    ],
)
def test_wrong_trust_constr_options_are_named(options, words):
    """The same manners for the other solver."""
    with pytest.raises(ProblemError) as caught:
        solve(derivatives(cases.banana), "trust-constr", options=options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("uno", {"primal_tolerence": 1e-6}, "'primal_tolerence' is unknown. Did you mean 'primal_tolerance'"),
        ("uno", {"preset": "byrd"}, "'preset' is 'byrd', expected one of ipopt"),
        ("uno", {"TR_radius": "large"}, "'TR_radius' is 'large', expected a real number"),
        ("uno", {"option_file": "uno.opt"}, "'option_file' cannot be set"),
        ("uno", {"QP_solver": "none"}, "'QP_solver' cannot be set: the preset chooses it"),
        ("pounce", {"max_itr": 5}, "'max_itr' is unknown. Did you mean 'max_iter'"),
        ("pounce", {"hsllib": "/tmp/x.so"}, "'hsllib' cannot be set: POUNCE loads no libraries"),
        ("pounce", {"mu_init": -1.0}, "POUNCE refuses one"),
    ],
)
def test_wrong_options_of_other_solvers_are_named(method, options, words):
    """By name with suggestions, or by the solver itself."""
    pytest.importorskip(PACKAGES[method])
    with pytest.raises(ProblemError) as caught:
        solve(derivatives(cases.banana), method, options=options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        *(("uno", {"preset": preset}) for preset in ("filtersqp", "funnelsqp", "ipopt")),
        ("pounce", {"mu_strategy": "adaptive", "algorithm": "interior-point"}),
    ],
)
def test_options_of_other_solvers_reach_them(method, options):
    """Presets of Uno, and what POUNCE has of Ipopt's and of its own."""
    pytest.importorskip(PACKAGES[method])
    solution = solve(derivatives(cases.hs71), method, options=options)
    assert solution.success and solution.objective == pytest.approx(17.0140173, rel=1e-6)


def test_a_value_out_of_range_is_refused_by_ipopt(capfd):
    """lagrad passes on what only Ipopt can judge."""
    with pytest.raises(ProblemError, match="Ipopt refuses 'mu_init' = -1.0"):
        solve(derivatives(cases.banana), options={"mu_init": -1})


def test_numpy_scalars_and_booleans_are_fine():
    """Every kind in NumPy's clothes, and True for yes."""
    options = {"max_iter": np.int64(2), "mu_init": np.float32(0.1), "mehrotra_algorithm": np.bool_(False)}
    solution = solve(derivatives(cases.banana), options=options)
    assert solution.status is Status.ITERATION_LIMIT and solution.iterations == 2


def test_options_go_before_arguments():
    """max_iter in options wins over max_iterations."""
    assert solve(derivatives(cases.banana), max_iterations=9, options={"max_iter": 2}).iterations == 2
    assert (
        solve(derivatives(cases.banana), "trust-constr", max_iterations=9, options={"maxiter": 3}).iterations
        == 2
    )


def test_a_solution_remembers_what_was_asked(tmp_path):
    """Tolerance, limit and options, as plain values that a file can hold."""
    made = derivatives(cases.banana)
    given = {"mu_strategy": "adaptive", "max_cpu_time": np.float32(50)}
    solution = solve(made, tol=1e-5, max_iterations=np.int64(7), options=given)
    asked = {"tol": 1e-5, "max_iterations": 7, "mu_strategy": "adaptive", "max_cpu_time": 50.0}
    assert solution.options == asked
    assert lagrad.Solution.load(solution.save(tmp_path / "s.npz")).options == asked
    assert solve(made, "trust-constr").options == {"tol": 1e-8}


def test_tables_do_not_contradict_themselves():
    """What lagrad sets exists; what it owns is not left to the user."""
    assert set(DEFAULTS) | set(ALWAYS) | set(WARM_START) <= set(KINDS)
    assert set(OWNED) <= set(KINDS) and not set(OWNED) & set(DEFAULTS)
    assert not set(trust_constr.KINDS) & set(trust_constr.OWNED)


@pytest.mark.parametrize("method", METHODS)
def test_silent_by_default(method, capfd):
    """Nothing on stdout or stderr."""
    solve(derivatives(cases.hs71), method)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_ipopts_own_log_is_there_if_asked_for(capfd):
    """print_level goes through."""
    solve(derivatives(cases.hs71), options={"print_level": 5})
    assert "Number of Iterations" in capfd.readouterr().out


def test_a_stale_option_file_has_no_effect(tmp_path, monkeypatch):
    """ipopt.opt in the working directory with an iteration limit and a library is never read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ipopt.opt").write_text("max_iter 1\nhsllib /nowhere/evil.so\n")
    assert solve(derivatives(cases.hs71)).success


def test_the_output_file_is_written_where_asked(tmp_path):
    """Mixed case survives, the log is there."""
    file = tmp_path / "MixedCase.txt"
    solve(derivatives(cases.hs71), options={"output_file": str(file), "file_print_level": 5})
    assert "EXIT" in file.read_text()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing/log.txt", "there is no folder"),
        ("../log.txt", "contains '..'"),
        (".", "cannot be written"),
        ("old.txt", "exists. Give another name"),
    ],
)
def test_an_output_file_that_could_do_harm_is_refused(tmp_path, name, words):
    """Before the solve; an existing file keeps its text."""
    (tmp_path / "old.txt").write_text("precious")
    with pytest.raises(ProblemError) as caught:
        solve(derivatives(cases.banana), options={"output_file": f"{tmp_path}/{name}"})
    assert words in str(caught.value) and (tmp_path / "old.txt").read_text() == "precious"
