"""What rewards and examiners that know the truth ask of the worlds of a batch; `job.Context` answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from econ.lab.pool import POOL_SIZE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from econ.lab.evaluation import Setting
    from econ.lab.labels import Labels
    from econ.lab.model import Architecture
    from econ.lab.pool import Pool
    from econ.lab.pretraining import Base
    from econ.lab.programs import Run
    from econ.lab.world import World


@dataclass(frozen=True)
class Fresh:
    """What a scorer is judged on.

    Attributes
    ----------
    pool : Pool
        The run's pool with N fresh prompts and two samples of each after its end, where the draws of its
        raters go on.
    prompt : (N, 4) int64
        Token ids of the fresh prompts.
    violates : (N, 2) bool
    utility : (N, 2) float64
        True utility of each response.
    broken : (N, 2) int64
        Bit k is set where rule k is broken; of World B, which has no rules, 0.
    """

    pool: Pool
    prompt: NDArray[np.int64]
    violates: NDArray[np.bool_]
    utility: NDArray[np.float64]
    broken: NDArray[np.int64]

    @property
    def responses(self) -> NDArray[np.int64]:
        """The fresh samples, (N, 2, L)."""
        return self.pool.responses[POOL_SIZE:]


class Judges(Protocol):
    """Raters of any world."""

    def give(self, kind: str, n: int, start: int = 0) -> Labels:
        """The n labels of a kind from prompt `start` of the pool on."""


class Truth(Protocol):
    """Worlds, base models and rules of runs: for upper bounds and for judging, never for training on labels."""

    settings: dict[str, Any]
    device: str

    def base(self, run: Run) -> Base:
        """Base model and pool of a run's world."""

    def world(self, run: Run) -> World:
        """The world of a run."""

    def setting(self, run: Run) -> Setting:
        """How a run is evaluated."""

    def raters(self, run: Run, pool: Pool) -> Judges:
        """Those who judge a pool for a run."""

    def fresh(self, arch: Architecture, base: Tensor, run: Run) -> Fresh:
        """Prompts and samples beyond the pool, on which a scorer of a run is judged."""
