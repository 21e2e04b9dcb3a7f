"""What a batch of runs in World B shares, in the place of `job.Context`, and how its bases are made."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from econ.core.random import uniform
from econ.core.streams import Stream
from econ.lab.evaluation import gumbel
from econ.lab.job import Context, Metrics
from econ.lab.rewards import by_run
from econ.lab.scorer_quality import PROMPTS, extended
from econ.lab.strategy.bases import fill_pool, pretrain
from econ.lab.strategy.evaluation import EVERY, EVERY_ON_CURVES, collapsed, evaluate, right_answers
from econ.lab.strategy.labels import StrategyRaters
from econ.lab.strategy.world import StrategyWorld, draw_strategy_world
from econ.lab.truth import Fresh

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.grid import Pretraining
    from econ.lab.knobs import Knobs
    from econ.lab.model import Architecture
    from econ.lab.pool import Pool
    from econ.lab.programs import Run
    from econ.lab.rollouts import Reward

#: Item of the scorers' stream that draws fresh prompts; smaller numbers are steps.
_FRESH_PROMPT = 2_000_000


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

    def raters(self, run: Run, pool: Pool) -> StrategyRaters:
        """Those who judge a pool for a run."""
        return StrategyRaters(self.strategy_world(run), pool, run.knobs, self.settings["seed"])

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

    def fresh(self, arch: Architecture, base: Tensor, run: Run) -> Fresh:
        """Test prompts of trained cells, and fresh samples of the base model (1, P), on which a scorer is judged."""
        world, pool, seed = self.strategy_world(run), self.base(run).pool, self.settings["seed"]
        unseen = world.test_prompts("id")
        drawn = uniform(seed, Stream.SCORER, world.number, _FRESH_PROMPT, np.arange(PROMPTS))
        prompt = unseen[(drawn * len(unseen)).astype(np.int64)]
        combo, tokens = np.concatenate([pool.combo, prompt]), world.prompt_tokens(prompt)
        noise = partial(gumbel, seed, Stream.SCORER, world.number)
        whole = extended(arch, base, pool, combo, np.zeros_like(combo), tokens, noise)
        right = (whole.responses[len(pool.combo) :] == world.right[prompt][:, None]).all(-1)
        return Fresh(whole, tokens, ~right, right.astype(np.float64), np.zeros(right.shape, np.int64))

    def true_reward(self, name: str, runs: list[Run]) -> Reward:
        """The programmatic verifier: +1 for the right response, -1 for any other.

        Raises
        ------
        KeyError
            If another reward is asked for: World B has no other truth.
        """
        if name != "program":
            raise KeyError(name)
        worlds = [self.strategy_world(run) for run in runs]
        prompts = [torch.as_tensor(self.base(run).pool.combo, device=self.device) for run in runs]

        def of_run(i: int, prompt: Tensor, response: Tensor) -> Tensor:
            return torch.where(right_answers(worlds[i], prompts[i][prompt], response), 1.0, -1.0)

        return by_run(of_run)

    def verdicts(self, own: dict[str, float], base: dict[str, float], finite: bool) -> dict[str, Any]:
        """Columns that compare a policy with its base model."""
        return {"collapsed": collapsed(own, base, finite)}
