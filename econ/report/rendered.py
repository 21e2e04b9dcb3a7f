"""What a figure is before it is saved: its data, how it is drawn, what it says in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Rendered:
    """A figure ready to be saved: file name, the data that it shows, drawing and alt text."""

    name: str
    data: pd.DataFrame
    draw: Callable[[], Figure]
    alt_text: str
