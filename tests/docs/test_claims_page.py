"""The page of claims 11 to 14: how links are read, contrary ones first, and that the page is what its rows say."""

from __future__ import annotations

import re

import pytest
from blocks import ROOT
from make_claims import AS_CLAIMED, CONTRARY, NO_SIGN, NO_VALUE, OPEN, Link, page

from econ.claims.market import MARKET_CLAIMS, MarketRun, Projection


def link(expected, share, low, high, claim=11, change=1.0):
    projection = Projection(claim, "r", "baseline", "harm_rate", "ratio", expected, 2.0, change, 0.1, change - 1.0, change + 1.0, share)
    effect = {"mean_difference": (low + high) / 2, "low": low, "high": high, "pairs": 8.0}
    return Link(next(c for c in MARKET_CLAIMS if c.id == claim), "harm_rate", expected, {"baseline": projection}, effect, 8)


@pytest.mark.parametrize(
    ("made", "in_time", "by_transfer"),
    [
        (link(1, 1.0, 0.1, 0.3), AS_CLAIMED, AS_CLAIMED), (link(-1, 1.0, 0.1, 0.3), AS_CLAIMED, CONTRARY), (link(-1, 0.05, -0.3, -0.1), CONTRARY, AS_CLAIMED),
        (link(1, 0.5, -0.1, 0.3), OPEN, OPEN), (link(0, float("nan"), 0.1, 0.3), NO_SIGN, NO_SIGN),
        (link(1, float("nan"), float("nan"), float("nan"), change=float("nan")), NO_VALUE, NO_VALUE),
    ],
)  # fmt: skip
def test_a_link_is_read_in_time_and_by_the_advantage(made, in_time, by_transfer):
    assert (made.in_time, made.by_transfer) == (in_time, by_transfer)


def test_contrary_links_and_their_claims_come_first():
    every = [link(1, 1.0, 0.1, 0.3, claim.id) for claim in MARKET_CLAIMS[:-1]] + [link(1, 1.0, -0.3, -0.1, MARKET_CLAIMS[-1].id)]
    run = MarketRun("r", "0" * 64, 1, 8, {"id": "s"}, "0.1.0", "finished", ())
    text = page(run, sorted(every, key=lambda found: (found.place, found.claim.id)), 40, "today")
    assert [int(x) for x in re.findall(r"^## Claim (\d+)$", text, re.MULTILINE)] == [14, 11, 12, 13]
    assert "of 4 outcomes with a claimed sign: 1 contrary, 0 open, 3 as claimed" in text and "neither measurements nor forecasts" in text
    assert text.index("| 14 |") < text.index("| 11 |") and "(n " not in text


def test_the_shipped_page_counts_its_own_rows():
    text = (ROOT / "docs" / "market_claims.md").read_text(encoding="utf-8")
    rows = [line[2:-2].split(" | ") for line in text.splitlines() if re.match(r"\| 1[1-4] \|", line)]
    assert {row[1].split(",")[0] for row in rows} and len(rows) == sum(len(claim.outcomes) for claim in MARKET_CLAIMS)
    for column, said in ((4, "In time"), (6, "By the advantage")):
        counts = [sum(row[column].strip("*") == word for row in rows) for word in (CONTRARY, OPEN, AS_CLAIMED)]
        found = re.search(rf"\*{said}\*, of (\d+) outcomes with a claimed sign: (\d+) contrary, (\d+) open, (\d+) as claimed", text)
        assert found is not None and [int(x) for x in found.groups()[1:]] == counts
    contrary = ["**contrary**" in (row[4], row[6]) for row in rows]
    assert contrary == sorted(contrary, reverse=True)
