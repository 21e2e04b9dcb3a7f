"""Calibration on a market of known moments: recovery, identification, resuming, refusals."""

from __future__ import annotations

from functools import partial

import known_market
import numpy as np
import pandas as pd
import pytest

from econ.analysis.calibration.facts import choose_facts
from econ.analysis.calibration.fit import quantiles
from econ.analysis.calibration.space import Space
from econ.analysis.calibration.spec import Box, load_calibration
from econ.core.errors import InputError, WorkError
from econ.core.shipped import CALIBRATIONS, shipped_names
from econ.ensemble.moments import moments_file
from econ.ensemble.sweeps import schedulers

LEVEL, FALL, IDLE = ("levers.level", "levers.fall", "levers.idle")


# Recovery --------------------------------------------------------------------------------------
def test_the_parameters_behind_the_facts_are_found_and_the_idle_one_stays(known):
    result, stored = known
    point = result.after.settings[0]
    assert point[LEVEL] == pytest.approx(known_market.TRUE[LEVEL], rel=0.03)
    assert point[FALL] == pytest.approx(known_market.TRUE[FALL], abs=0.02)
    assert point[IDLE] == pytest.approx(known_market.OWN["idle"], abs=1e-6)
    numbers = stored.manifest["numbers"]
    assert numbers["objective_before"] > 10
    assert numbers["objective_after"] < 0.5


def test_posterior_equals_the_one_in_closed_form(known):
    """With linear moments in level and level·(1 - fall), each known to half a band, the level's posterior is near normal."""
    _, stored = known
    rows = stored.tables["parameters"].set_index("parameter")
    level = known_market.TRUE[LEVEL]
    # log prior: sd of log level is half/level; its 90 % interval is ± 1.645 of it.
    low, high = level * np.exp(np.array([-1.645, 1.645]) * 200 / level)
    assert rows.loc[LEVEL, "p05"] == pytest.approx(low, rel=0.03)
    assert rows.loc[LEVEL, "p95"] == pytest.approx(high, rel=0.03)
    assert abs(rows.loc[IDLE, "contraction"]) < 0.05
    draws = stored.tables["draws"]
    assert np.quantile(draws[LEVEL], 0.05) == pytest.approx(rows.loc[LEVEL, "p05"], rel=0.02)


def test_known_parameters_are_recovered_with_the_coverage_said(calibrate_known):
    _, stored = calibrate_known(truths=64, refinement=0)
    summary = stored.tables["recovery_summary"].set_index("parameter")
    assert summary.loc[LEVEL, "correlation"] > 0.9
    assert abs(summary.loc[IDLE, "correlation"]) < 0.5 or np.isnan(summary.loc[IDLE, "correlation"])
    # 64 truths, 90 %: between 0.79 and 0.97 in all but one of a hundred.
    assert 0.79 < summary.loc[LEVEL, "coverage"] < 0.98
    assert 0.79 < summary.loc[FALL, "coverage"] < 0.98


# Identification --------------------------------------------------------------------------------
def test_the_idle_parameter_has_a_singular_value_of_nothing_and_a_flat_profile(known):
    _, stored = known
    directions = stored.tables["directions"]
    assert directions["singular_value"].tolist() == sorted(directions["singular_value"], reverse=True)
    assert directions["singular_value"].iloc[-1] < 0.5
    assert abs(directions[IDLE].iloc[-1]) > 0.99
    spans = stored.tables["profiles"].groupby("parameter")["objective"].agg(np.ptp)
    assert spans[IDLE] < 0.2
    assert spans[LEVEL] > 50
    best = stored.tables["profiles"].query("parameter == @LEVEL").sort_values("objective")["value"].iloc[0]
    assert best == pytest.approx(known_market.TRUE[LEVEL], rel=0.2)


# Tables ----------------------------------------------------------------------------------------
def test_facts_held_out_are_reported_and_never_fitted(known):
    result, stored = known
    moments = stored.tables["moments"].set_index("id")
    assert moments["fitted"].to_dict() == {"M1a": True, "M1b": True, "M9a": False}
    assert not moments.loc["M1a", "before_met"]
    assert moments.loc["M1a", "after_met"]
    # The wage does not move, so its sign is 0 where the fact is -1, and no lever can mend it.
    assert not moments.loc["M9a", "after_met"]
    assert len(result.emulator.processes) == 2
    at_start = stored.tables["design"].iloc[0]
    assert (at_start["wave"], at_start[LEVEL]) == (0, known_market.OWN["level"])


def test_the_box_maps_to_the_cube_and_back():
    space = Space({"a": Box(low=1, high=100, log=True), "b": Box(low=-1, high=3, log=False)})
    np.testing.assert_allclose(space.values(np.array([0.5, 0.25])), [10.0, 0.0])
    unit = np.random.default_rng(0).random((20, 2))
    np.testing.assert_allclose(space.unit(space.values(unit)), unit)
    np.testing.assert_allclose(space.start({"a": 10.0, "b": 7.0}), [0.5, 0.5])


def test_weighted_quantiles_equal_those_of_repeated_values():
    values, weights = np.array([[3.0], [1.0], [2.0]]), np.array([0.2, 0.5, 0.3])
    repeated = np.repeat([3.0, 1.0, 2.0], [2000, 5000, 3000])
    found = quantiles(values, weights, (0.25, 0.9))
    assert found[0, 0] == pytest.approx(np.quantile(repeated, 0.25))
    assert np.quantile(repeated, 0.9) - 1 < found[1, 0] <= 3


# Interruption ----------------------------------------------------------------------------------
def test_an_interrupted_calibration_resumes_to_the_same_result(known, calibrate_known):
    whole, stored = known
    computed: list[int] = []

    def stops(after):
        def scheduler(surfaces, simulate, tasks):
            for point in schedulers.here(surfaces, simulate, tasks):
                if len(computed) == after:
                    raise KeyboardInterrupt
                computed.append(point.task.index)
                yield point

        return scheduler

    with pytest.raises(KeyboardInterrupt):
        calibrate_known("again", stops(40))
    _, again = calibrate_known("again", stops(None))
    assert len(computed) == len(whole.design.settings) + len(whole.truths) + 2
    assert_same_tables(stored, again)
    assert stored.manifest["numbers"] == again.manifest["numbers"]


def assert_same_tables(one, other):
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name])


def test_several_processes_give_the_same(calibrate_known):
    one, two = (
        calibrate_known(name, scheduler, refinement=0, truths=0)[1]
        for name, scheduler in (("one", schedulers.here), ("two", partial(schedulers.on_this_machine, workers=2)))
    )
    assert_same_tables(one, two)


def test_a_market_that_fails_everywhere_says_so(calibrate_known):
    with pytest.raises(WorkError, match="lack a moment"):
        calibrate_known(simulate=known_market.failing_simulate)


def test_a_posterior_that_hardly_fits_the_sample_is_refused(calibrate_known):
    with pytest.raises(WorkError, match="effective draws"):
        calibrate_known(half=(2.0, 2.0), refinement=0, replicates=64)


# Facts -----------------------------------------------------------------------------------------
def test_the_default_facts_are_those_marked_calibrate_with_band_and_counterpart():
    table = pd.read_csv(moments_file()).set_index("id")
    used = choose_facts(None, 24).used
    assert set(table.loc[list(used), "use"]) == {"calibrate"}
    assert {"M1a", "M1b", "M4"} <= set(used)
    assert "M16b" not in used  # it has no band
    assert "M4" not in choose_facts(None, 8).used  # it needs 2030


@pytest.mark.parametrize(
    ("name", "quarters", "said"),
    [
        ("M23", 24, "marked validate, so it is held out"), ("M27", 24, "marked report, so it is held out"),
        ("M16b", 24, "no band"), ("M8a", 24, "no counterpart"), ("M4", 8, "needs more than 8 quarters"), ("M1x", 24, "no such fact"),
    ],
)  # fmt: skip
def test_facts_that_cannot_be_fitted_are_refused_by_name(name, quarters, said):
    with pytest.raises(InputError, match=said) as error:
        choose_facts(["M1a", name], quarters)
    assert name in str(error.value)


# Files -----------------------------------------------------------------------------------------
def test_shipped_calibrations_load_and_their_boxes_lie_in_the_ranges_of_the_table():
    from econ.scenario.parameters import defaults

    assert "default" in shipped_names(CALIBRATIONS)
    for name in shipped_names(CALIBRATIONS):
        for key, box in load_calibration(name).parameters.items():
            row = defaults()[key.removeprefix("parameters.")]
            assert row.low <= box.low < box.high <= row.high, key


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("parameters: {levers.transfer: [0, 1]}", "bad.yaml:2: parameters.levers.transfer: not an interval, found [0, 1]; allowed: {uniform: [low, high]}"),
        ("parameters: {levers.transfer: {uniform: [1, 0]}}", "low end must lie below"),
        ("parameters: {levers.transfer: {log_uniform: [0, 1]}}", "needs ends above 0"),
        ("parameters: {levers.transfer: {uniform: [0, 1]}}\npoints: 5", "need at least 10 points"),
        ("parameters: {levers.transfer: {uniform: [0, 1]}}\nmoment: [M1a]", "did you mean 'moments'"),
        ("parameters: {levers.transfer: {uniform: [0, 1]}}\nmoments: [M1a, M1a]", "stands twice"),
        ("parameters: {levers.transfer: {unifrm: [0, 1]}}\nmoment: [M1a]\npoints: 1", "bad.yaml: 3 faults"),
        ("parameters: {levers.transfer: {unifrm: [0, 1]}}", "did you mean 'uniform'?"),
        ("parameters: {}", "nothing stands here; allowed: at least 1 entry"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(tmp_path, text, said):
    path = tmp_path / "bad.yaml"
    path.write_text(f"name: bad\n{text}\n")
    with pytest.raises(InputError) as error:
        load_calibration(path)
    assert said in str(error.value)
    assert "bad.yaml" in str(error.value)


def test_unknown_names_get_the_nearest():
    with pytest.raises(InputError, match="did you mean 'default'"):
        load_calibration("defalt")


@pytest.mark.parametrize("met", [(1.0, 1.0), (1.0, 0.4), (0.3, 0.4)])
def test_facts_that_no_point_misses_are_no_test_of_the_fit(known, met):
    from dataclasses import replace

    from econ.report.calibration.write import summary_lines

    _, stored = known
    moments = stored.tables["moments"].copy()
    fitted = moments.index[moments["fitted"]]
    moments.loc[fitted, "met_share"] = met
    numbers = stored.manifest["numbers"] | {"probability": 0.5, "freedom": 1}
    changed = replace(stored, manifest=stored.manifest | {"numbers": numbers}, tables=stored.tables | {"moments": moments})
    line = next(line for line in summary_lines(changed) if "J statistic" in line)
    always = [fact for fact, share in zip(moments.loc[fitted, "id"], met, strict=True) if share == 1]
    assert ("Every simulated point meets " + ", ".join(always) in line) is bool(always)
    assert ("too few to test" in line) is bool(always)
