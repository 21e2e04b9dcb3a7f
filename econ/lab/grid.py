"""Grid files: which methods are trained with how many labels in which worlds."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from econ.core.errors import InputError, nearest_name
from econ.core.measurements import DISTRIBUTIONS
from econ.core.shipped import GRIDS, locate
from econ.core.yaml_files import YamlFile, read_yaml
from econ.lab.knobs import Knobs
from econ.lab.methods import METHODS
from econ.lab.policy_settings import OnPolicy, ScorerTraining
from econ.lab.pool import POOL_SIZE
from econ.lab.strategy.grid import check_task


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSize(_Part):
    """The transformer."""

    layers: int = Field(2, ge=1, le=8)
    width: int = Field(32, ge=8, le=512)
    heads: int = Field(2, ge=1, le=8)


class Pretraining(_Part):
    """How base models are made."""

    steps: int = Field(600, ge=1)
    batch: int = Field(192, ge=1)
    lr: float = Field(3e-3, gt=0)
    clip: float = Field(1.0, gt=0)


class Training(_Part):
    """How runs are trained: steps clip(epochs n / batch, min, max), best step by own validation loss."""

    batch: int = Field(64, ge=1)
    epochs: int = Field(12, ge=1)
    min_steps: int = Field(10, ge=1)
    max_steps: int = Field(600, ge=1)
    warm_up: int = Field(10, ge=1)
    clip: float = Field(1.0, gt=0)
    validation_from: int = Field(128, ge=10)
    validation_every: int = Field(10, ge=2)
    check_every: int = Field(20, ge=1)
    patience: int = Field(5, ge=1)


class Evaluation(_Part):
    """What is measured: samples per prompt, distributions, and metrics along training or losses alone.

    `details` is the number of samples per prompt by which violations are measured prompt by prompt and
    rule by rule; without, they are not.
    """

    samples: int = Field(8, ge=1, le=64)
    distributions: tuple[str, ...] = ("id", "ood")
    curves: Literal["losses", "metrics"] = "metrics"
    details: int = Field(0, ge=0, le=64, multiple_of=2)

    @model_validator(mode="after")
    def _known(self) -> Evaluation:
        for name in self.distributions:
            if name not in DISTRIBUTIONS:
                raise ValueError(f"unknown distribution '{name}'; allowed: {', '.join(DISTRIBUTIONS)}")
        return self


class Tuning(_Part):
    """Worlds on which configurations are chosen, in distribution, by helpfulness minus violations."""

    worlds: tuple[int, ...] = (2000, 2001, 2002, 2003)
    samples: int = Field(2, ge=1, le=64)


class Edges(_Part):
    """Configurations to try for the two pure arms of a hybrid, each `config key: values`."""

    npo_ret: dict[str, tuple[float, ...]]
    dpo: dict[str, tuple[float, ...]]


class Arm(_Part):
    """One method over its budgets: `n`, or `a` x `b` where flags and pairs are mixed.

    `config` fixes keys; `tune` lists values to choose from on tuning worlds, at budget `tune_at`
    (each budget if absent); `edges` tunes the pure arms of `hybrid`; `knobs` override the grid's, and
    `sweep` varies some for this arm alone, beside those that the grid sweeps. `worlds`,
    `optimiser_seeds`, `training` and `evaluation` take the place of the grid's, but not in tuning.
    With `halves` labels come from each half of the pool named, so that those of 0 and 1 share none.
    """

    method: str
    n: tuple[int, ...] = ()
    a: tuple[int, ...] = ()
    b: tuple[int, ...] = ()
    flag_share: float | None = Field(None, ge=0, le=1)
    config: dict[str, float] = Field(default_factory=dict)
    tune: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    tune_at: int | None = Field(None, ge=1)
    edges: Edges | None = None
    knobs: dict[str, Any] = Field(default_factory=dict)
    sweep: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    worlds: tuple[int, ...] = ()
    optimiser_seeds: tuple[int, ...] = ()
    training: dict[str, Any] = Field(default_factory=dict)
    evaluation: dict[str, Any] = Field(default_factory=dict)
    halves: tuple[Literal[0, 1], ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Arm:
        method = METHODS.get(self.method)
        if method is None:
            raise ValueError(f"unknown method '{self.method}'; allowed: {', '.join(METHODS)}")
        for keys, known in ((self.config, method.config), (self.tune, method.config)):
            for key in keys:
                if key not in known:
                    raise ValueError(f"'{self.method}' has no configuration key '{key}'; allowed: {', '.join(known)}")
        if self.edges is not None and self.method != "hybrid":
            raise ValueError("only 'hybrid' has edges")
        if self.halves and method.trainer != "offline":
            raise ValueError(f"halves are of labels, and '{self.method}' learns from what it samples too")
        if self.tune_at is not None and self.tune_at > POOL_SIZE and method.kinds != ("verification",):
            raise ValueError(f"a configuration is tuned at up to {POOL_SIZE} labels, found {self.tune_at}")
        self._check_budgets(len(method.kinds))
        return self

    def _check_budgets(self, kinds: int) -> None:
        mixed = bool(self.a or self.b)
        if kinds == 0 and (self.n or mixed):
            raise ValueError(f"'{self.method}' takes no labels, so no n, a or b")
        if kinds == 1 and (mixed or not self.n):
            raise ValueError(f"'{self.method}' needs budgets n, and neither a nor b")
        if kinds == 2 and bool(self.n) == mixed:
            raise ValueError(f"'{self.method}' needs either n (with flag_share) or both a and b")
        if mixed and not (self.a and self.b):
            raise ValueError("a and b go together")
        if METHODS[self.method].kinds == ("verification",):
            # Every sample is verified: the pool does not bound them (`Grid` says of what they are multiples).
            return
        most = POOL_SIZE // 2 if self.halves else POOL_SIZE
        for budget in (*self.n, *self.a, *self.b):
            if not 0 <= budget <= most:
                raise ValueError(f"a budget is from 0 to {most}{' of half a pool' * bool(self.halves)}, found {budget}")

    def budgets(self) -> list[dict[str, int]]:
        """Labels bought by kind, for every budget; without labels one empty budget."""
        kinds = METHODS[self.method].kinds
        if not kinds:
            return [{}]
        if self.n:
            return [self._split(n) for n in self.n]
        # The empty budget is the base model, which has its own arm.
        return [{kinds[0]: a, kinds[1]: b} for a, b in itertools.product(self.a, self.b) if a + b > 0]

    def tuned_at(self, budgets: dict[str, int]) -> dict[str, int]:
        """Labels by kind at which the configuration of a budget is chosen."""
        if self.tune_at is None:
            return budgets
        return self._split(self.tune_at) if self.n else dict.fromkeys(budgets, self.tune_at)

    def _split(self, n: int) -> dict[str, int]:
        """Labels in all, by kind."""
        method = METHODS[self.method]
        kinds, share = method.kinds, method.share if self.flag_share is None else self.flag_share
        if len(kinds) == 1:
            return {kinds[0]: n}
        first = round(share * n)
        return {kinds[0]: first, kinds[1]: n - first}


class Grid(_Part):
    """A grid of training runs."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="short name, also of the result")
    title: str = ""
    description: str = ""
    reductions: tuple[str, ...] = Field((), description="what was left out of the full design, said in words")
    task: Literal["A", "B"] = "A"
    stage: Literal["confirm", "develop", "tune"] = Field(
        "confirm", description="what its runs are for; those of tune try configurations on tuning worlds and decide nothing"
    )
    seed: int = Field(1, ge=0, le=2**32 - 1)
    worlds: tuple[int, ...]
    optimiser_seeds: tuple[int, ...] = (1,)
    model: ModelSize = ModelSize()
    pretraining: Pretraining = Pretraining()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    on_policy: OnPolicy = OnPolicy()
    scorer: ScorerTraining = ScorerTraining()
    tuning: Tuning = Tuning()
    knobs: Knobs = Knobs()
    sweep: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    arms: tuple[Arm, ...]
    runs_per_batch: int = Field(8, ge=1, le=4096, description="runs trained together on a CPU")

    @model_validator(mode="after")
    def _consistent(self) -> Grid:
        swept = (*self.sweep, *(key for arm in self.arms for key in (*arm.knobs, *arm.sweep)))
        for key in swept:
            if key not in Knobs.model_fields:
                near = nearest_name(key, Knobs.model_fields)
                hint = f"; did you mean '{near}'?" if near else ""
                raise ValueError(f"'{key}' is no knob; allowed: {', '.join(Knobs.model_fields)}{hint}")
        check_task(
            self.task, knobs=(*self.knobs.model_fields_set, *swept), methods=[arm.method for arm in self.arms],
            distributions=self.evaluation.distributions, evaluated=self.evaluation.model_fields_set,
        )  # fmt: skip
        for arm in self.arms:
            self.settings(arm)
            self.training_of(arm)
            self.evaluation_of(arm)
            if METHODS[arm.method].kinds == ("verification",):
                self._check_verifications((*arm.n, *(() if arm.tune_at is None else (arm.tune_at,))))
            if not set(arm.worlds) <= set(self.worlds):
                raise ValueError(f"the worlds of arm '{arm.method}' are not all among those of the grid")
        if set(self.worlds) & set(self.tuning.worlds) and any(arm.tune or arm.edges for arm in self.arms):
            raise ValueError("tuning worlds must not be among the worlds of the grid")
        if self.stage == "tune":
            self._check_tuning()
        if len(set(self.worlds)) != len(self.worlds):
            raise ValueError("a world is listed twice")
        return self

    def _check_tuning(self) -> None:
        if any(arm.tune or arm.edges for arm in self.arms):
            raise ValueError("a grid of stage tune tries configurations as they are: its arms take config, not tune or edges")
        if not set(self.worlds) <= set(self.tuning.worlds):
            raise ValueError(f"a grid of stage tune has tuning worlds alone; allowed: {', '.join(map(str, self.tuning.worlds))}")

    def _check_verifications(self, budgets: tuple[int, ...]) -> None:
        of_step = self.on_policy.rollouts
        for budget in budgets:
            if budget < of_step or budget % of_step:
                raise ValueError(f"verifications are bought by the step, in multiples of {of_step}; found {budget}")

    def worlds_of(self, arm: Arm) -> tuple[int, ...]:
        """Worlds in which an arm is measured."""
        return arm.worlds or self.worlds

    def training_of(self, arm: Arm) -> Training:
        """How the runs of an arm are trained; those that tune it are trained as the grid says."""
        return Training.model_validate(self.training.model_dump() | arm.training)

    def evaluation_of(self, arm: Arm) -> Evaluation:
        """What is measured of the runs of an arm."""
        return Evaluation.model_validate(self.evaluation.model_dump() | arm.evaluation)

    def settings(self, arm: Arm | None = None) -> list[Knobs]:
        """Every combination of the swept knobs, with an arm's own in place of them."""
        own = {} if arm is None else arm.knobs
        swept = {key: values for key, values in self.sweep.items() if key not in own}
        swept |= {} if arm is None else arm.sweep
        combined = [
            Knobs.model_validate(self.knobs.model_dump() | own | dict(zip(swept, values, strict=True)))
            for values in itertools.product(*swept.values())
        ]
        return list(dict.fromkeys(combined))


def load_grid(path: str | Path) -> Grid:
    """Read a grid file, or the shipped grid of that name.

    Raises
    ------
    InputError
        If there is no such grid, or a key or value of it cannot be used.
    """
    file = read_yaml(locate(path, GRIDS))
    try:
        return Grid.model_validate(file.data)
    except ValidationError as error:
        raise _input_error(file, error) from None


def _input_error(file: YamlFile, error: ValidationError) -> InputError:
    # An unknown key is told first: what is then missing is often its misspelling.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    keys = tuple(first["loc"])
    unknown = first["type"] == "extra_forbidden"
    valid = _valid_keys(keys[:-1]) if unknown else []
    return InputError(
        "unknown key" if unknown else first["msg"].removeprefix("Value error, "),
        file=file.path, key=".".join(map(str, keys)) or None, line=file.line(keys),
        found=None if unknown or not keys or isinstance(first["input"], dict) else first["input"],
        allowed=", ".join(valid) or None, nearest=nearest_name(keys[-1], valid) if unknown else None,
    )  # fmt: skip


def _valid_keys(path: tuple[Any, ...]) -> list[str]:
    """Keys that the schema allows at a place, for the message about an unknown one."""
    parts: dict[str, type[BaseModel]] = {
        "model": ModelSize, "pretraining": Pretraining, "training": Training, "evaluation": Evaluation,
        "on_policy": OnPolicy, "scorer": ScorerTraining, "tuning": Tuning, "knobs": Knobs, "arms": Arm, "edges": Edges,
    }  # fmt: skip
    names = [str(key) for key in path if str(key) in parts]
    return list(parts[names[-1]].model_fields if names else Grid.model_fields)
