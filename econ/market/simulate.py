"""A batch of replicates from the status quo through the burn-in to the horizon."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market import labelers
from econ.market.health import NoStatusQuo, note_faults
from econ.market.ledger import FLOWS
from econ.market.outcomes import OUTCOMES
from econ.market.quarter import Events, advance
from econ.market.record import record
from econ.market.setting import Parameters, Setting
from econ.market.start import start
from econ.market.status_quo import StatusQuo, status_quo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from econ.market.labelers import Intercepts
    from econ.market.state import State
    from econ.scenario import Scenario
    from econ.surfaces import SurfaceBatch, Surfaces

#: The first quarter that is reported; changes are against quarter -1.
FIRST_REPORTED = -8
#: What labelers can be computed on, the default first: CUDA where it is asked for, since nobody has measured a gain.
DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class Simulation:
    """Outcomes of a batch.

    Attributes
    ----------
    quarters : [T]
        -8 to Q - 1.
    replicates : [S]
    outcomes : dict of str to [S, T]
        By column of `OUTCOMES`; NaN is null.
    ledger : dict of str to [S, T]
        USD by flow.
    facts : dict of str to [S]
        What is worth knowing of each replicate: its transfer, mean log advantage and the share of
        categories at its bound, its position on the curves in half-saturations, whether its status quo lies outside what was measured, the form of its surface, redrawn positions, drift of the budget share over the last burn-in quarters, largest ledger residual.
    failed : dict of int to str
        Replicates without a status quo, or that turned non-finite, with variable and quarter; what else is said of them
        means nothing.
    """

    quarters: NDArray[np.int64]
    replicates: NDArray[np.int64]
    outcomes: dict[str, NDArray[np.float64]]
    ledger: dict[str, NDArray[np.float64]]
    facts: dict[str, NDArray[Any]]
    failed: dict[int, str]


def setting(scenario: Scenario, surfaces: Surfaces, *, seed: int, replicates: Sequence[int], quarters: int) -> Setting:
    """Draw parameters, levers and surfaces of a batch."""
    from econ.core import random as keyed
    from econ.scenario.draws import parameter_draws
    from econ.scenario.levers import lever_paths

    ids = np.asarray(replicates, np.int64)
    drawn = (keyed.uniform(seed, Stream.SURFACE_DRAW, ids, 0, 0) * surfaces.count).astype(np.int64)
    levers = lever_paths(scenario, seed, ids, quarters)
    surface = surface_batch(surfaces, drawn, levers.at(-1).sigma)
    population = scenario.population
    drawn_parameters = parameter_draws(scenario, seed, ids)
    if may_be_complements(scenario):
        longer = np.maximum(drawn_parameters["burn_in_quarters"], drawn_parameters["burn_in_complements_quarters"])
        drawn_parameters["burn_in_quarters"] = longer
    return Setting(
        seed=seed, replicates=ids, labelers=population.labelers, slots=population.curator_slots, curators=population.curators,
        firms=population.firms, p=Parameters(drawn_parameters),
        levers=levers, surface=surface, base_violation=surface.base_violation,
        events=scenario.events,
    )  # fmt: skip


def may_be_complements(scenario: Scenario) -> bool:
    """Whether the scenario imposes an elasticity of substitution that may lie below 1, at which stocks settle slowly."""
    from econ.scenario.domains import Domain
    from econ.scenario.lever_table import LEVERS
    from econ.scenario.together import extent

    imposed, legal = scenario.levers["sigma"], LEVERS["sigma"].legal
    assert isinstance(legal, Domain)
    return imposed is not None and extent(imposed, legal).low < 1


def surface_batch(surfaces: Surfaces, drawn: NDArray[np.int64], sigma: NDArray[np.float64]) -> SurfaceBatch:
    """One measured surface per replicate, or its level and slopes with an imposed elasticity of substitution.

    Parameters
    ----------
    drawn : [S]
        Posterior draws.
    sigma : [S]
        Elasticity; NaN for the fit's own.
    """
    if np.isnan(sigma).all():
        return surfaces.batch(drawn)
    from econ.surfaces.elasticity import with_sigma
    from econ.surfaces.posterior import Draws

    rows = {key: Draws(draws.form[drawn], draws.theta[drawn]) for key, draws in surfaces.draws.items()}
    return with_sigma(replace(surfaces, draws=rows), sigma, kind="imposed").batch(np.arange(len(drawn)))


def run_quarters(
    s: Setting, quarters: int, quo: StatusQuo | None = None, intercepts: Intercepts | None = None
) -> Iterator[tuple[State, Events, dict[str, NDArray[np.float64]]]]:
    """Yield state, events and outcomes of every quarter from the start of the burn-in; outcomes once they are reported."""
    quo = status_quo(s) if quo is None else quo
    intercepts = labelers.calibrate(s, quo) if intercepts is None else intercepts
    state = start(s, quo, intercepts)
    for quarter in range(-s.burn_in, quarters):
        state, events = advance(s, quo, intercepts, state, quarter)
        columns: dict[str, NDArray[np.float64]] = {}
        if quarter >= FIRST_REPORTED:
            state, columns = record(s, quo, state, events)
        yield state, events, columns


def simulate(
    scenario: Scenario, surfaces: Surfaces, *, seed: int, replicates: Sequence[int], quarters: int, device: str = "cpu", precision: str = "float64"
) -> Simulation:  # fmt: skip
    """Run a batch of replicates.

    Parameters
    ----------
    scenario : Scenario
    surfaces : Surfaces
        Posterior of the response surfaces; each replicate takes one draw.
    seed : int
    replicates : sequence of int
        Ids; a replicate's outcomes depend on its id and the seed, not on the batch.
    quarters : int
        Horizon Q.
    device : str
        Where labelers are computed: ``cpu``, or ``cuda`` by torch, with the same draws and other rounding. The rest
        runs on the CPU.

    Returns
    -------
    Simulation

    Raises
    ------
    WorkError
        If the ledger breaks.
    """
    times, asked = np.arange(FIRST_REPORTED, quarters), np.asarray(replicates, np.int64)
    try:
        s, quo, intercepts, failed = at_rest(scenario, surfaces, seed, replicates, quarters)
    except NoStatusQuo as none:
        empty = np.full((len(asked), len(times)), np.nan)
        return Simulation(
            times, asked, dict.fromkeys(OUTCOMES, empty), dict.fromkeys(FLOWS, empty), facts={}, failed=none.reasons
        )  # fmt: skip
    s = replace(s, device=device)
    outcomes = {name: np.full((s.size, len(times)), np.nan) for name in OUTCOMES}
    flows = {name: np.zeros((s.size, len(times))) for name in FLOWS}
    residual = np.zeros(s.size)
    for state, events, columns in run_quarters(s, quarters, quo, intercepts):
        residual = np.fmax(residual, events.residual)
        note_faults(failed, s.replicates, state, columns, events.quarter)
        if events.quarter >= FIRST_REPORTED:
            place = events.quarter - FIRST_REPORTED
            for name, values in columns.items():
                outcomes[name][:, place] = values
            for name in FLOWS:
                flows[name][:, place] = events.ledger.total(name)
    share = outcomes["constraint_budget_share"]
    bounded = np.abs(quo.response.advantage) >= s.p["advantage_bound", 1]
    facts = {
        "position_constraint": quo.response.position_x, "position_preference": quo.response.position_y,
        "transfer": quo.response.transfer, "advantage": quo.response.advantage.mean(axis=1),
        "advantage_bounded": bounded.mean(axis=1), "extrapolated": _extrapolated(quo), "form": s.surface.form, "position_redraws": quo.redraws, "ledger_residual": residual,
        "budget_share_drift": np.abs(share[:, -FIRST_REPORTED - 1] - share[:, 0]) / (-FIRST_REPORTED - 1),
    }  # fmt: skip
    return _in_order(asked, Simulation(times, s.replicates, outcomes, flows, facts, failed))


def at_rest(
    scenario: Scenario, surfaces: Surfaces, seed: int, replicates: Sequence[int], quarters: int
) -> tuple[Setting, StatusQuo, Intercepts, dict[int, str]]:
    """The replicates that have a status quo, calibrated, and why the others have none.

    Raises
    ------
    NoStatusQuo
        If none has one.
    """
    without: dict[int, str] = {}
    while True:
        s = setting(scenario, surfaces, seed=seed, replicates=[i for i in replicates if int(i) not in without], quarters=quarters)
        try:
            quo = status_quo(s)
            return s, quo, labelers.calibrate(s, quo), without
        except NoStatusQuo as none:
            without |= none.reasons
            if len(without) == len(replicates):
                raise NoStatusQuo(without) from none


def _in_order(replicates: NDArray[np.int64], found: Simulation) -> Simulation:
    """All replicates that were asked for in their order; NaN for those without a status quo."""
    if len(found.replicates) == len(replicates):
        return found
    row = {int(replicate): place for place, replicate in enumerate(found.replicates)}
    there = np.array([int(replicate) in row for replicate in replicates])
    place = np.array([row.get(int(replicate), 0) for replicate in replicates])

    def spread(values: NDArray[Any]) -> NDArray[Any]:
        rows: NDArray[Any] = values[place].copy()
        if rows.dtype.kind == "f":
            rows[~there] = np.nan
        return rows

    return replace(
        found, replicates=replicates, outcomes={k: spread(v) for k, v in found.outcomes.items()},
        ledger={k: spread(v) for k, v in found.ledger.items()}, facts={k: spread(v) for k, v in found.facts.items()},
    )  # fmt: skip


def _extrapolated(quo: StatusQuo) -> NDArray[np.bool_]:
    """Whether a replicate's status quo lies outside the measured budgets of either label [S]."""
    r = quo.response
    x = np.broadcast_to(r.position_x[:, None], r.advantage.shape).copy()
    outside: NDArray[np.bool_] = r.surface.extrapolated(x, r.position_y[:, None]).any(axis=1)
    return outside
