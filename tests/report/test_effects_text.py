"""Effects that rest on fewer pairs of replicates than others say so."""

import numpy as np
import pandas as pd

from econ.ensemble.effects import effects_data
from econ.report.effects_text import effects_html


def _outcomes(scenario: str, shift: float, present: int) -> pd.DataFrame:
    rows = [(scenario, replicate, quarter) for replicate in range(6) for quarter in range(8)]
    table = pd.DataFrame(rows, columns=["scenario", "replicate", "quarter"])
    table["harm_rate"] = shift + 0.1 * table["replicate"]
    table["hhi_licence"] = np.where(table["replicate"] < present, 3000 + 100 * shift * table["replicate"], np.nan)
    return table


def test_the_number_of_pairs_stands_where_it_is_smaller():
    effects = effects_data(pd.concat([_outcomes("baseline", 0.0, 6), _outcomes("other", 0.5, 4)]), "baseline")
    assert dict(zip(effects["variable"], effects["pairs"], strict=True)) == {"harm_rate": 6, "hhi_licence": 4}
    page = effects_html(effects)
    assert page.count("(n 4)") == 1 and "(n 6)" not in page and "fewer replicates than others" in page
