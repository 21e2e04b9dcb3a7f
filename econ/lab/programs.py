"""From a grid to programs: the runs of one (stage, method, budget), cut into batches with a hash each."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, dataclass
from typing import Any

from econ.core.files import content_hash
from econ.lab import RESULTS_VERSION
from econ.lab.accounting import KINDS
from econ.lab.grid import Arm, Evaluation, Grid, ModelSize, Pretraining, Training
from econ.lab.knobs import Knobs
from econ.lab.methods import METHODS
from econ.lab.policy_settings import OnPolicy, ScorerTraining
from econ.lab.pool import POOL_SIZE

#: Bytes of activations per trained token at width 32 and two layers (measured bound).
BYTES_PER_TOKEN = 5_000
#: Memory of one batch of runs, bytes.
MEMORY_BOUND = {"cpu": 2e9, "cuda": 16e9}


@dataclass(frozen=True)
class Run:
    """One training run, fully resolved.

    Attributes
    ----------
    stage, method : str
    world, optimiser_seed : int
    budgets : tuple of (kind, labels)
    knobs : Knobs
    config : tuple of (key, value)
    tuning_judgements : int
        Labels spent on tuning worlds to choose the configuration.
    edge : bool
        The configuration lies on the edge of the values tried.
    half : {None, 0, 1}
        Labels are the first ones of this half of the pool; of the whole, if None.
    """

    stage: str
    method: str
    world: int
    optimiser_seed: int
    budgets: tuple[tuple[str, int], ...]
    knobs: Knobs
    config: tuple[tuple[str, float], ...]
    tuning_judgements: int = 0
    edge: bool = False
    half: int | None = None

    @property
    def start(self) -> int:
        """Prompt of the pool at which the labels begin."""
        return POOL_SIZE // 2 if self.half == 1 else 0

    @property
    def program(self) -> str:
        """`stage/method/budget`."""
        label = "+".join(f"{kind}{n}" for kind, n in self.budgets) or "0"
        return f"{self.stage}/{self.method}/{label}"

    @property
    def labels(self) -> dict[str, int]:
        """Labels bought, by kind, without those of which none is bought."""
        return {kind: n for kind, n in self.budgets if n > 0}

    def plain(self) -> dict[str, Any]:
        """The run as JSON."""
        return asdict(self) | {"knobs": self.knobs.model_dump(mode="json")}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Run:
        """The inverse of `plain`."""
        return cls(
            **plain | {
                "knobs": Knobs.model_validate(plain["knobs"]),
                "budgets": tuple((str(k), int(n)) for k, n in plain["budgets"]),
                "config": tuple((str(k), float(x)) for k, x in plain["config"]),
            }
        )  # fmt: skip


@dataclass(frozen=True)
class Task:
    """What one worker does at a time and one checkpoint holds: bases of some worlds, or a batch of runs.

    Attributes
    ----------
    kind : {"pretrain", "scorer", "train"}
    settings : dict
        The parts of the grid on which results depend.
    items : tuple of dict
        Worlds with their knobs, runs of `scorer_run`, or runs.
    """

    kind: str
    program: str
    settings: dict[str, Any]
    items: tuple[dict[str, Any], ...]

    @property
    def hash(self) -> str:
        """Name of the checkpoint: changes with anything that can change a result."""
        items = [_without_defaults(item) for item in self.items]
        if self.kind == "pretrain":
            own = {key: value for key, value in self.settings.items() if key not in _SAMPLING}
        elif self.kind == "scorer":
            own = _of_scorer(self.settings)
        else:
            own = _of_method(self.settings, self.items[0]["method"])
        return content_hash([self.kind, _hashed(own), items, RESULTS_VERSION])[:24]


#: Settings of those methods alone that sample, or that learn a scorer.
_SAMPLING = ("on_policy", "scorer")


def _of_method(settings: dict[str, Any], method: str) -> dict[str, Any]:
    """Settings of one method: it does not matter what the others need."""
    own = METHODS[method]
    needless = {"on_policy": not own.algorithm, "scorer": not own.scorer and own.trainer != "ai_feedback"}
    kept = {key: value for key, value in settings.items() if not needless.get(key, False)}
    return kept | {"candidates": own.candidates}


def _of_scorer(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings on which a scorer depends."""
    return {key: value for key, value in settings.items() if key not in ("on_policy", "evaluation", "candidates")}


def _hashed(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings without what is left at its default, so that a new key with a default changes no hash."""
    parts = {
        "model": ModelSize, "pretraining": Pretraining, "training": Training, "evaluation": Evaluation,
        "on_policy": OnPolicy, "scorer": ScorerTraining,
    }  # fmt: skip
    return {
        key: differing(value, parts[key]().model_dump(mode="json")) if key in parts else value
        for key, value in settings.items()
    }


def _without_defaults(item: dict[str, Any]) -> dict[str, Any]:
    if "knobs" not in item:
        return item
    item = {key: value for key, value in item.items() if key != "half" or value is not None}
    return item | {"knobs": differing(item["knobs"], Knobs().model_dump(mode="json"))}


def differing(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Values that are not the default."""
    return {key: value for key, value in values.items() if value != defaults[key]}


def grid_hash(grid: Grid) -> str:
    """Hash of a grid's configuration, without what is left at its default."""
    return content_hash([grid.model_dump(mode="json", exclude_defaults=True), RESULTS_VERSION])


def result_settings(grid: Grid, candidates: int, arm: Arm | None = None) -> dict[str, Any]:
    """The parts of a grid on which every run depends, with an arm's own in place of them."""
    # World A is the default, left out as all defaults are, so that its hashes name no task.
    task = () if grid.task == "A" else ("task",)
    keys = ("seed", "model", "pretraining", "training", "evaluation", *_SAMPLING, *task)
    plain = {key: grid.model_dump(mode="json")[key] for key in keys} | {"candidates": candidates}
    if arm is not None:
        own = {"training": grid.training_of(arm), "evaluation": grid.evaluation_of(arm)}
        plain |= {key: part.model_dump(mode="json") for key, part in own.items()}
    return plain


def task_of(settings: dict[str, Any]) -> str:
    """The world of a grid, A or B."""
    return str(settings.get("task", "A"))


def candidates_needed(grid: Grid) -> int:
    """Base samples per prompt that the methods of a grid need."""
    return max(METHODS[arm.method].candidates for arm in grid.arms)


def run_id(run: Run, settings: dict[str, Any]) -> str:
    """Hash of a run's resolved configuration."""
    own = _hashed(_of_method(settings, run.method))
    return content_hash([_without_defaults(run.plain()), own, RESULTS_VERSION])[:16]


def scorer_run(run: Run) -> Run:
    """A run reduced to what its learned scorer depends on; methods that ask for the same one agree in it."""
    method = METHODS[run.method]
    same = next(
        own.name for own in METHODS.values()
        if (own.scorer, own.kinds, own.labels) == (method.scorer, method.kinds, method.labels)
    )  # fmt: skip
    reference = Knobs()
    of_verifiers = {key: getattr(reference, key) for key in ("verifier_error", "verifier_errors")}
    return Run(
        "scorer", same, run.world, run.optimiser_seed, run.budgets, run.knobs.model_copy(update=of_verifiers), ()
    )  # fmt: skip


def scorer_hash(run: Run, settings: dict[str, Any]) -> str:
    """Name of a stored scorer, of a run of `scorer_run`."""
    item = _without_defaults(run.plain())
    return content_hash(["scorer", item, _hashed(_of_scorer(settings)), RESULTS_VERSION])[:24]


def base_item(world: int, knobs: Knobs, task: str = "A") -> dict[str, Any]:
    """What a base model and its pool depend on, besides the settings."""
    return {"world": world, **knobs.of_world(task)}


def base_hash(item: dict[str, Any], settings: dict[str, Any]) -> str:
    """Name of a base model's file; evaluation and training have no part in it."""
    keys = ("seed", "model", "pretraining", "candidates", "task")
    own: dict[str, Any] = {key: settings[key] for key in keys if key in settings}
    return content_hash(["base", item, _hashed(own), RESULTS_VERSION])[:24]


def pretraining_tasks(
    knobs: list[Knobs], worlds: tuple[int, ...], settings: dict[str, Any], batch: int = 4
) -> list[Task]:
    """Base models of all worlds under all knobs that matter to them, a few worlds to a task."""
    task = task_of(settings)
    variants = {repr(one.of_world(task)): one for one in knobs}
    return [
        Task("pretrain", "base", settings, tuple(base_item(world, one, task) for world in block))
        for one in variants.values() for block in _batched(worlds, batch)
    ]  # fmt: skip


def base_tasks(runs: list[Run], settings: dict[str, Any]) -> list[Task]:
    """Base models that some runs start from."""
    task = task_of(settings)
    needed: dict[str, tuple[Knobs, dict[int, None]]] = {}
    for run in runs:
        needed.setdefault(repr(run.knobs.of_world(task)), (run.knobs, {}))[1][run.world] = None
    return [own for knobs, worlds in needed.values() for own in pretraining_tasks([knobs], tuple(sorted(worlds)), settings)]


def _batched(values: Any, size: int) -> list[Any]:
    values = list(values)
    return [tuple(values[i : i + size]) for i in range(0, len(values), size)]


def batches(runs: list[Run], settings: dict[str, Any], per_batch: int, device: str = "cpu") -> list[Task]:
    """Tasks of one batch of runs each: runs of one program, as many as memory and the grid allow."""
    tasks = []
    for program, group in itertools.groupby(sorted(runs, key=lambda r: r.program), key=lambda r: r.program):
        own = list(group)
        size = max(1, min(per_batch, int(MEMORY_BOUND[device] // bytes_per_run(own[0], settings))))
        tasks += [
            Task("train", program, settings, tuple(run.plain() for run in block)) for block in _batched(own, size)
        ]
    return sorted(tasks, key=lambda t: (t.items[0]["world"] // 8, -work(t)))


def scorer_tasks(runs: list[Run], settings: dict[str, Any], per_batch: int) -> list[Task]:
    """The scorers that runs learn from, each once, a few of one kind and budget to a task."""
    needed = dict.fromkeys(scorer_run(run) for run in runs if METHODS[run.method].scorer)
    tasks = []
    for program, group in itertools.groupby(sorted(needed, key=lambda r: r.program), key=lambda r: r.program):
        blocks = _batched(group, per_batch)
        tasks += [Task("scorer", program, settings, tuple(run.plain() for run in block)) for block in blocks]
    return sorted(tasks, key=lambda t: (t.items[0]["world"] // 8, -work(t)))


def bytes_per_run(run: Run, settings: dict[str, Any]) -> int:
    """Bound on the memory that training one run takes."""
    model, batch = settings["model"], settings["training"]["batch"]
    scale = model["layers"] * model["width"] / 64
    return int(BYTES_PER_TOKEN * scale * batch * 9 * max(1, sum(KINDS[kind].sequences for kind in run.labels)))


def work(task: Task) -> float:
    """Sequences trained and sampled in a task, for the order of execution and the estimate of time."""
    if task.kind == "pretrain":
        return float(len(task.items) * task.settings["pretraining"]["steps"] * task.settings["pretraining"]["batch"])
    if task.kind == "scorer":
        scorer, sequences = task.settings["scorer"], sum(KINDS[kind].sequences for kind, _ in task.items[0]["budgets"])
        return float(len(task.items) * scorer["min_steps"] * scorer["batch"] * sequences)
    training = task.settings["training"]
    total = 0.0
    for item in task.items:
        if METHODS[item["method"]].algorithm:
            spec = OnPolicy(**task.settings["on_policy"])
            bought = dict(item["budgets"]).get("verification")
            total += (spec.steps * spec.rollouts if bought is None else bought) * 2
        for kind, n in item["budgets"] if METHODS[item["method"]].objective else ():
            steps = min(max(training["epochs"] * n // training["batch"], training["min_steps"]), training["max_steps"])
            total += (n > 0) * steps * training["batch"] * KINDS[kind].sequences
        # Sampling a token takes a third of the operations of training on one.
        total += 2560 * task.settings["evaluation"]["samples"] / 3
    return total


def tuning_score(row: dict[str, Any]) -> float:
    """By what configurations are chosen: helpfulness minus violations; in World B, pass@1."""
    return float(row["pass_1"] if row["task"] == "B" else row["helpfulness"] - row["violation"])


# Runs of an arm ------------------------------------------------------------------------------------
def plain_runs(
    grid: Grid, arm: Arm, stage: str, worlds: tuple[int, ...], budgets: dict[str, int],
    config: dict[str, float], knobs: Knobs, tuning_judgements: int = 0, edge: bool = False,
) -> list[Run]:  # fmt: skip
    """Runs of one budget and configuration in all worlds and optimiser seeds."""
    full = METHODS[arm.method].config | config
    if budgets.get("flag") == 0 and "w" in full:
        # Without flags w would only scale the loss: the edge of a hybrid is plain DPO.
        full["w"] = 1.0
    return [
        Run(
            stage, arm.method, world, seed, tuple(budgets.items()), knobs,
            tuple(sorted(full.items())), tuning_judgements, edge, half,
        )
        for half in arm.halves or (None,)
        for seed in arm.optimiser_seeds or grid.optimiser_seeds
        for world in worlds
    ]  # fmt: skip


def configurations(values: dict[str, tuple[float, ...]]) -> list[dict[str, float]]:
    """Every combination of the values to try."""
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


def on_edge(config: dict[str, float], values: dict[str, tuple[float, ...]]) -> bool:
    """Whether a chosen value is the least or greatest of at least three tried."""
    return any(len(tried) > 2 and config[key] in (min(tried), max(tried)) for key, tried in values.items())


def hybrid_config(flags: dict[str, float], pairs: dict[str, float], w: float, a: int, b: int) -> dict[str, float]:
    """Configuration of a hybrid from those of its pure arms, so that its edges are the pure arms.

    Inside, the rate is the geometric mean of the two; on an edge it is the arm's own.
    """
    mean = math.sqrt(flags["lr"] * pairs["lr"])
    return {
        "lr": flags["lr"] if b == 0 else pairs["lr"] if a == 0 else mean,
        "beta_flag": flags["beta"], "eta": flags["eta"], "beta": pairs["beta"],
        "w": w if a > 0 and b > 0 else 1.0,
    }  # fmt: skip
