"""Answers of the cost model as files and figures."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import econ
from econ.core.errors import InputError
from econ.cost.pipelines import purchase_for
from econ.cost.prices import load_prices
from econ.cost.summary import MIX_COLUMNS
from econ.cost.tables import COST_COLUMNS
from econ.report.cost.figures import curve_data, curves_alt_text, target_of
from econ.report.cost.printed import critic_lines, key_facts, mostly_extrapolated, print_question
from econ.report.cost.question import Question
from econ.report.cost.write import write_question
from econ.report.numbers import compact

FIGURES = ("break_even_map", "cost_curves", "hours_against_dollars", "isoquants", "share_by_elasticity")


@pytest.fixture(scope="module")
def surfaces():
    return econ.load_surfaces()


@pytest.fixture(scope="module")
def written(surfaces, tmp_path_factory):
    out = tmp_path_factory.mktemp("cost") / "answer"
    question = Question(surfaces, load_prices(), distribution="ood", options={"draws": 24})
    write_question(question, out)
    return out


def test_everything_is_written(written):
    assert {path.name for path in written.iterdir()} == {"cost.csv", "mix.csv", "manifest.json", "figures"}
    for name in FIGURES:
        assert (written / "figures" / f"{name}.png").stat().st_size > 10_000
        assert (written / "figures" / f"{name}.svg").stat().st_size > 10_000
        assert len(pd.read_csv(written / "figures" / f"{name}.csv")) > 5
    alt = json.loads((written / "figures" / "alt_text.json").read_text())
    assert sorted(alt) == sorted(FIGURES) and all(text.endswith(".") for text in alt.values())


def test_tables_hold_both_units_and_both_starts(written):
    cost, mix = pd.read_csv(written / "cost.csv"), pd.read_csv(written / "mix.csv")
    assert tuple(cost.columns) == COST_COLUMNS and tuple(mix.columns) == MIX_COLUMNS
    assert set(cost["labels"]) == {"commercial", "laboratory"} and set(cost["start"]) == {"untrained", "status-quo"}
    assert {"preference-only", "negative-only", "critic-written", "hybrid"} <= set(cost["pipeline"])
    untrained = cost[(cost["start"] == "untrained") & (cost["quantity"] == "cost")]
    assert sorted(untrained["target_harm"].unique()) == [0.35, 0.5, 0.65, 0.8]
    assert "value_of_information" in set(mix["quantity"])


def test_the_manifest_says_what_was_asked_of_what(written, surfaces):
    manifest = json.loads((written / "manifest.json").read_text())
    assert manifest["status"] == "finished" and manifest["draws"] == 24 and manifest["seed"] == 1
    assert manifest["critic"] == surfaces.critic.hash and len(manifest["critic"]) == 64
    assert manifest["surfaces"] == {"id": surfaces.id, "hash": surfaces.hash, "kind": surfaces.kind}
    assert manifest["prices"]["rules"] == 8.0 and manifest["question"]["distributions"] == ["ood"]


def test_a_finished_answer_is_not_overwritten(written, surfaces):
    with pytest.raises(InputError, match="exists already"):
        write_question(Question(surfaces, load_prices(), options={"draws": 4}), written)


def test_a_budget_is_answered_with_what_it_buys(surfaces):
    question = Question(surfaces, load_prices(), budget=2e5, start="untrained", options={"draws": 24})
    rows = {row["quantity"]: row for row in key_facts(question, None)["mix"]}
    assert rows["cost"]["p50"] == 2e5 and 0.0 < rows["harm"]["p50"] < 1.0
    bound = Question(surfaces, load_prices(), budget=2e5, min_helpfulness="100%", start="untrained", options={"draws": 24})
    helpfulness = bound.mix.outcome("helpfulness")[:, 0]
    base = bound.mix.case.secondary("helpfulness", np.zeros((24, 1)), np.zeros((24, 1)))[0][:, 0]
    found = np.isfinite(helpfulness)
    assert found.any() and np.all(helpfulness[found] >= base[found] - 1e-6)
    assert np.nanmedian(bound.mix.target) >= np.median(question.mix.target) - 1e-9


def test_facts_are_valid_json_without_infinities(surfaces):
    facts = key_facts(Question(surfaces, load_prices(), target="50%", start="untrained", options={"draws": 12}), "there")
    text = json.dumps(facts, allow_nan=False)
    assert "cai_dpo" in json.loads(text)["critic-written"] and "not measured" not in facts["critic-written"]
    assert [row["pipeline"] for row in facts["pipelines"][:4]] == ["preference-only", "negative-only", "critic-written", "hybrid"]


def test_of_a_critic_only_what_its_fit_holds_is_said(surfaces):
    facts = {**surfaces.critic.diagnostics, "setting": {"v": 0.5}, "fixed_minutes": 960.0, "refusals": []}
    own, silent = (replace(surfaces, critic=replace(surfaces.critic, diagnostics=held)) for held in (facts, {**facts, "setting": {}, "fixed_minutes": None}))
    said, nothing = (
        " ".join(critic_lines(Question(one, load_prices(), start="untrained", distribution="ood", options={"draws": 6}))) for one in (own, silent)
    )
    assert "at verifiability 0.5" in said and "2 times those of flags" in said and "Refused" not in said
    assert "at verifiability" not in nothing and "1 times those of flags" in nothing and "erred" not in said + nothing


def test_costs_beyond_the_measured_labels_bear_a_dagger(surfaces):
    case = Question(surfaces, load_prices(), options={"draws": 24}).case(start="untrained")
    bought = purchase_for(case, "critic-written", ["97%", "50%", 1e-9])
    assert [mostly_extrapolated(bought, m) for m in range(3)] == [False, True, False]
    text = StringIO()
    print_question(Question(surfaces, load_prices(), start="untrained", distribution="ood", options={"draws": 24}), Console(file=text, width=200), None)
    row = next(line for line in text.getvalue().splitlines() if line.startswith("critic-written"))
    assert row.count("†") == 3 and "]" in row.split("†")[0]


def test_surfaces_without_a_critic_say_so_in_every_place(surfaces, tmp_path):
    question = Question(replace(surfaces, critic=None), load_prices(), start="untrained", distribution="ood", options={"draws": 12})
    facts = key_facts(question, None)
    assert facts["critic-written"].startswith("Pipeline critic-written: not measured (the response surfaces hold flags")
    assert "critic-written" not in {row["pipeline"] for row in facts["pipelines"]}
    curves = curve_data(question, "untrained")
    assert "critic-written" not in set(curves["pipeline"]) and curves_alt_text(curves).endswith("critic-written: not measured.")


def test_figures_show_a_target_that_can_be_shown(surfaces):
    question = Question(surfaces, load_prices(), options={"draws": 24})
    assert target_of(question, question.case(start="untrained")) in (0.35, 0.5, 0.65, 0.8)
    curves = curve_data(question, "untrained")
    cost = curves[curves["quantity"] == "cost"].pivot_table(index=["distribution", "target_harm"], columns="pipeline", values="p50", dropna=False)
    assert (cost["hybrid"] <= cost[["negative-only", "preference-only"]].min(axis=1) * (1 + 1e-9)).all()


def test_two_questions_at_once_are_refused(surfaces):
    with pytest.raises(InputError, match="two questions"):
        Question(surfaces, load_prices(), target=0.5, budget=1.0)
    with pytest.raises(InputError, match="a bound needs"):
        Question(surfaces, load_prices(), min_helpfulness=0.5)
    with pytest.raises(InputError, match="did you mean 'ood'"):
        Question(surfaces, load_prices(), distribution="oood")


@pytest.mark.parametrize(("value", "text"), [(1_412_000.0, "1.41 mn"), (950.4, "950"), (float("inf"), "∞"), (0.0, "0"), (2.5e9, "2.50 bn")])
def test_numbers_are_compact(value, text):
    assert compact(value) == text
