"""Compiled steps of a quarter against the same formulas on whole arrays."""

from __future__ import annotations

import numpy as np
import pytest
import small_market as small
from scipy import stats

from econ.market import (
    certification,
    contest_kernels,
    libraries,
    library_kernels,
    norm_kernels,
    orders,
    poisson_kernels,
    quality_kernels,
    technology_kernels,
)
from econ.market.quarter import advance
from econ.market.setting import column, share_of


@pytest.fixture(scope="module")
def running():
    """A market in its fourth quarter with a commons, certificates and licences; a replicate of each form of surface."""
    scenario = small.baseline(8).with_levers(commons=0.05, conform=0.6, local_norms={"j2": 0.3}, cert_max_violation=0.6)
    s = small.build(scenario, small.surfaces("S1", "S2", "S3", "S1n"), replicates=range(8), quarters=8)
    quo, intercepts, state = small.at_start(s)
    for quarter in range(-s.burn_in, 4):
        state, _ = advance(s, quo, intercepts, state, quarter)
    rules = certification.rules_in_force(s, quo, state.curators, state.public, s.lever(4))
    assert len(set(s.surface.form)) > 1 and (state.firms.library >= 0).any() and (state.firms.library < 0).any()
    return s, quo, state, rules


def local_by_arrays(s, state, rules):
    """Examples of each library that may be used and fit in each jurisdiction [S, C + 1, J, K]."""
    stock = libraries.reliable_examples(s, state.curators, state.public)
    return stock[:, :, None] * (rules.deployable[..., None] * rules.fit)


def test_what_libraries_hold(running):
    s, _, state, rules = running
    f, local = state.firms, local_by_arrays(s, state, rules)
    found = libraries.effective_libraries(s, f, state.curators, state.public, rules)
    np.testing.assert_allclose(found, np.einsum("sfj,scjk->sfck", share_of(f.users), local), rtol=1e-12)
    licensed = libraries.licensed_rules(s, state.curators, state.public, rules, f.library)
    there = (f.library >= 0)[:, :, None, None]
    np.testing.assert_allclose(licensed, np.where(there, local[np.arange(s.size)[:, None], np.maximum(f.library, 0)], 0.0), rtol=1e-12)
    users = np.empty((s.size, s.slots + 1, f.users.shape[2]))
    library_kernels.by_library(f.library, f.users, users)
    uses = f.library[:, :, None] == np.arange(s.slots + 1)
    np.testing.assert_allclose(users, np.einsum("sfc,sfj->scj", uses.astype(float), f.users), rtol=1e-12)


def harm_by_arrays(quo, constraints, preferences, scale, belief):
    """Harm and slopes [S, F, M, K] from the surface itself."""
    at = quo.response.stocks(constraints, np.repeat(preferences[:, :, None], constraints.shape[2], axis=2), scale, belief)
    harm, e_x, e_y = quo.response.surface.evaluate(at.x, at.y)
    return harm, e_x / at.x * at.per_a, e_y / at.y * at.per_b


@pytest.mark.parametrize("believed", [True, False])
def test_harm_with_a_library_for_generic_traffic(running, believed):
    s, quo, state, rules = running
    f, public = state.firms, state.public
    held = libraries.licensed_rules(s, state.curators, public, rules, f.library)
    belief = f.belief if believed else None
    found = orders.blended_harm(s, quo, f.constraints, held, f.preferences, public.scale, belief)
    bespoke = f.constraints[:, :, None]
    spread = None if belief is None else np.repeat(belief[:, :, None], held.shape[2], axis=2)
    with_rules = harm_by_arrays(quo, bespoke + held, f.preferences, public.scale, spread)
    without = harm_by_arrays(quo, bespoke + 0.0 * held, f.preferences, public.scale, spread)
    generic = libraries.generic_share(s, quo)[:, None, None]
    for one, some, none in zip(found, with_rules, without, strict=True):
        np.testing.assert_allclose(one, generic * some + (1 - generic) * none, rtol=1e-9)


def test_worth_of_libraries(running):
    s, quo, state, rules = running
    f, c, public = state.firms, state.curators, state.public
    stocks = libraries.effective_libraries(s, f, c, public, rules)
    value, slope = libraries._harm_value(s, quo, f, c, public, stocks)
    belief = np.repeat(f.belief[:, :, None], stocks.shape[2], axis=2)
    bespoke = f.constraints[:, :, None]
    harm, slope_a, _ = harm_by_arrays(quo, bespoke + stocks, f.preferences, public.scale, belief)
    none, _, _ = harm_by_arrays(quo, bespoke + 0.0 * stocks, f.preferences, public.scale, belief)
    weight = (libraries.generic_share(s, quo)[:, None] * f.stake)[:, :, None]
    listed = np.concatenate([c.active, np.ones((s.size, 1), bool)], axis=1)[:, None]
    scale = np.abs(value).max()
    np.testing.assert_allclose(value, np.where(listed, ((none - harm) * weight).sum(axis=3), 0.0), rtol=1e-9, atol=1e-12 * scale)
    own = c.library[:, None]
    expected = np.where(own > 0, weight * slope_a[:, :, :-1] * stocks[:, :, :-1] / np.where(own > 0, own, 1.0), 0.0)
    np.testing.assert_allclose(slope, np.where(c.active[:, None, :, None], expected, 0.0), rtol=1e-9)


def test_what_users_get(running):
    _, quo, state, _ = running
    curves, f = quo.response.quality, state.firms
    flags = f.constraints / f.constraints.max() * np.array([0.0, 1.0, 30.0, 500.0, 4096.0])
    pairs = f.preferences / f.preferences.max() * 2000.0
    level, help_a, flattery_a = np.empty((5, *pairs.shape)), np.empty(flags.shape), np.empty(flags.shape)
    table = quality_kernels.table(curves.help, curves.refusal, curves.flattery)
    quality_kernels.means(table, curves.verifiability, curves.credit, flags, pairs, level, help_a, flattery_a)
    v, credit, kinds = curves.verifiability[:, None], column(curves.credit, 2), flags.shape[2]
    (help_, h_a, h_b), (refused, r_a, r_b), (flattery, y_a, y_b) = (
        batch.evaluate(flags, pairs[..., None], v) for batch in (curves.help, curves.refusal, curves.flattery)
    )
    expected = [help_, refused, flattery, h_b - credit * r_b, y_b]
    for one, by_category in zip(level, expected, strict=True):
        np.testing.assert_allclose(one, by_category.mean(axis=2), rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(help_a, (h_a - credit * r_a) / kinds, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(flattery_a, y_a / kinds, rtol=1e-11, atol=1e-15)


def test_labor_of_constant_elasticity():
    rng = np.random.default_rng(3)
    start = rng.uniform(0.5, 40.0, (4, 3, 2))
    share, hours_share = (rng.dirichlet(np.ones(3), (4, 2)).swapaxes(1, 2).copy() for _ in range(2))
    wage, hours = rng.uniform(0.5, 40.0, (4, 6, 3, 2)), rng.uniform(0.0, 1e6, (4, 6, 2))
    index_start, substitution = rng.uniform(1.0, 30.0, (4, 2)), np.array([0.4, 1.25, 2.5, 5.0])
    index, wanted, output = np.empty((4, 6, 2)), np.empty(wage.shape), np.empty((4, 6, 2))
    technology_kernels.index(wage, start, share, index_start, substitution, index)
    power = 1 - column(substitution, 3)
    total = (share[:, None] * (wage / start[:, None]) ** power).sum(axis=2)
    np.testing.assert_allclose(index, index_start[:, None] * total ** (1 / power[:, :, 0]), rtol=1e-12)
    technology_kernels.wanted(hours, wage, index, start, hours_share, index_start, substitution, wanted)
    relative = (wage / start[:, None]) / (index / index_start[:, None])[:, :, None]
    np.testing.assert_allclose(wanted, hours[:, :, None] * hours_share[:, None] * relative ** -column(substitution, 3), rtol=1e-12)
    used = wanted * rng.integers(0, 2, wanted.shape)
    technology_kernels.output(used, hours_share, share, substitution, output)
    root = (column(substitution, 3) - 1) / column(substitution, 3)
    with np.errstate(divide="ignore"):
        part = (share[:, None] * (used / hours_share[:, None]) ** root).sum(axis=2)
    np.testing.assert_allclose(output, part ** (1 / root[:, :, 0]), rtol=1e-12)


def test_efforts_of_contests():
    rng = np.random.default_rng(4)
    stakes = rng.lognormal(0.0, 2.0, (60, 9)) * rng.integers(0, 2, (60, 9))
    capacity = np.where(np.arange(60) % 3 == 0, 0.0, rng.lognormal(0.0, 1.0, 60))
    effort = np.empty(stakes.shape)
    contest_kernels.contests(stakes, capacity, effort)
    ordered = -np.sort(-stakes, axis=-1)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        inverse = np.cumsum(np.where(ordered > 0, 1 / ordered, np.inf), axis=-1)
        rivals = np.arange(9.0)
        total = (rivals + np.sqrt(rivals**2 + 4 * inverse * capacity[:, None])) / (2 * inverse)
        active = np.isfinite(inverse) & (ordered > total)
        last = active.shape[-1] - 1 - np.argmax(active[..., ::-1], axis=-1)
        x = np.where(active.any(axis=-1), np.take_along_axis(np.nan_to_num(total), last[:, None], axis=-1)[:, 0], 0.0)[:, None]
        expected = np.where(stakes > 0, x * np.maximum(1 - x / stakes, 0.0), 0.0)
    np.testing.assert_allclose(effort, expected, rtol=1e-12)
    assert (effort > 0).any() and (effort[stakes > 0] == 0).any()


def test_counts_of_poisson_distributions():
    uniform, mean = (x.ravel() for x in np.meshgrid((np.arange(200) + 0.5) / 200, [0.0, 1e-9, 0.03, 0.9, 7.0, 300.0]))
    count = np.empty(uniform.size)
    poisson_kernels.search(uniform, mean, count)
    np.testing.assert_array_equal(count, np.where(mean > 0, stats.poisson.ppf(uniform, np.maximum(mean, 1e-300)), 0.0))
    # Where rounding leaves the sum below every uniform, the search still ends.
    poisson_kernels.search(np.ones(3), np.array([0.0, 2.0, 400.0]), count[:3])
    assert (count[:3] <= 41 + np.array([0.0, 2.0, 400.0]) + 40 * np.sqrt(np.array([1.0, 3.0, 401.0]))).all()


def test_positions_and_pulls(running):
    s, quo, state, rules = running
    c, public, levers, places = state.curators, state.public, s.lever(4), np.arange(3)
    ideal = certification.public_ideal(s)[:, None]
    conform = (levers.conform[:, None] * c.certified)[..., None]
    foreign = ((c.home[:, :, None] != places) * levers.local_norms[:, None])[..., None]
    norm = (1 - conform) * c.norm[:, :, None] + conform * public.norm[:, None]
    norm = np.concatenate([(1 - foreign) * norm + foreign * ideal, public.norm[:, None]], axis=1)
    np.testing.assert_allclose(rules.norm, norm, rtol=1e-12, atol=1e-14)
    near = np.exp(-((norm - ideal) ** 2).sum(axis=3) / (2 * s.p["norm_fit_width", 2] ** 2))
    v = quo.verifiability[:, None, None]
    np.testing.assert_allclose(rules.fit, v + (1 - v) * near[..., None], rtol=1e-12)
    apart = np.empty(c.certified.shape)
    norm_kernels.apart(c.norm, c.home, levers.local_norms, public.norm, certification.public_ideal(s), apart)
    stand = (1 - foreign) * c.norm[:, :, None] + foreign * ideal
    np.testing.assert_allclose(apart, np.sqrt(((stand - public.norm[:, None]) ** 2).sum(axis=3)), rtol=1e-12)
    rng = np.random.default_rng(5)
    governed, where = rng.uniform(size=c.certified.shape), rng.uniform(size=c.certified.shape)
    on_regulator, on_curator = np.empty(public.norm.shape), np.empty(c.norm.shape)
    norm_kernels.pulls(c.norm, public.norm, governed, where, on_regulator, on_curator)
    gap = c.norm[:, :, None] - public.norm[:, None]
    np.testing.assert_allclose(on_regulator, (governed[..., None] * gap).sum(axis=1), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(on_curator, -(where[..., None] * gap).sum(axis=2), rtol=1e-11, atol=1e-13)
