"""Step 12: firms learn how far the laboratory's advantage carries over, from their own use and others'."""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.core.streams import Stream
from econ.market.setting import Setting
from econ.market.state import Firms, changed

Array = Any


def learn(s: Setting, f: Firms, transfer: Array, quarter: int) -> Firms:
    """Kalman update of the believed transfer (Kalman 1960); beliefs are frozen before quarter 0.

    The signal's variance falls with use, so adoption feeds on itself and can follow an S-curve.

    Parameters
    ----------
    transfer : [S]
        The truth.
    """
    if quarter < 0:
        return f
    p = s.p
    others = (f.use.sum(axis=1, keepdims=True) - f.use) / max(s.firms - 1, 1)
    noise = p["signal_noise", 1] ** 2 / np.maximum(f.use + p["signal_spillover", 1] * others, p["signal_least_use", 1])
    signal = transfer[:, None] + np.sqrt(noise) * s.normal(Stream.BELIEF_SIGNAL, quarter, np.arange(s.firms))
    prior = f.variance + p["belief_drift", 1]
    gain = prior / (prior + noise)
    return changed(f, belief=f.belief + gain * (signal - f.belief), variance=prior * (1 - gain))
