"""A posterior that revealed preference rejects too often stops the run."""

import numpy as np
import pandas as pd
import pytest

from econ.core.errors import WorkError
from econ.ensemble.execute import check_rejections


def _facts(rejected, count):
    return pd.DataFrame({"scenario": "baseline", "position_redraws": np.where(np.arange(count) < rejected, 3, 0)})


def test_many_rejections_stop_and_few_do_not():
    check_rejections(_facts(10, 64))
    check_rejections(_facts(1, 2))
    with pytest.raises(WorkError, match="40 of 64 replicates"):
        check_rejections(_facts(40, 64))


def test_markets_without_positions_are_left_alone():
    check_rejections(_facts(40, 64).drop(columns="position_redraws"))
