"""Small markets for tests: response surfaces by hand, few agents, and degenerate parameters where a limit needs them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np

from econ.market import labelers
from econ.market.setting import Parameters
from econ.market.simulate import setting, simulate
from econ.market.start import start
from econ.market.status_quo import status_quo
from econ.scenario import load_scenario
from econ.surfaces import forms
from econ.surfaces.posterior import Draws, Surfaces
from econ.surfaces.secondary import HILL

#: Parameters of each form by name, on the unconstrained scale.
FORMS = {
    "S1": dict(log_s=-5.4, log_s_signal=0.7, log_b0=6.6, logit_r=-0.7, log_kappa=-0.7, logit_h_0=-1.2, logit_h_v=-0.8),
    "S2": dict(
        log_a_max=0.3, log_a_max_signal=0.5, log_a50=6.2, log_p=0.0, log_b_max=-0.7, log_b_max_signal=0.0, log_b50=5.8,
        log_q=0.1, overlap=0.2,
    ),
    "S3": dict(
        log_s=-5.4, log_s_signal=0.7, log_p=0.0, logit_ha_0=-1.0, logit_ha_v=-0.5, log_b50=6.4, log_q=0.0, logit_hb_0=-0.4,
        logit_hb_v=0.0,
    ),
    "S1n": dict(log_s=-5.4, log_s_signal=0.7, log_b0=6.6, r=1 / 3, log_kappa=-0.5, logit_h_0=-1.2, logit_h_v=-0.8),
}  # fmt: skip
#: Helpfulness, sycophancy and over-refusal: base, u_a, u_av, u_b, u_ab and log half-saturations.
SECONDARY = {
    "helpfulness": (0.6, -0.07, -0.1, -0.15, 0.19, 6.0, 6.5), "sycophancy": (-0.9, 0.3, -0.5, 3.0, -3.0, 6.0, 7.5),
    "over_refusal": (-2.6, -2.2, 3.8, -1.0, 1.5, 6.0, 7.0),
}  # fmt: skip
WIDTH = 12
SEED = 7


def surfaces(*names, draws=12, spread=0.05, **values):
    """A posterior by hand that takes the named forms in turn (S1, S2 and S3), with parameters overridden by name."""
    names = names or ("S1", "S2", "S3")
    theta, form = np.full((draws, WIDTH), np.nan), np.array([names[d % len(names)] for d in range(draws)])
    for d in range(draws):
        row = {k: v + spread * np.sin(1.7 * d + i) for i, (k, v) in enumerate(FORMS[form[d]].items())}
        row |= {k: v for k, v in values.items() if k in row}
        theta[d, : len(row)] = [row[name] for name in forms.FORMS[form[d]].parameter_names]
    fitted = {("harm", "ood"): Draws(form, theta)}
    for outcome, curve in SECONDARY.items():
        theta = np.full((draws, WIDTH), np.nan)
        theta[:, : len(curve)] = np.array(curve) + 0.1 * spread * np.sin(np.arange(draws))[:, None]
        fitted[outcome, "ood"] = Draws(np.full(draws, HILL), theta)
    return Surfaces(
        id="by hand", hash="none", kind="measured", draws=fitted,
        domain={"a": 4096.0, "b": 4096.0, "v": 1.0}, base_violation={"ood": 0.6},
    )  # fmt: skip


@cache
def baseline(quarters=6, labelers=200, firms=4, curators=4, slots=7):
    """The baseline with few agents."""
    scenario = load_scenario("baseline").with_settings(f"quarters={quarters}")
    return scenario.with_population(labelers=labelers, firms=firms, curators=curators, curator_slots=slots)


def run(scenario, posterior=None, *, replicates=(0, 1, 2), quarters=None, seed=SEED):
    """`simulate` with the test posterior."""
    return simulate(
        scenario, posterior or surfaces(), seed=seed, replicates=replicates, quarters=quarters or scenario.quarters
    )


def build(scenario=None, posterior=None, *, replicates=(0,), quarters=2, seed=SEED, **parameters):
    """A setting, with parameters overridden beyond what a scenario may ask for."""
    scenario = scenario or baseline()
    s = setting(scenario, posterior or surfaces(), seed=seed, replicates=replicates, quarters=quarters)
    return with_values(s, **parameters)


def with_values(s, **parameters):
    """The setting with some parameters replaced; a stem such as ``ability_log_sd`` must be the full name."""
    values = dict(s.p._values)
    for name, value in parameters.items():
        assert name in values, name
        values[name] = np.broadcast_to(np.asarray(value, float), (s.size,)).copy()
    return replace(s, p=Parameters(values))


def at_start(s):
    """Status quo, intercepts and state at the start of the burn-in."""
    quo = status_quo(s)
    intercepts = labelers.calibrate(s, quo)
    return quo, intercepts, start(s, quo, intercepts)


def pure(**parameters):
    """Overrides that make all firms, curators and beliefs alike and shut the sources of randomness among them."""
    alike = dict(brand_sd=0.0, curator_quality_sd=0.0, belief_heterogeneity=0.0, library_pull=0.0, position_log_sd=0.0)
    return {**alike, **parameters}


def same(one, other, rtol=1e-12):
    """Assert that two simulations agree, null for null, to a relative tolerance (0: bit for bit)."""
    for name, values in one.outcomes.items():
        np.testing.assert_allclose(values, other.outcomes[name], rtol=rtol, atol=0, err_msg=name)
    for name, values in one.ledger.items():
        scale = np.abs(values).max() if values.size else 0.0
        np.testing.assert_allclose(values, other.ledger[name], rtol=rtol, atol=rtol * scale * 1e-3, err_msg=name)


def rows(simulation, places):
    """The simulation restricted to some of its replicates."""
    return replace(
        simulation, replicates=simulation.replicates[places],
        outcomes={k: v[places] for k, v in simulation.outcomes.items()},
        ledger={k: v[places] for k, v in simulation.ledger.items()},
    )  # fmt: skip


def by_labeler(people, efficiency):
    """Ability in the chosen occupation [S, N], 0 outside, of the order in which a supply holds it."""
    found = np.zeros(people.occupation.shape)
    for row, now, ends, own in zip(found, people.occupation, people.bounds, efficiency, strict=True):
        for first, end in pairwise(ends):
            judges, others = (first + np.flatnonzero(now[first:end] == o) for o in (1, 2))
            row[judges], row[others] = own[first : first + judges.size], own[end - others.size : end][::-1]
    return found
