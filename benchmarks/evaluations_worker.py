"""Be ready with one case, then time gradient, J and H whenever a line comes in: the turns of `evaluations`.

Run by its path with an older checkout's code before this one's: nothing here may need more than that has.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
from pathlib import Path

from benchmarks import contenders
from benchmarks.worker import ready, timings


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the cases lie")
    parser.add_argument("--turn", type=float, required=True, help="seconds of a turn for each of J and H")
    options = parser.parse_args()
    contender = contenders.load("lagrad")
    tiny, case = (pickle.loads((options.folder / f"{name}.pickle").read_bytes()) for name in ("tiny", "case"))
    for each in (tiny, case):
        contender.warm_up(each)
    model, _ = ready(contender, case)
    print("{}", flush=True)
    for _ in sys.stdin:
        print(json.dumps(timings(case, model, options.turn)), flush=True)


if __name__ == "__main__":
    main()
