"""Numbers as readers see them: three significant digits, no needless exponent; and as JSON can hold them."""

from __future__ import annotations

import math
from typing import Any


def short(value: float) -> str:
    """A number with three significant digits.

    Examples
    --------
    >>> short(0.15432), short(2600.4), short(-1.0), short(0), short(30.02), short(float("nan"))
    ('0.154', '2,600', '-1', '0', '30.0', '–')
    >>> short(2.04e18)
    '2.0e+18'
    """
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    # Neither a row of zeros nor digits that a float does not hold.
    if digits > 6 or digits < -9:
        return f"{value:.1e}"
    rounded = round(float(value), digits)
    digits = 2 - math.floor(math.log10(abs(rounded)))
    if value == int(value) and abs(value) < 100:
        return str(int(value))
    return f"{rounded:,.{max(digits, 0)}f}"


def compact(value: float) -> str:
    """A number with two or three digits: thousands (k), millions (mn), billions (bn) or trillions (tn).

    Examples
    --------
    >>> compact(1_412_000.0), compact(950.4), compact(3.3e12), compact(float("inf"))
    ('1.41 mn', '950', '3.30 tn', '∞')
    """
    if math.isinf(value):
        return "∞"
    for size, suffix in ((1e12, " tn"), (1e9, " bn"), (1e6, " mn"), (1e3, "k")):
        if abs(value) >= size:
            return short(value / size) + suffix
    return short(value)


def interval(middle: float, low: float, high: float, divisor: float = 1.0) -> str:
    """A central value with its interval: ``0.154 [0.121, 0.193]``."""
    if not math.isfinite(middle):
        return "–"
    if not (math.isfinite(low) and math.isfinite(high)):
        return short(middle / divisor)
    return f"{short(middle / divisor)} [{short(low / divisor)}, {short(high / divisor)}]"


def without_nan(value: Any) -> Any:
    """A value for JSON: NaN becomes null, keys become text."""
    if isinstance(value, dict):
        return {str(key): without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_nan(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
