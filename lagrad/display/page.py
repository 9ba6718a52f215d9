"""Show text of several lines as it is, wherever a value is shown."""

from __future__ import annotations

from lagrad.display.markup import preformatted


class Page(str):
    """Text that a prompt or a notebook shows line by line, without quotes, when nobody prints it.

    >>> Page("x  1" + chr(10) + "y  2")
    x  1
    y  2
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return preformatted(self)
