"""Write the golden run anew: `python tests/market/market_golden.py`. Do so only after a change of outcomes that is meant.

One small run of the baseline with every mechanism at work. An unintended change of any outcome or flow fails
`test_market_golden.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import small_market as small

FILE = Path(__file__).parent / "golden" / "baseline_small.json"


def golden_run():
    """Two replicates, eight quarters, with policies that use each part of the model."""
    scenario = small.baseline(8, labelers=400, curators=5, slots=8).with_levers(
        commons={2: 0.05}, cert_mode={"j1": {3: "mandatory"}}, provenance_audit=0.2, merger_probability=0.2,
        training_subsidy=0.5, pref_price_shock={5: 1.5}, local_norms=0.3, safe_harbour=0.6,
    )  # fmt: skip
    return small.run(scenario, replicates=(0, 1), quarters=8)


def as_columns(result):
    """Outcomes and flows as plain lists, null where nothing was defined."""
    values = {**result.outcomes, **{f"flow {name}": v for name, v in result.ledger.items()}}
    return {name: [[None if x != x else float(x) for x in row] for row in v] for name, v in values.items()}


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    lines = [f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in as_columns(golden_run()).items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"wrote {FILE}")  # noqa: T201
