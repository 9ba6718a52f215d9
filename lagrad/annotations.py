"""Name the types of arguments that come in several shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

# Nested containers of arrays, an array included; neither JAX nor Python has a type for them.
Pytree: TypeAlias = Any
# Numbers of the constraint rows: flat, (m,), or by constraint; None where there are no rows.
Rows: TypeAlias = npt.ArrayLike | Mapping[str, Any] | None
# Row and column of each entry.
Structure: TypeAlias = tuple[np.ndarray, np.ndarray]
