"""The labor step as a Starsim user would write it: one module with states and distributions, run by a Sim.

Starsim is not a dependency: `pip install -e '.[benchmarks]'`. Its loop of a time step (people, distributions,
modules) is part of what is timed, as Mesa's activation is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import starsim as ss

if TYPE_CHECKING:
    from benchmarks.labor_start import Start


class Labor(ss.Module):  # type: ignore[misc]
    """Everybody's occupation, ability and experience."""

    def __init__(self, start: Start, **kwargs: Any) -> None:
        super().__init__(name="labor", **kwargs)
        self.at = start
        self.define_states(
            ss.IntArr("region"), ss.FloatArr("ability_judge"), ss.FloatArr("ability_constrain"), ss.FloatArr("experience_judge"),
            ss.FloatArr("experience_constrain"), ss.FloatArr("reservation"), ss.FloatArr("efficiency", default=0.0), ss.IntArr("occupation"),
            ss.IntArr("last"),
        )  # fmt: skip
        self.reconsiders = ss.bernoulli(p=start.reconsideration)
        self.choice = ss.random()

    def init_post(self) -> None:
        """Start from the common population."""
        super().init_post()
        people, uids = self.at.people, self.sim.people.auids
        self.region[uids] = np.repeat(np.arange(3), np.diff(people.bounds[0]))
        self.ability_judge[uids], self.ability_constrain[uids] = people.log_ability[0].T
        self.experience_judge[uids], self.experience_constrain[uids] = people.experience[0].T
        self.reservation[uids] = people.reservation[0]
        self.occupation[uids], self.last[uids] = people.occupation[0], people.last[0]

    def step(self) -> None:
        """One quarter."""
        self.choose(self.reconsiders.filter())
        self.work()

    def grown(self, o: int, who: Any) -> Any:
        """Log ability with experience."""
        ability, experience = (
            (self.ability_judge, self.experience_judge) if o == 0 else (self.ability_constrain, self.experience_constrain)
        )
        return ability[who] + self.at.exponent * np.log1p(experience[who] / self.at.scale)

    def choose(self, who: Any) -> None:
        """Nested logit over outside, judge and constrain."""
        at, region, last = self.at, self.region[who], self.last[who]
        utility = [
            at.mu * (self.grown(o, who) + at.value[region, o] - at.retraining * (last != o + 1)) for o in (0, 1)
        ]
        outside = at.mu * self.reservation[who]
        top = np.maximum(np.maximum(utility[0], utility[1]), outside)
        judge, constrain = np.exp(utility[0] - top), np.exp(utility[1] - top)
        total = judge + constrain + np.exp(outside - top)
        drawn = self.choice.rvs(who) * total
        now = np.where(drawn < judge, 1, np.where(drawn < judge + constrain, 2, 0))
        self.leavers = np.bincount(region[(self.occupation[who] > 0) & (now == 0)], minlength=3)
        self.occupation[who] = now

    def work(self) -> None:
        """Supply labor in the occupation chosen, and gain or lose experience."""
        at = self.at
        self.heads, self.ability, self.movers, self.rent = np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((3, 2)), np.zeros(3)
        workers = [(self.occupation == o + 1).uids for o in (0, 1)]
        efficiency = [np.exp(self.grown(o, workers[o])) for o in (0, 1)]
        self.experience_judge[:] *= at.keep
        self.experience_constrain[:] *= at.keep
        for o, experience in enumerate((self.experience_judge, self.experience_constrain)):
            region = self.region[workers[o]]
            self.heads[:, o] = np.bincount(region, minlength=3)
            self.ability[:, o] = np.bincount(region, efficiency[o], minlength=3)
            self.movers[:, o] = np.bincount(region, efficiency[o] * (self.last[workers[o]] != o + 1), minlength=3)
            self.rent += np.bincount(region, np.exp(self.reservation[workers[o]]), minlength=3)
            self.efficiency[workers[o]] = efficiency[o]
            self.last[workers[o]] = o + 1
            experience[workers[o]] += at.paid_hours[region, o]


class StarsimLabor:
    """Labelers of one replicate.

    Parameters
    ----------
    start : Start
    seed : int
    quarters : int
        Most quarters that can be run.
    """

    def __init__(self, start: Start, seed: int, quarters: int = 19_000) -> None:
        self.sim = ss.Sim(
            n_agents=start.people.occupation.shape[1], modules=Labor(start), start=0, dur=quarters, dt=1, rand_seed=seed, verbose=0,
            copy_inputs=False,
        )  # fmt: skip
        self.sim.init()

    def step(self) -> None:
        """One quarter."""
        self.sim.run_one_step()

    def gathered(self) -> tuple[Any, Any]:
        """Occupation [N] and experience [N, O]."""
        labor = self.sim.get_module("labor")
        return np.array(labor.occupation), np.stack([labor.experience_judge, labor.experience_constrain], axis=1)
