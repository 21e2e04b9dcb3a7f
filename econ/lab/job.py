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
from econ.lab.evaluation import Setting, evaluate
from econ.lab.knobs import BASE_RATES, Knobs
from econ.lab.labels import Labels, Raters, matched_noise
from econ.lab.methods import METHODS, Method
from econ.lab.model import Architecture
from econ.lab.pool import Pool
from econ.lab.pretraining import Base
from econ.lab.programs import Run, base_hash, base_item
from econ.lab.scoring import Scorer
from econ.lab.store import Store
from econ.lab.training import Outcome
from econ.lab.training_state import Saver
from econ.lab.world import WORLD_A, World, draw_world

if TYPE_CHECKING:
    from torch import Tensor

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
        """Token ids (M, 4) of the prompts of each run's pool."""
        pools = [(self.context.world(run), self.context.base(run).pool) for run in self.runs]
        return [world.prompt_tokens(pool.combo, pool.opinion) for world, pool in pools]


Trainer = Callable[[Job], Trained]


def architecture(settings: dict[str, Any]) -> Architecture:
    """The transformer of a grid."""
    return Architecture(WORLD_A, **settings["model"])


@lru_cache(maxsize=64)
def _world(seed: int, number: int, base_rate: str, refusal: str) -> World:
    return draw_world(seed, number, base_rate=BASE_RATES[base_rate], refusal=refusal == "on")


def world_of(settings: dict[str, Any], item: dict[str, Any]) -> World:
    """The world of a base model (`programs.base_item`)."""
    return _world(settings["seed"], item["world"], item["base_rate"], item["refusal"])


def load_base(store: Store, item: dict[str, Any], settings: dict[str, Any], device: str = "cpu") -> Base:
    """A stored base model with its pool."""
    arrays = store.arrays(base_hash(item, settings))
    whole = {name: arrays[name].astype(np.int64) for name in ("combo", "opinion", "responses")}
    pool = Pool(whole["combo"], whole["opinion"], whole["responses"], arrays["reference"])
    return Base(torch.as_tensor(arrays["flat"], device=device), pool)


class Context:
    """What the runs of a batch share: settings, bases, worlds and labels, each loaded once."""

    def __init__(self, settings: dict[str, Any], store: Store, device: str) -> None:
        self.settings, self.device, self.store = settings, device, store
        self._bases: dict[str, Base] = {}
        self._scorers: dict[int, Scorer] = {}

    def base(self, run: Run) -> Base:
        """Base model and pool of a run's world."""
        item = base_item(run.world, run.knobs)
        key = base_hash(item, self.settings)
        if key not in self._bases:
            self._bases[key] = load_base(self.store, item, self.settings, self.device)
        return self._bases[key]

    def world(self, run: Run) -> World:
        """The world of a run: for raters, evaluation and upper bounds, never for training on labels."""
        return world_of(self.settings, base_item(run.world, run.knobs))

    def labels(self, run: Run) -> dict[str, Labels]:
        """Human labels of a run by kind."""
        source = METHODS[run.method].labels
        control = source if source in ("random", "shuffled") else ""
        raters = Raters(self.world(run), self.base(run).pool, self.knobs(run), self.settings["seed"], control)
        return {kind: raters.give(kind, n) for kind, n in run.labels.items()}

    def knobs(self, run: Run) -> Knobs:
        """Knobs as run: those of the grid, but for the flag noise of an arm with matched bits."""
        if METHODS[run.method].labels != "matched_bits":
            return run.knobs
        noise = matched_noise(self.world(run), self.base(run).pool, run.knobs, self.settings["seed"])
        return run.knobs.model_copy(update={"flag_noise": (noise, noise)})

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
