"""Words choose problems."""

from __future__ import annotations

import pytest

from lagrad_problems import names
from lagrad_problems.bench import compare, run, select
from tests.problems.bench.test_runner import SETTINGS, fake, silent


def test_no_words_choose_the_whole_suite():
    """In the registry's order."""
    assert select() == list(names())


def test_patterns_widen_and_conditions_narrow():
    """Either of two patterns, and both conditions."""
    assert select(["hs7", "hs6"]) == ["hs7", "hs6"]
    chosen = select(["hs1*", "s2*", "n<=2", "m>1"])
    assert "hs14" in chosen and "s225" in chosen
    assert "hs1" not in chosen and "hs100" not in chosen


def test_known_optima_can_be_chosen():
    """Both words together are the whole of a pattern."""
    known, unknown = (set(select(["hard_*", "hs1*", f"optimum={word}"])) for word in ("known", "unknown"))
    assert "hs10" in known and unknown and not known & unknown
    assert known | unknown == set(select(["hard_*", "hs1*"]))


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("nothing*", "no problem"),
        ("size<3", "expected a condition"),
        ("n<=many", "no number"),
        ("optimum=3", "known or unknown"),
    ],
)
def test_words_that_choose_nothing_are_refused(word, complaint):
    """The message repeats the word."""
    with pytest.raises(ValueError, match=complaint):
        select([word])


def test_comparison_shows_losses_first(tmp_path):
    """A problem that is solved no longer, and one that is solved now."""

    def later(settings, limits):
        row = fake(settings, limits)
        if row["problem"] == "hs6" and row["solver"] == "ipopt":
            return row | {"verdict": "crashed"}
        if row["problem"] == "hs8" and row["solver"] == "ipopt":
            return row | {"setup_seconds": 5.0}
        return row | {"verdict": "solved"}

    run(SETTINGS, tmp_path / "one", tell=silent, run_one=fake)
    run(SETTINGS, tmp_path / "two", tell=silent, run_one=later)
    assert compare(tmp_path / "one", tmp_path / "two") == [
        "lost     hs6 ipopt: solved -> crashed",
        "slower   hs8 ipopt: 0.60 s -> 5.10 s",
        "gained   hs7 trust-constr: time limit -> solved",
        "6 runs in both: 5 solved before, 5 after.",
    ]
