"""`econ cost`: what it prints and how it ends."""

from __future__ import annotations

import json
import re

import pytest


def test_with_nothing_asked_it_prints_costs_and_hours_by_pipeline(econ):
    code, out, _ = econ("cost", "--draws", 24)
    assert code == 0
    for said in ("preference-only", "negative-only", "hybrid", "critic-written", "9 calls", "only their effect from the start 'untrained'", "USD", "hours", "out of distribution", "in distribution", "not measured", "transfer"):
        assert said in out
    assert "from the untrained model" in out and "on top of today's stocks" in out


def test_a_target_and_its_bounds(econ):
    code, out, _ = econ("cost", "--target-harm", "80%", "--min-helpfulness", "80%", "--start", "untrained", "--draws", 24, "--json")
    facts = json.loads(out)
    assert code == 0 and facts["mix"] and facts["out"] is None
    rows = {row["quantity"]: row for row in facts["mix"]}
    assert rows["harm"]["p50"] <= 0.8 + 1e-6 and rows["share_constraints"]["p50"] is not None


def test_it_says_which_draws_its_rows_rest_on(econ):
    code, out, _ = econ("cost", "--target-harm", 0.4, "--draws", 24)
    said = " ".join(out.split())
    attained, at_once = (float(re.search(rf"{row} ([0-9.]+) share of draws", said)[1]) for row in ("attainable", "buys nothing"))
    assert code == 0 and 0.0 < at_once < attained < 1.0
    assert f"attain this target in {100 * at_once:.0f} % of draws" in said and f"are those of the {100 * attained:.0f} % of draws that attain it" in said
    assert "of draws that attain it" not in econ("cost", "--budget", 200_000, "--draws", 24)[1]


def test_prices_units_and_distribution_are_taken(econ):
    common = ("cost", "--target-harm", "80%", "--start", "untrained", "--draws", 24, "--distribution", "id", "--units", "laboratory", "--json")
    dear, cheap = (json.loads(econ(*common, "--prices", book)[1]) for book in ("default", "judged_flags"))
    assert {row["distribution"] for row in dear["pipelines"]} == {"id"} and dear["units"] == "laboratory"
    cost = [next(r for r in facts["pipelines"] if r["pipeline"] == "negative-only")["cost_usd"]["p50"] for facts in (dear, cheap)]
    assert cost[1] < cost[0]


def test_a_directory_is_written_and_kept(econ, tmp_path):
    out = tmp_path / "answer"
    arguments = ("cost", "--budget", 200_000, "--start", "untrained", "--draws", 12, "--distribution", "ood", "--out", out, "--quiet")
    code, printed, _ = econ(*arguments)
    assert (code, printed) == (0, "") and (out / "mix.csv").is_file() and (out / "manifest.json").is_file()
    code, _, said = econ(*arguments)
    assert code == 2 and "--force" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--target-harm", 0.999, "--start", "status-quo"), "nothing to buy"),
        (("--target-harm", 1e-6), "not attainable in any draw"),
        (("--target-harm", "half"), "not a level"),
        (("--budget", -5), "not a budget"),
        (("--distribution", "odd"), "did you mean 'ood'"),
        (("--units", "lab"), "unknown choice"),
        (("--surfaces", "nowhere"), "no such directory of response surfaces"),
        (("--prices", "nowhere.yaml"), "no such file"),
        (("--target-harm", 0.5, "--budget", 3), "two questions"),
    ],
)
def test_unusable_input_ends_with_one_sentence_and_code_2(econ, arguments, said):
    code, out, err = econ("cost", "--draws", 12, *arguments)
    assert code == 2 and out == "" and said in err and err.count("\n") == 1


def test_quiet_refuses_too(econ):
    code, out, err = econ("cost", "--draws", 12, "--target-harm", 1e-6, "--quiet")
    assert code == 2 and out == "" and "not attainable" in err


def test_a_fault_in_a_price_book_names_its_line(econ, tmp_path):
    book = tmp_path / "book.yaml"
    book.write_text("preference: {usd: 2}\nflag: {usd: 0}\n")
    code, _, err = econ("cost", "--prices", book)
    assert code == 2 and f"{book}:2: flag.usd: out of range" in err
