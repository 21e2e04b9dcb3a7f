"""A fit takes rows of one setting: knobs with a column and those in column `extra`, of trained and of base models."""

import json

import numpy as np
import pandas as pd
import pytest
from synthetic import critic_measurements, measurements

from econ.core.errors import InputError
from econ.core.measurements import check_measurements, read_measurements
from econ.core.shipped import shipped_path
from econ.surfaces.cells import harm_cells, select_rows
from econ.surfaces.fit_critic import critic_rows

ONE = "; allowed: one, in the rows of trained models and of base models"


def shipped(*grids):
    return pd.concat([read_measurements(shipped_path("calibration", "lab", grid) / "measurements.parquet") for grid in grids], ignore_index=True)


def with_extra(table, where, **settings):
    """The table with settings in the rows `where`."""
    return check_measurements(table.assign(extra=np.where(where, json.dumps(settings), None)), "mine")


@pytest.mark.parametrize(
    ("grids", "select", "says"),
    [
        (("surface", "rates"), select_rows, 'base_rate: a fit needs one setting of this knob, and its rows hold several, found \'"low", "mid", "rare", default\''),
        (("surface", "capacity"), select_rows, "model: a fit needs one setting of this knob, and its rows hold several, found 'default, {\"width\": 64}'"),
        # The critic's own rows are of one setting there; base models alone are of several.
        (("full", "rates"), critic_rows, 'base_rate: a fit needs one setting of this knob, and its rows hold several, found \'"low", "mid", "rare", default\''),
        (("full", "capacity"), critic_rows, "model: a fit needs one setting of this knob, and its rows hold several, found 'default, {\"width\": 64}'"),
    ],
)  # fmt: skip
def test_shipped_grids_of_several_settings_are_not_averaged(grids, select, says):
    with pytest.raises(InputError) as caught:
        select(shipped(*grids), "mine")
    assert str(caught.value) == f"mine: {says}{ONE}"


@pytest.mark.parametrize("key", ["raters", "pair_flip", "verifier_error", "training", "half"])
def test_trained_rows_of_two_settings_are_refused_and_base_models_know_none(key):
    table = measurements(worlds=4, v=(0.5,))
    with pytest.raises(InputError, match=rf"{key}: a fit needs one setting .* found '3, default'"):
        select_rows(with_extra(table, table["a"] == 64, **{key: 3}), "mine")
    assert len(select_rows(with_extra(table, table["n"] > 0, **{key: 3}), "mine")) == len(table)


@pytest.mark.parametrize(("key", "value"), [("base_rate", "low"), ("refusal", "off"), ("model", {"width": 64})])
def test_base_models_of_another_world_or_size_are_refused(key, value):
    table = measurements(worlds=4, v=(0.5,))
    for where in (table["n"] > 0, table["n"] == 0):
        with pytest.raises(InputError, match=rf"{key}: a fit needs one setting .*default"):
            select_rows(with_extra(table, where, **{key: value}), "mine")
    assert len(select_rows(with_extra(table, table["n"] >= 0, **{key: value}), "mine")) == len(table)


def test_base_models_at_another_confounding_are_refused():
    table = measurements(worlds=4, v=(0.5,))
    with pytest.raises(InputError, match=r"confounding: .* found '0.5, 0.85'"):
        select_rows(check_measurements(table.assign(confounding=np.where(table["n"] > 0, 0.85, 0.5)), "mine"), "mine")


@pytest.mark.parametrize("method", ["hybrid", "joint"])
def test_controls_without_labels_are_no_base_models(method):
    table = measurements(worlds=4, v=(0.5,))
    table = table.assign(method=table["method"].replace("hybrid", method))
    untrained = table[table["n"] == 0]
    controls = [untrained.assign(method=control, violation=0.0, run_id=untrained["run_id"] + control) for control in ("refuse_all", "oracle")]
    alone, beside = (
        harm_cells(select_rows(check_measurements(rows, "mine"), "mine"), "ood", "mine")
        for rows in (table, pd.concat([table, *controls], ignore_index=True))
    )
    np.testing.assert_array_equal(beside.base, alone.base)
    np.testing.assert_array_equal(beside.rate, alone.rate)


def test_critics_that_err_differently_are_refused():
    table = critic_measurements(lambda n: 0.5 + 0.5 * 2.0 ** (-n / 800.0))
    with pytest.raises(InputError, match=r"critic_noise: a fit needs one setting .* found '0.2, default'"):
        critic_rows(with_extra(table, table["n"] > 500, critic_noise=0.2), "mine")
    assert len(critic_rows(with_extra(table, table["n"] > 0, critic_noise=0.2), "mine")) == len(table)


def test_what_was_solved_for_world_by_world_is_one_setting():
    table = measurements(worlds=4, v=(0.5,))
    extra = [json.dumps({"pair_agreement": 0.73, "pair_temperature": 0.3 + world}) for world in table["world"]]
    assert len(select_rows(check_measurements(table.assign(extra=extra), "mine"), "mine")) == len(table)
