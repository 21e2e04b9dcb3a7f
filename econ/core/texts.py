"""Lists in a sentence; what a name may hold."""

from __future__ import annotations

from collections.abc import Sequence

#: What the names of scenarios and studies may hold, which become names of directories: as a pattern and in words.
NAME_PATTERN, NAME_WORDS = r"^[a-z0-9][a-z0-9_]*$", "small letters, digits, underscores"
#: The same of a user's own tables, whose names may come from elsewhere.
LOOSE_NAME_PATTERN, LOOSE_NAME_WORDS = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", "at most 64 letters, digits, underscores, points and hyphens"


def first_few(names: Sequence[str], most: int, *, separator: str = ", ", rest: str = "") -> str:
    """The first names, and how many more there are.

    Parameters
    ----------
    names : sequence of str
    most : int
        Names that are told.
    separator : str
    rest : str
        Said after the number of the others, such as where they stand.

    Examples
    --------
    >>> first_few(["a", "b", "c"], 2), first_few(["a", "b"], 2), first_few(["a", "b", "c"], 1, rest=" (below)")
    ('a, b and 1 more', 'a, b', 'a and 2 more (below)')
    """
    told, left = separator.join(names[:most]), len(names) - most
    return f"{told} and {left} more{rest}" if left > 0 else told
