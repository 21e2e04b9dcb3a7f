"""The assessment as a whole: order, JSON, Markdown, market runs, the command."""

from __future__ import annotations

import json

import fake_market
import numpy as np
import pytest
from claims_tables import arm, line

import econ as package
from econ.claims.assess import Assessment, assess_claims
from econ.claims.catalogue import CLAIMS
from econ.claims.market import project, read_run
from econ.claims.text import markdown
from econ.claims.verdicts import ORDER
from econ.core.errors import InputError
from econ.core.measurements import check_measurements, write_measurements
from econ.ensemble.design import plan
from econ.ensemble.execute import execute
from econ.ensemble.manifest import write_manifest


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A measurement table on disk: sycophancy as predicted, shift contradicted."""
    import pandas as pd

    folder = tmp_path_factory.mktemp("measured")
    frames = [
        arm("npo_ret", line(1.0, 0.08), sycophancy=0.3, opinion_sensitivity=0.3, over_refusal=0.1), arm("dpo", line(1.0, 0.04), sycophancy=0.5, opinion_sensitivity=0.4)
    ]  # fmt: skip
    write_measurements(check_measurements(pd.concat(frames), "x"), folder / "measurements.parquet", {})
    return folder


@pytest.fixture(scope="module")
def assessment(measured):
    return assess_claims(measured, draws=1000)


@pytest.fixture(scope="module")
def stored_run(tmp_path_factory):
    """A stored ensemble of the fake market."""
    folder = tmp_path_factory.mktemp("run")
    design = plan([fake_market.FakeScenario(quarters=12)], fake_market.FakeSurfaces(), replicates=8)
    write_manifest(folder, execute(design, fake_market.engine(), folder))
    return folder


def test_all_claims_with_low_scores_and_a_test_each():
    assert [claim.id for claim in CLAIMS] == list(range(1, 16))
    assert all(0.01 <= claim.score <= 0.07 and claim.test and (claim.hypothesis or claim.outcomes) for claim in CLAIMS)
    assert {claim.id for claim in CLAIMS if claim.outcomes} == {11, 12, 13, 14}


def test_contradictions_come_first(assessment):
    ranks = [ORDER.index(found.verdict) for found in assessment.claims]
    assert ranks == sorted(ranks) and len(ranks) == 15
    by_id = {found.claim.id: found.verdict for found in assessment.claims}
    assert by_id[7] == by_id[8] == by_id[15] == "contradicted" and by_id[5] == by_id[6] == "supported"
    assert by_id[11] == "conditional projection, not run"


def test_json_round_trip_holds_numbers_and_provenance(assessment):
    text = json.dumps(assessment.plain(), allow_nan=False)
    plain = json.loads(text)
    assert plain["sources"][0]["config_hashes"] == ["abc"] and len(plain["sources"][0]["sha256"]) == 64
    statement = next(h for h in plain["hypotheses"] if h["id"] == "H6")["statements"][0]
    assert statement["effect"]["estimate"] == pytest.approx(0.2, abs=1e-6) and statement["delta"] == 0.05
    assert statement["effect"]["low"] <= statement["effect"]["estimate"] <= statement["effect"]["high"]
    assert len(plain["claims"]) == 15 and len(plain["hypotheses"]) == 9 and plain["rule"]["family"] == 9
    again = Assessment(assessment.context)
    assert json.dumps(again.plain(), allow_nan=False) == text


def test_markdown_says_what_must_stand_beside_a_verdict(assessment):
    page = markdown(assessment)
    assert page.index("contradicted") < page.index("**supported") and "all of them low" in page
    for said in ("What would overturn the reading", "human minutes", "by floor of helpfulness", "not measured: ", "conditional projection", "over refusal"):
        assert said in page
    for forbidden in ("superior", "safer", "converges to"):
        assert forbidden not in page
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in tables if "H6 |" in line}) <= 3


def test_no_claim_of_lower_sycophancy_where_it_was_only_not_raised(measured):
    import pandas as pd

    frames = [arm(m, line(1.0, 0.05), sycophancy=y, opinion_sensitivity=0.3) for m, y in (("npo_ret", 0.4), ("dpo", 0.6))]
    flat = measured.parent / "flat"
    flat.mkdir()
    write_measurements(check_measurements(pd.concat(frames), "x"), flat / "measurements.parquet", {})
    found = assess_claims(flat, draws=1000)
    assert "only did not raise it" in found.readings["H6"][0]


def test_the_module_can_be_called(measured):
    assert package.claims(measured, draws=1000).verdicts[5].verdict == "supported"
    assert "claims" in dir(package)


def test_other_methods_are_compared_if_they_are_alone_or_named(measured):
    import pandas as pd

    frames = [arm("npo_ret", line(1.0, 0.05), sycophancy=0.3).assign(method="red_pen"), arm("dpo", line(1.0, 0.05), sycophancy=0.5).assign(method="ranking", a=0)]
    own = measured.parent / "own"
    own.mkdir()
    write_measurements(check_measurements(pd.concat(frames), "x"), own / "measurements.parquet", {})
    found = assess_claims(own, draws=1000)
    assert (found.context.negative, found.context.preference) == ("red_pen", "ranking")
    finding = found.verdicts[5].findings[0]
    assert finding.verdict == "supported" and "pair red_pen, ranking (registered: npo_ret, dpo)" in finding.measured.deviations
    with pytest.raises(InputError, match="did you mean 'ranking'"):
        assess_claims(own, pair=("red_pen", "rankin"), draws=1000)


# Market runs ---------------------------------------------------------------------------------------
def test_changes_against_the_status_quo_by_hand():
    quarters = np.arange(-2, 10)
    values = np.where(quarters < 0, 1.0, 3.0) + np.array([[0.0], [1.0]])
    values[1, quarters == -1] = 5.0
    found = project(values, quarters, 1)
    # Last eight quarters: 3 and 4; changes 2 and -1.
    assert found["level"] == 3.5 and found["change"] == 0.5 and found["share"] == 0.5
    assert found["mc_error"] == pytest.approx(np.std([2.0, -1.0], ddof=1) / np.sqrt(2))
    nothing = project(np.where(quarters < 0, np.nan, 1.0)[None], quarters, 1)
    assert nothing["level"] == 1.0 and np.isnan(nothing["change"]) and np.isnan(nothing["share"])


def test_a_run_projects_and_decides_nothing(measured, stored_run):
    found = assess_claims(measured, runs=stored_run, draws=1000)
    market = [claim for claim in found.claims if claim.claim.outcomes]
    assert {claim.verdict for claim in market} <= {"conditional projection", "conditional projection, not run"}
    names = {p.outcome for claim in market for p in claim.projections}
    assert "constraint_budget_share" in names
    run = json.loads(json.dumps(found.plain()["runs"][0], allow_nan=False))
    assert run["replicates"] == 8 and run["config_hash"]


def test_no_run_is_no_run(tmp_path):
    with pytest.raises(InputError):
        read_run(tmp_path)


