"""Read what is given on a benchmark's command line."""

from __future__ import annotations


def listed(text: str) -> list[str]:
    """Names separated by commas.

    >>> listed("hs6, hs71")
    ['hs6', 'hs71']
    """
    return [name.strip() for name in text.split(",") if name.strip()]
