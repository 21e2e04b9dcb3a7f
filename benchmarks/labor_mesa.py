"""The labor step as a Mesa user would write it: one Agent object per labeler, activated by an AgentSet."""

from __future__ import annotations

from math import exp, log1p
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

if TYPE_CHECKING:
    from benchmarks.labor_start import Start


class Labeler(mesa.Agent):
    """A person who labels, or does not."""

    def __init__(
        self, model: MesaLabor, region: int, log_ability: list[float], experience: list[float], reservation: float,
        occupation: int, last: int,
    ) -> None:  # fmt: skip
        super().__init__(model)
        self.region = region
        self.log_ability = log_ability
        self.experience = experience
        self.reservation = reservation
        self.occupation = occupation
        self.last = last
        self.efficiency = 0.0

    def step(self) -> None:
        """Perhaps reconsider; then work and learn."""
        if self.random.random() < self.model.reconsideration:
            before, self.occupation = self.occupation, self.choose()
            if before and not self.occupation:
                self.model.leavers[self.region] += 1
        self.work()

    def grown(self, o: int) -> float:
        """Log ability with experience."""
        return self.log_ability[o] + self.model.exponent * log1p(self.experience[o] / self.model.scale)

    def choose(self) -> int:
        """One of outside, judge and constrain, by nested logit."""
        model = self.model
        judge = self.grown(0) + model.value[self.region][0]
        constrain = self.grown(1) + model.value[self.region][1]
        if self.last == 1:
            constrain -= model.retraining
        else:
            judge -= model.retraining
        top = max(judge, constrain, self.reservation)
        judge, constrain = exp(model.mu * (judge - top)), exp(model.mu * (constrain - top))
        drawn = self.random.random() * (judge + constrain + exp(model.mu * (self.reservation - top)))
        if drawn < judge:
            return 1
        return 2 if drawn < judge + constrain else 0

    def work(self) -> None:
        """Supply labor in the occupation chosen, and gain or lose experience."""
        model, experience, occupation = self.model, self.experience, self.occupation
        if occupation:
            o = occupation - 1
            model.heads[self.region][o] += 1
            self.efficiency = exp(self.grown(o))
            model.ability[self.region][o] += self.efficiency
            model.rent[self.region] += exp(self.reservation)
            if self.last != occupation:
                model.movers[self.region][o] += self.efficiency
            self.last = occupation
        experience[0] *= model.keep
        experience[1] *= model.keep
        if occupation:
            experience[o] += model.paid_hours[self.region][o]


class MesaLabor(mesa.Model):
    """Labelers of one replicate.

    Parameters
    ----------
    start : Start
    seed : int
    shuffle : bool
        Activate in random order, as most Mesa models do, or in the order of creation.
    """

    def __init__(self, start: Start, seed: int, shuffle: bool) -> None:
        super().__init__(seed=seed)
        self.reconsideration, self.exponent, self.scale = start.reconsideration, start.exponent, start.scale
        self.mu, self.retraining, self.keep = start.mu, start.retraining, start.keep
        # Lists: an element of a numpy array costs several times as much in a Python loop.
        self.value, self.paid_hours = start.value.tolist(), start.paid_hours.tolist()
        self.activate = self.agents.shuffle_do if shuffle else self.agents.do
        people = start.people
        region = np.repeat(np.arange(3), np.diff(people.bounds[0])).tolist()
        Labeler.create_agents(
            self, len(region), region, people.log_ability[0].tolist(), people.experience[0].tolist(),
            people.reservation[0].tolist(), people.occupation[0].tolist(), people.last[0].tolist(),
        )  # fmt: skip

    def step(self) -> None:
        """One quarter."""
        self.heads = [[0, 0] for _ in range(3)]
        self.ability = [[0.0, 0.0] for _ in range(3)]
        self.movers = [[0.0, 0.0] for _ in range(3)]
        self.leavers, self.rent = [0] * 3, [0.0] * 3
        self.activate("step")

    def gathered(self) -> tuple[Any, Any]:
        """Occupation [N] and experience [N, O] in the order of creation."""
        return np.array(self.agents.get("occupation")), np.array(self.agents.get("experience"))
