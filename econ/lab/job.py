"""What a trainer gets and what it gives: the interface between executing a batch of runs and training it.

Every `Method` names its trainer, a key of `trainers.TRAINERS`. A trainer is a function

    train(job: Job) -> Trained

that trains the runs of a job together, one row of `job.base` each. It gets the labels it needs from
`job.context`, never the truth of a world, unless what it trains is an upper bound and says so. To add
a kind of training: write such a function in a module of its own, enter it in `TRAINERS`, and let
entries of `METHODS` name it. Executing a task (`execute`) then evaluates the policies, makes the rows
of the measurement table (`rows`) and stores them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from econ.lab.accounting import Usage
from econ.lab.evaluation import Setting, collapsed, evaluate
from econ.lab.knobs import BASE_RATES, Knobs
from econ.lab.labels import Labels, Raters
from econ.lab.matching import matched_bias, matched_noise, matched_temperature
from econ.lab.methods import METHODS, Method
from econ.lab.model import Architecture
from econ.lab.pool import Pool
from econ.lab.pretraining import Base, fill_pool, pretrain
from econ.lab.programs import Run, base_hash, base_item, task_of
from econ.lab.rewards import TRUE_REWARDS
from econ.lab.scorer_quality import fresh_answers
from econ.lab.scoring import Scorer
from econ.lab.store import Store
from econ.lab.strategy.world import WORLD_B
from econ.lab.training import Outcome
from econ.lab.training_state import Saver
from econ.lab.truth import Fresh, Judges
from econ.lab.world import WORLD_A, World, draw_world

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.grid import Pretraining
    from econ.lab.rollouts import Reward

#: Metrics of one run by test distribution, named as in the measurement table.
Metrics = dict[str, dict[str, float]]


@dataclass
class Trained:
    """What training gave, one entry per run in every list.

    Attributes
    ----------
    outcome : Outcome
        Parameters, steps and so on.
    usage : list of Usage
        What it cost besides human labels: operations, verifications, calls of an AI judge.
    labels : list of {kind: Labels}
        Human labels, for the ledger; kinds of the budget without labels carry no information.
    columns : list of dict
        Columns of the measurement table that the trainer knows better than the protocol of labels:
        `scorer_weak`, `capped`, `under_trained`, `n_validation`.
    metrics : list of Metrics, optional
        Where the policy is not the transformer `outcome.flat`; else it is evaluated by `execute`.
    curves, scorers : list of dict
        Rows of `curves.parquet` and `scorers.parquet`, any number.
    """

    outcome: Outcome
    usage: list[Usage]
    labels: list[dict[str, Labels]]
    columns: list[dict[str, Any]]
    metrics: list[Metrics] | None = None
    curves: list[dict[str, Any]] = field(default_factory=list)
    scorers: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Job:
    """A batch of runs of one method and budget.

    Attributes
    ----------
    arch : Architecture
    method : Method
    runs : list of Run
    base : (R, P)
        Base model of each run's world.
    context : Context
        Settings, worlds, pools, labels.
    saver : Saver
        For state on the way.
    """

    arch: Architecture
    method: Method
    runs: list[Run]
    base: Tensor
    context: Context
    saver: Saver

    def config(self) -> dict[str, Tensor]:
        """Configurations of the runs, each key (R, 1) float32."""
        return {
            key: torch.tensor([[dict(run.config)[key]] for run in self.runs], dtype=torch.float32, device=self.base.device)
            for key, _ in self.runs[0].config
        }  # fmt: skip

    def labels(self) -> list[dict[str, Labels]]:
        """Human labels of each run by kind."""
        return [self.context.labels(run) for run in self.runs]

    def prompts(self) -> list[np.ndarray]:
        """Token ids (M, 4) of the prompts of each run's pool, from the first that it labels on."""
        return [self.context.prompts(run) for run in self.runs]


Trainer = Callable[[Job], Trained]


def architecture(settings: dict[str, Any]) -> Architecture:
    """The transformer of a grid."""
    return Architecture(WORLD_B if task_of(settings) == "B" else WORLD_A, **settings["model"])


@lru_cache(maxsize=64)
def _world(seed: int, number: int, base_rate: str, refusal: str) -> World:
    return draw_world(seed, number, base_rate=BASE_RATES[base_rate], refusal=refusal == "on")


def world_of(settings: dict[str, Any], item: dict[str, Any]) -> World:
    """The world of a base model (`programs.base_item`)."""
    return _world(settings["seed"], item["world"], item["base_rate"], item["refusal"])


def make_bases(
    arch: Architecture, items: tuple[dict[str, Any], ...], settings: dict[str, Any], spec: Pretraining,
    count: int, device: str,
) -> tuple[Tensor, list[Pool]]:  # fmt: skip
    """Base models (R, P) of the worlds of `programs.base_item` and a pool of `count` prompts of each."""
    seed, worlds = settings["seed"], [world_of(settings, item) for item in items]
    flat = pretrain(arch, worlds, seed, spec, device)
    pools = [
        fill_pool(
            arch, flat[row : row + 1], world, seed, float(item["confounding"]), settings["candidates"], count,
            item.get("sampling", "passive"),
        )
        for row, (world, item) in enumerate(zip(worlds, items, strict=True))
    ]  # fmt: skip
    return flat, pools


def load_base(store: Store, item: dict[str, Any], settings: dict[str, Any], device: str = "cpu") -> Base:
    """A stored base model with its pool."""
    arrays = store.arrays(base_hash(item, settings))
    whole = {name: arrays[name].astype(np.int64) for name in ("combo", "opinion", "responses")}
    pool = Pool(whole["combo"], whole["opinion"], whole["responses"], arrays["reference"])
    return Base(torch.as_tensor(arrays["flat"], device=device), pool)


class Context:
    """What the runs of a batch share: settings, bases, worlds and labels, each loaded once.

    World B has its own (`strategy.context`), with the same methods but `setting`.
    """

    task = "A"
    #: Metrics of the base model that stand beside a run's.
    base_columns: tuple[str, ...] = ("violation", "helpfulness", "sycophancy", "over_refusal", "entropy")

    def __init__(self, settings: dict[str, Any], store: Store, device: str) -> None:
        self.settings, self.device, self.store = settings, device, store
        self._bases: dict[str, Base] = {}
        self._scorers: dict[int, Scorer] = {}

    def base(self, run: Run) -> Base:
        """Base model and pool of a run's world."""
        item = base_item(run.world, run.knobs, self.task)
        key = base_hash(item, self.settings)
        if key not in self._bases:
            self._bases[key] = load_base(self.store, item, self.settings, self.device)
        return self._bases[key]

    def world(self, run: Run) -> World:
        """The world of a run: for raters, evaluation and upper bounds, never for training on labels."""
        return world_of(self.settings, base_item(run.world, run.knobs))

    def prompts(self, run: Run) -> np.ndarray:
        """Token ids (M, 4) of the pool's prompts, from the first that a run labels on."""
        pool = self.base(run).pool
        return self.world(run).prompt_tokens(pool.combo[run.start :], pool.opinion[run.start :])

    def raters(self, run: Run, pool: Pool) -> Judges:
        """Those who judge a pool for a run."""
        source = METHODS[run.method].labels
        control = source if source in ("random", "shuffled") else ""
        return Raters(self.world(run), pool, self.knobs(run), self.settings["seed"], control)

    def labels(self, run: Run) -> dict[str, Labels]:
        """Human labels of a run by kind."""
        raters = self.raters(run, self.base(run).pool)
        return {kind: raters.give(kind, n, run.start) for kind, n in run.labels.items()}

    def knobs(self, run: Run) -> Knobs:
        """Knobs as run: those of the grid, but for what is matched to pairs in each world."""
        knobs, world, seed = run.knobs, self.world(run), self.settings["seed"]
        if METHODS[run.method].labels == "unbiased":
            knobs = knobs.model_copy(update={"bias": 0.0})
        if knobs.pair_agreement is not None:
            temperature = matched_temperature(world, self.base(run).pool, knobs, seed)
            knobs = knobs.model_copy(update={"pair_temperature": temperature})
        if METHODS[run.method].labels == "matched_bits":
            noise = matched_noise(world, self.base(run).pool, knobs, seed)
            knobs = knobs.model_copy(update={"flag_noise": (noise, noise)})
        if knobs.match_bias and any(kind.startswith("flag") for kind in run.labels):
            bias = matched_bias(world, self.base(run).pool, knobs, seed)
            knobs = knobs.model_copy(update={"flag_bias": bias})
        return knobs

    def setting(self, run: Run) -> Setting:
        """How a run is evaluated."""
        world = self.world(run)
        if id(world) not in self._scorers:
            self._scorers[id(world)] = Scorer(world, self.device)
        return Setting(world, self._scorers[id(world)], run.knobs.confounding, run.knobs.coverage)

    def evaluate(
        self, arch: Architecture, flat: Tensor, base: Tensor, runs: list[Run], samples: int
    ) -> list[Metrics]:
        """Metrics of policies (R, P)."""
        return evaluate(
            arch, flat, base, [self.setting(run) for run in runs], seed=self.settings["seed"], samples=samples,
            distributions=tuple(self.settings["evaluation"]["distributions"]),
        )  # fmt: skip

    def fresh(self, arch: Architecture, base: Tensor, run: Run) -> Fresh:
        """Prompts and samples beyond the pool, on which a scorer of a run is judged."""
        return fresh_answers(arch, base, run, self)

    def true_reward(self, name: str, runs: list[Run]) -> Reward:
        """A reward that reads the truth: `program`, `utility`, or `penalty` (`rewards`)."""
        return TRUE_REWARDS[name](self, runs)

    def verdicts(self, own: dict[str, float], base: dict[str, float], finite: bool) -> dict[str, Any]:
        """Columns that compare the metrics of a policy with those of its base model."""
        return {"collapsed": collapsed(own, base, finite), "relative_harm": own["violation"] / base["violation"]}
