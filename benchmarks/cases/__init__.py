"""Find cases by name: "family:size" stands for the numbers of a problem.

`catalog` builds them and needs lagrad_problems; a contender's process only unpickles a `Case`.
"""

from benchmarks.cases.case import Case, points_near_start

__all__ = ["Case", "points_near_start"]
