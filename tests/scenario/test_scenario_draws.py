"""Priors: right distributions, common random numbers, no dependence on the batch."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from econ.core.errors import InputError
from econ.scenario import Scenario, defaults, load_scenario
from econ.scenario.domains import REAL, SHARE, Domain
from econ.scenario.draws import SHARES_OF_ONE, parameter_draws, value_draws
from econ.scenario.values import Prior

MANY = np.arange(20_000)
#: Kolmogorov's distance that a right sample of this size exceeds once in 10,000 times.
DISTANCE = 2.23 / np.sqrt(MANY.size)


@pytest.fixture(scope="module")
def baseline() -> Scenario:
    return load_scenario("baseline")


@pytest.mark.parametrize(
    ("prior", "domain", "law"),
    [
        (Prior("normal", 2.0, 3.0), REAL, stats.norm(2, 3)),
        (Prior("lognormal", 1.5, 0.4), Domain(low=0, low_open=True), stats.lognorm(0.4, scale=1.5)),
        (Prior("uniform", -1.0, 4.0), REAL, stats.uniform(-1, 5)),
        (Prior("beta", 2.5, 1.5), SHARE, stats.beta(2.5, 1.5)),
        (Prior("normal", 0.2, 0.1), SHARE, stats.truncnorm(-2, 8, 0.2, 0.1)),
    ],
)
def test_draws_follow_the_prior(prior, domain, law):
    drawn = value_draws(prior, domain, 7, MANY, "trial")
    assert stats.kstest(drawn, law.cdf).statistic < DISTANCE
    assert all(domain.contains(value) for value in (drawn.min(), drawn.max()))


def test_a_whole_number_is_drawn_whole():
    drawn = value_draws(Prior("uniform", 100.0, 300.0), Domain(low=1, integer=True), 1, MANY[:500], "trial")
    assert np.array_equal(drawn, np.rint(drawn)) and 100 <= drawn.min() < drawn.max() <= 300


def test_every_default_is_there_and_constant_without_priors(baseline):
    drawn = parameter_draws(baseline, 1, np.arange(3))
    assert set(drawn) == set(defaults())
    for name, row in defaults().items():
        assert drawn[name].shape == (3,) and drawn[name].dtype == np.float64
        assert drawn[name] == pytest.approx(row.value, rel=1e-15), name


def test_sizes_follow_the_scenario(baseline):
    drawn = parameter_draws(baseline.with_population(labelers=500, firms=20), 1, [0])
    assert drawn["labelers_simulated"][0] == 500 and drawn["firms_simulated"][0] == 20


def test_scenarios_with_one_seed_share_quantiles(baseline):
    low = baseline.with_parameters(discount_rate={"uniform": [0.0, 0.1]})
    high = baseline.with_parameters(discount_rate={"uniform": [0.2, 0.4]}, reuse={"beta": [2, 2]})
    first = parameter_draws(low, 5, MANY[:50])["discount_rate"] / 0.1
    second = (parameter_draws(high, 5, MANY[:50])["discount_rate"] - 0.2) / 0.2
    assert first == pytest.approx(second, abs=1e-12)


def test_draws_differ_by_name_and_seed(baseline):
    scenario = baseline.with_parameters(reuse={"uniform": [0, 1]}, variety_correction={"uniform": [0, 1]})
    drawn, other = parameter_draws(scenario, 1, MANY), parameter_draws(scenario, 2, MANY)
    assert abs(np.corrcoef(drawn["reuse"], drawn["variety_correction"])[0, 1]) < 0.03
    assert abs(np.corrcoef(drawn["reuse"], other["reuse"])[0, 1]) < 0.03


def test_a_replicate_alone_equals_itself_in_a_batch(baseline):
    scenario = baseline.with_parameters(
        curator_elasticity={"uniform": [2, 12]}, pool_share_expert={"beta": [2, 8]}
    )
    batch = parameter_draws(scenario, 3, MANY[:40])
    alone = parameter_draws(scenario, 3, [17])
    assert all(batch[name][17] == alone[name][0] for name in batch)


def test_shares_of_one_whole_are_scaled(baseline):
    drawn = parameter_draws(baseline.with_parameters(pool_share_expert={"uniform": [0.1, 0.9]}), 1, MANY[:30])
    for group in SHARES_OF_ONE:
        assert sum(drawn[name] for name in group) == pytest.approx(np.ones(30), abs=1e-14)
    assert drawn["pool_share_low_income"] / drawn["pool_share_us_generalist"] == pytest.approx(
        np.full(30, 0.62 / 0.23)
    )


def test_priors_that_break_random_utility_are_refused(baseline):
    with pytest.raises(InputError, match=r"random utility.*at least 1\.5"):
        baseline.with_parameters(curator_elasticity={"uniform": [1, 3]})
    # The tail of an unbounded prior is cut off by no condition; who draws from it is refused.
    scenario = baseline.with_parameters(curator_elasticity={"normal": [6, 1.4]})
    with pytest.raises(InputError, match="below occupation_elasticity"):
        parameter_draws(scenario, 1, np.arange(20_000))


def test_draws_are_frozen(baseline):
    """A change of these numbers changes every published result with a prior."""
    scenario = baseline.with_parameters(reuse={"uniform": [0, 1]})
    assert parameter_draws(scenario, 1, [0, 1, 2])["reuse"] == pytest.approx(FROZEN, abs=1e-15)


FROZEN = [0.1510895017657557, 0.6751105432141102, 0.059341083165902975]
