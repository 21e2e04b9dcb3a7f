"""Small counts for everyday, full counts for `make torture`."""

from __future__ import annotations

from typing import Any

import pytest

#: Of everything that is drawn; another one draws other moments, bits and files.
SEED = 20_261_128


def editions(small: Any, full: Any, *, slow: bool = False) -> Any:
    """Parametrize a test by `edition`; the small one may be slow nevertheless."""
    marks = (pytest.mark.slow,) if slow else ()
    often = pytest.param(small, marks=marks, id="small")
    return pytest.mark.parametrize("edition", [often, pytest.param(full, marks=(pytest.mark.torture, pytest.mark.timeout(7200)), id="full")])
