"""What a batch of runs in World B shares, in the place of `job.Context`, and how its bases are made."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.lab.job import Context, Metrics
from econ.lab.strategy.bases import fill_pool, pretrain
from econ.lab.strategy.evaluation import EVERY, EVERY_ON_CURVES, collapsed, evaluate
from econ.lab.strategy.labels import StrategyRaters
from econ.lab.strategy.world import StrategyWorld, draw_strategy_world

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.grid import Pretraining
    from econ.lab.knobs import Knobs
    from econ.lab.labels import Labels
    from econ.lab.model import Architecture
    from econ.lab.pool import Pool
    from econ.lab.programs import Run


@lru_cache(maxsize=64)
def strategy_world(seed: int, number: int, base_accuracy: float) -> StrategyWorld:
    """A world, drawn once for the process."""
    return draw_strategy_world(seed, number, p_easy=base_accuracy)


def make_bases(
    arch: Architecture, items: tuple[dict[str, Any], ...], settings: dict[str, Any], spec: Pretraining,
    count: int, device: str,
) -> tuple[Tensor, list[Pool]]:  # fmt: skip
    """Base models (R, P) of the worlds of `programs.base_item` and a pool of `count` prompts of each."""
    seed = settings["seed"]
    worlds = [strategy_world(seed, item["world"], item["base_accuracy"]) for item in items]
    flat = pretrain(arch, worlds, seed, spec, device)
    pools = [
        fill_pool(arch, flat[row : row + 1], world, seed, settings["candidates"], count)
        for row, world in enumerate(worlds)
    ]
    return flat, pools


class StrategyContext(Context):
    """Worlds, labels and exact evaluation of World B."""

    task = "B"
    base_columns = ("entropy",)

    def strategy_world(self, run: Run) -> StrategyWorld:
        """The world of a run: for raters, evaluation and verifiers that are upper bounds."""
        return strategy_world(self.settings["seed"], run.world, run.knobs.base_accuracy)

    def prompts(self, run: Run) -> np.ndarray:
        """Token ids (M, 4) of the prompts that a run's labels speak of."""
        return self.strategy_world(run).prompt_tokens(self.base(run).pool.combo[run.start :])

    def labels(self, run: Run) -> dict[str, Labels]:
        """Human labels of a run by kind."""
        raters = StrategyRaters(self.strategy_world(run), self.base(run).pool, run.knobs, self.settings["seed"])
        return {kind: raters.give(kind, n, run.start) for kind, n in run.labels.items()}

    def knobs(self, run: Run) -> Knobs:
        """Knobs as run: nothing is matched here."""
        return run.knobs

    def evaluate(
        self, arch: Architecture, flat: Tensor, base: Tensor, runs: list[Run], samples: int
    ) -> list[Metrics]:
        """Exact metrics of policies (R, P); one sample, as on curves, thins the prompts of the entropy."""
        every = EVERY if samples > 1 else EVERY_ON_CURVES
        names = tuple(self.settings["evaluation"]["distributions"])
        return [
            evaluate(arch, flat[i : i + 1], base[i : i + 1], self.strategy_world(run), every=every, distributions=names)
            for i, run in enumerate(runs)
        ]

    def verdicts(self, own: dict[str, float], base: dict[str, float], finite: bool) -> dict[str, Any]:
        """Columns that compare a policy with its base model."""
        return {"collapsed": collapsed(own, base, finite)}
