"""Writes `fictitious_laboratory.csv`: invented numbers from the formulas below, without any randomness.

No laboratory measured them and nothing may be concluded from them; they only have the shape that a
real table has. Run it in this folder: ``python make_fictitious_laboratory.py``.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

SITES = ("Aster", "Birch", "Cedar", "Dogwood", "Elder", "Fir")
BUDGETS = (0, 50, 200, 800, 3200)
JUDGED = 1200
METHODS = {
    (False, False): "none",
    (True, False): "red pen",
    (False, True): "ranking",
    (True, True): "red pen + ranking",
}
LABELS = {
    (False, False): "no labels",
    (True, False): "error marks",
    (False, True): "A/B choices",
    (True, True): "marks and choices",
}


def wobble(site: int, flags: int, pairs: int, kind: int) -> float:
    """A number from -1 to 1 in the place of noise."""
    return math.sin(
        12.9898 * (site + 1) + 78.233 * math.log1p(flags) + 37.719 * math.log1p(pairs) + 5.3 * kind
    )


def row(site: int, flags: int, pairs: int) -> dict[str, object]:
    """One training run of one site."""
    marked, ranked = flags / (flags + 400), pairs / (pairs + 400)
    response = 1 + 0.1 * wobble(site, 0, 0, 1)
    # Both labels are given the same strength, so that the example takes no side.
    relative = (1 - 0.5 * response * marked) * (1 - 0.5 * response * ranked)
    base = 0.45 + 0.05 * wobble(site, 0, 0, 2)
    rate = base * (relative + (0.02 * wobble(site, flags, pairs, 3) if flags + pairs else 0))
    return {
        "site": SITES[site],
        "algorithm": METHODS[flags > 0, pairs > 0],
        "labels": LABELS[flags > 0, pairs > 0],
        "marks": flags,
        "choices": pairs,
        "harmful": round(JUDGED * rate),
        "judged": JUDGED,
        "useful_percent": round(60 - 2 * marked - 2 * ranked + 0.5 * wobble(site, flags, pairs, 4), 1),
        "hours": round((0.7 * flags + 1.0 * pairs) / 60 + (8 if flags else 0), 2),
    }


def main() -> None:
    """Write the file beside this script."""
    rows = [row(site, flags, pairs) for site in range(len(SITES)) for flags in BUDGETS for pairs in BUDGETS]
    path = Path(__file__).with_name("fictitious_laboratory.csv")
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
