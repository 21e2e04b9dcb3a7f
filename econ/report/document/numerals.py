"""Numbers in a report: a true minus, and intervals whose three numbers have the same decimals."""

from __future__ import annotations

import math
import re

from econ.ensemble.moments import FIRST_YEAR, QUARTERS_PER_YEAR
from econ.report.numbers import short

_HYPHEN = re.compile(r"(?<![\w.,)\]-])-(?=\.?\d)")
MOST_DECIMALS = 6


def typeset(text: str) -> str:
    """A text with minus signs instead of hyphens before numbers, and with signs of inequality.

    Examples
    --------
    >>> typeset("from -0.2 to -1,000, two-year run-3")
    'from −0.2 to −1,000, two-year run-3'
    >>> typeset(">= 5.7, <= -1.2")
    '≥ 5.7, ≤ −1.2'
    """
    return _HYPHEN.sub("−", text).replace(">=", "≥").replace("<=", "≤")


def decimals(half_width: float) -> int:
    """Decimals that show an interval's half width with one digit, or two below 4."""
    if not (math.isfinite(half_width) and half_width > 0):
        return 2
    return min(max(0, -math.floor(math.log10(half_width / 4))), MOST_DECIMALS)


def fixed(value: float, digits: int) -> str:
    """A number with given decimals and no negative zero.

    Examples
    --------
    >>> fixed(1234.5, 1), fixed(-0.001, 2)
    ('1,234.5', '0.00')
    """
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def aligned(middle: float, low: float, high: float, divisor: float = 1.0) -> tuple[str, str]:
    """A value and its interval, as precise as the interval is narrow.

    Examples
    --------
    >>> aligned(-0.01763, -0.0275, -0.00768)
    ('-0.018', '[-0.028, -0.008]')
    >>> aligned(2232.0, 1653.0, 2702.0), aligned(3.2e6, 1.9e6, 4.4e6, 1e6)
    (('2,232', '[1,653, 2,702]'), ('3.2', '[1.9, 4.4]'))
    """
    if not math.isfinite(middle):
        return "–", ""
    if not (math.isfinite(low) and math.isfinite(high)):
        return short(middle / divisor), ""
    low, middle, high = low / divisor, middle / divisor, high / divisor
    if low == middle == high:
        return short(middle), f"[{short(low)}, {short(high)}]"
    digits = decimals((high - low) / 2)
    return fixed(middle, digits), f"[{fixed(low, digits)}, {fixed(high, digits)}]"


def with_interval(middle: float, low: float, high: float, divisor: float = 1.0) -> str:
    """``-0.018 [-0.028, -0.008]``."""
    return " ".join(part for part in aligned(middle, low, high, divisor) if part)


def percent(share: float) -> str:
    """A share as a percentage.

    Examples
    --------
    >>> percent(0.1354), percent(0.0048)
    ('14 %', '0.5 %')
    """
    if not math.isfinite(share):
        return "–"
    value = 100 * share
    return f"{value:.0f} %" if abs(value) >= 2 or value == 0 else f"{value:.1f} %"


def year_end(quarter: int) -> str:
    """When a quarter ends; quarter 0 is the first of 2025.

    Examples
    --------
    >>> year_end(-1), year_end(3), year_end(4)
    ('end of 2024', 'end of 2025', 'quarter 1 of 2026')
    """
    year, place = divmod(quarter, QUARTERS_PER_YEAR)
    if place == QUARTERS_PER_YEAR - 1:
        return f"end of {FIRST_YEAR + year}"
    return f"quarter {place + 1} of {FIRST_YEAR + year}"
