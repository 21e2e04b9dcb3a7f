"""A fixed small run against its stored outcomes, so that no change of the model goes unseen."""

from __future__ import annotations

import json

import numpy as np
from market_golden import FILE, as_columns, golden_run


def test_golden_run_is_unchanged():
    """If the change is meant: `python tests/market/market_golden.py`, and say in the commit what changed and why."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    now = as_columns(golden_run())
    assert now.keys() == stored.keys()
    for name, rows in stored.items():
        was, found = (np.array(x, float) for x in (rows, now[name]))
        scale = np.nanmax(np.abs(was)) if np.isfinite(was).any() else 0.0
        np.testing.assert_allclose(found, was, rtol=1e-9, atol=1e-9 * scale, err_msg=name)
