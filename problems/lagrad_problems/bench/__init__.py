"""Run solvers on the suite: rows, reports and profiles.

selection     which problems
worker        one problem by one solver, in a process of its own
apart         that process under limits of time and memory
runner        all of them, one after the other, resumable
profiles      performance and data profiles
report        rows as Markdown and HTML
comparison    what got worse from one run to another
"""

from __future__ import annotations

from lagrad_problems.bench.comparison import compare
from lagrad_problems.bench.report import write_report
from lagrad_problems.bench.runner import Settings, read_rows, run
from lagrad_problems.bench.selection import select

__all__ = ["Settings", "compare", "read_rows", "run", "select", "write_report"]
