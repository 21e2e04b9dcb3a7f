"""The market as a Mesa model: one replicate, one quarter a step; the only module that imports Mesa.

With ``mesa.batch_run`` of Mesa 3.3:

- sweep `seed` or `replicate` as parameters; ``iterations`` would repeat one seed, and so one result;
- give a `Scenario` object inside a list, since Mesa takes whatever can be iterated for a sweep; names and
  paths need none;
- ``max_steps=n`` makes n + 1 steps: quarters 0 to n. Without it a run ends at the horizon. The column
  ``Step`` is the quarter, for model and agents alike, and the last row is the last quarter:
  `QuarterCollector` sees to it, where Mesa's own collector is one step behind for agents and, with a
  row from before the first step, for the model.

Importing Mesa 3.3 sets the start method of `multiprocessing` to "spawn" for the whole process.
"""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

from econ.core.errors import InputError
from econ.core.random import MASK_32
from econ.market.agent_sets import KINDS, AgentSet, AgentView, Curator, Firm, Labeler, Regulator
from econ.market.labelers import calibrate
from econ.market.outcomes import OUTCOMES
from econ.market.quarter import advance
from econ.market.record import record
from econ.market.simulate import FIRST_REPORTED, setting
from econ.market.start import start
from econ.market.status_quo import status_quo

if TYPE_CHECKING:
    import pandas as pd

    from econ.scenario import Scenario
    from econ.surfaces import Surfaces

#: Columns of agents that a model collects by itself.
REPORTED: dict[type[AgentView], tuple[str, ...]] = {
    Firm: ("price", "outlay_preference", "library", "belief", "cash"),
    Curator: ("price_preference", "licence_fee", "licence_revenue", "service_revenue", "cash"),
}


class QuarterCollector(mesa.DataCollector):
    """Mesa's collector, with the quarter in place of the count of steps.

    Quarter -1, the end of the burn-in, is in the data frames; `model_vars` starts with quarter 0, so that
    a row's place is its quarter, which `mesa.batch_run` relies on.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self._before: dict[str, list[Any]] = {}

    def collect(self, model: MarketModel) -> None:
        """Collect the state after a quarter."""
        steps, model.steps = model.steps, model.quarter
        try:
            super().collect(model)  # type: ignore[no-untyped-call]
        finally:
            model.steps = steps
        if model.quarter < 0:
            self._before = {name: [values.pop()] for name, values in self.model_vars.items()}

    def get_model_vars_dataframe(self) -> pd.DataFrame:
        """One row per quarter from -1, one column per reporter."""
        import pandas as pd

        rows = {name: [*self._before.get(name, ()), *values] for name, values in self.model_vars.items()}
        frame = pd.DataFrame(rows)
        return frame.set_index(frame.index - bool(self._before)).rename_axis("quarter")


class MarketModel(mesa.Model):
    """One replicate of the market; the same numbers as in an ensemble, to 1e-12 relative.

    Built, it has the burn-in behind it and stands at the end of quarter -1; the first step is quarter 0.

    Parameters
    ----------
    scenario : Scenario, path or str
        A scenario, a file, or the name of a shipped one.
    surfaces : Surfaces, path or str, optional
        Response surfaces; those that the scenario names unless given.
    seed : int
        0 to 2**32 - 1. Also seeds Mesa's `random` and `rng`, from which the market never draws.
    replicate : int
        Number of the replicate of an ensemble with this seed.
    quarters : int, optional
        Horizon, at which `running` becomes False; the scenario's unless given.
    **levers
        Settings of levers that differ from the scenario's, as in ``Scenario.with_levers``.

    Attributes
    ----------
    quarter : int
        The last one that is done.
    state : State
        Arrays of all agents, with one replicate.
    outcomes : dict of str to float
        Outcomes of the quarter; NaN is null.
    labelers, firms, curators, regulators, agents : AgentSet
    datacollector : QuarterCollector
        All outcomes for the model, the main columns for firms and curators.

    Raises
    ------
    InputError
        If the scenario, a lever or a number cannot be used.

    Examples
    --------
    >>> model = MarketModel("public_commons", seed=1, commons=0.2)     # doctest: +SKIP
    >>> model.run_model()                                              # doctest: +SKIP
    >>> model.datacollector.get_model_vars_dataframe()["harm_rate"]    # doctest: +SKIP
    """

    def __init__(
        self, scenario: Scenario | Path | str = "baseline", *, surfaces: Surfaces | Path | str | None = None, seed: int = 1,
        replicate: int = 0, quarters: int | None = None, **levers: Any,
    ) -> None:  # fmt: skip
        seed = _whole("seed", seed, 0, MASK_32)
        super().__init__(seed=seed)
        self.scenario = _scenario(scenario, levers)
        self.horizon = (
            self.scenario.quarters if quarters is None else _whole("quarters", quarters, 1, MASK_32)
        )
        replicates = [_whole("replicate", replicate, 0, MASK_32)]
        found = _surfaces(self.scenario.surfaces if surfaces is None else surfaces)
        self._setting = setting(self.scenario, found, seed=seed, replicates=replicates, quarters=self.horizon)
        self._quo = status_quo(self._setting)
        self._intercepts = calibrate(self._setting, self._quo)
        self.state = start(self._setting, self._quo, self._intercepts)
        self.quarter = -self._setting.burn_in - 1
        while self.quarter < -1:
            self._advance()
        self.datacollector = QuarterCollector(
            {name: partial(_outcome, name=name) for name in OUTCOMES},
            agenttype_reporters={
                kind: {name: attrgetter(name) for name in names} for kind, names in REPORTED.items()
            },
        )
        self.datacollector.collect(self)

    def step(self) -> None:
        """Advance by a quarter and collect."""
        self._advance()
        self.running = self.quarter + 1 < self.horizon
        self.datacollector.collect(self)

    def _advance(self) -> None:
        self.quarter += 1
        self.state, events = advance(self._setting, self._quo, self._intercepts, self.state, self.quarter)
        # As in an ensemble, whose running counts start with the first quarter that is reported.
        if self.quarter >= FIRST_REPORTED:
            self.state, columns = record(self._setting, self._quo, self.state, events)
            self.outcomes = {name: float(columns[name][0]) for name in OUTCOMES}

    @property
    def labelers(self) -> AgentSet:
        """All labelers, also those out of work."""
        return AgentSet.of(self, Labeler)

    @property
    def firms(self) -> AgentSet:
        """All firms."""
        return AgentSet.of(self, Firm)

    @property
    def curators(self) -> AgentSet:
        """Curators who are in the market now."""
        return AgentSet.of(self, Curator)

    @property
    def regulators(self) -> AgentSet:
        """One for each jurisdiction."""
        return AgentSet.of(self, Regulator)

    @property  # type: ignore[misc]
    def agents(self) -> AgentSet:  # type: ignore[override]
        """All agents, by kind."""
        return AgentSet.of(self, *KINDS)

    @property
    def agent_types(self) -> list[type[AgentView]]:
        """Kinds of agents."""
        return list(KINDS)

    @property
    def agents_by_type(self) -> dict[type[AgentView], AgentSet]:  # type: ignore[override]
        """Agents of each kind."""
        return {kind: AgentSet.of(self, kind) for kind in KINDS}


def _outcome(model: MarketModel, name: str) -> float:
    return model.outcomes[name]


def _scenario(scenario: Scenario | Path | str, levers: dict[str, Any]) -> Scenario:
    """The scenario with its levers; numpy's numbers, which sweeps are made of, become Python's."""
    from econ.scenario.loading import as_scenarios

    (loaded,) = as_scenarios([scenario])
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in levers.items()}
    return loaded.with_levers(**plain) if plain else loaded


def _surfaces(surfaces: Surfaces | Path | str | None) -> Surfaces:
    from econ.surfaces import load_surfaces

    return load_surfaces(surfaces) if surfaces is None or isinstance(surfaces, str | Path) else surfaces


def _whole(key: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise InputError(
            "out of range", key=key, found=value, allowed=f"a whole number from {low} to {high:,}"
        )
    return int(value)
