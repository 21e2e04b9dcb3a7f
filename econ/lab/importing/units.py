"""Units that a user's column may have, and how each becomes the table's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from econ.core.measurements import Column
from econ.core.verifiability import ERROR_ADDED, ERROR_VERIFIABLE

Conversion = Callable[[float], float]


def _times(factor: float) -> Conversion:
    return lambda value: value * factor


def _over(divisor: float) -> Conversion:
    # Division, because 7 / 100 is 0.07 and 7 * 0.01 is not.
    return lambda value: value / divisor


def verifiability(agreement: float) -> float:
    """Verifiability from the share of cases in which two raters agree whether a rule is violated.

    Two independent raters who err with probability e agree with probability 1 - 2e(1 - e), so
    e = (1 - sqrt(2·agreement - 1))/2, and v follows from `econ.core.verifiability.label_error`.

    Parameters
    ----------
    agreement : float
        From 0.5 to 1; NaN is returned for anything else.

    Returns
    -------
    float
        v, cut to [0, 1].

    Examples
    --------
    >>> round(verifiability(0.905), 2)
    0.93
    """
    if not 0.5 <= agreement <= 1.0:
        return math.nan
    error = (1.0 - math.sqrt(2.0 * agreement - 1.0)) / 2.0
    return min(max(1.0 - (error - ERROR_VERIFIABLE) / ERROR_ADDED, 0.0), 1.0)


_RATE = {"rate": _times(1.0), "percent": _over(100.0), "per_thousand": _over(1000.0)}
_COUNT = {"one": _times(1.0), "thousand": _times(1e3), "million": _times(1e6)}
_VERIFIABILITY = {
    "rater_agreement": verifiability,
    "rater_agreement_percent": lambda value: verifiability(value / 100.0),
}
_UNITS: dict[str, Mapping[str, Conversion]] = {
    "rate": _RATE,
    "ratio": {"ratio": _times(1.0), "percent": _over(100.0)},
    "labels": _COUNT,
    "count": _COUNT,
    "min": {"minutes": _times(1.0), "seconds": _over(60.0), "hours": _times(60.0)},
    "s": {"seconds": _times(1.0), "minutes": _times(60.0), "hours": _times(3600.0)},
    "USD 2025": {"usd": _times(1.0), "cents": _over(100.0), "thousand_usd": _times(1e3)},
    "bit": {"bits": _times(1.0), "nats": _over(math.log(2.0))},
    "nats/token": {"nats": _times(1.0), "bits": _times(math.log(2.0))},
    "nats/response": {"nats": _times(1.0), "bits": _times(math.log(2.0))},
    "FLOP": {
        "flop": _times(1.0),
        "gigaflop": _times(1e9),
        "teraflop": _times(1e12),
        "petaflop": _times(1e15),
    },
}


def units_of(column: Column) -> Mapping[str, Conversion]:
    """Units that a source of this column may be declared in; none where only the table's own will do."""
    if column.name == "v":
        return _RATE | _VERIFIABILITY
    if column.unit == "" and column.dtype == "float32" and column.high == 1:
        return _RATE
    return _UNITS.get(column.unit, {})
