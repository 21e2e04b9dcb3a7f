"""What is to be run: scenarios, seed, replicates, horizon, and the blocks that they are cut into.

The blocks depend on the configuration alone, never on the number of workers or on what was
interrupted; so the same command gives the same numbers to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from econ.core.errors import InputError
from econ.core.files import content_hash
from econ.core.provenance import source_hash

if TYPE_CHECKING:
    from econ.scenario import Scenario
    from econ.surfaces import Surfaces

#: Replicates per block on a CPU: large enough to amortise array calls (0.14, 0.09, 0.06 and 0.05 s of CPU per
#: replicate in blocks of 8, 16, 32 and 64), small enough to resume and to share out the 64 replicates of a shipped scenario.
BLOCK_CPU = 32
#: Replicates per block on a GPU, where the launch of a kernel costs more than its arithmetic.
BLOCK_CUDA = 256
#: Labelers per block, over all its replicates: bounds its memory to about half a gigabyte.
BLOCK_LABELERS = 2_000_000
#: Quarters of the burn-in that are reported, since changes are measured against quarter -1.
REPORTED_BURN_IN = 8
#: Seeds, replicates and quarters are 32-bit words of the random streams' keys and counters.
LARGEST_WORD = 2**32 - 1
LONGEST_HORIZON = 400
#: Packages whose code decides the numbers of a block.
NUMBER_PACKAGES = ("core", "scenario", "surfaces", "market")


@dataclass(frozen=True)
class Block:
    """Consecutive replicates of one scenario: the unit of work, of storage and of resuming."""

    scenario: int
    index: int
    first: int
    size: int

    @property
    def replicates(self) -> range:
        """Ids of the replicates."""
        return range(self.first, self.first + self.size)


@dataclass(frozen=True)
class Design:
    """A fully determined ensemble.

    Attributes
    ----------
    scenarios : tuple of Scenario
        The first is the baseline of comparisons.
    surfaces : Surfaces
        The response surfaces, shared by all scenarios.
    seed : int
        In [0, 2**32 - 1], shared by all scenarios: common random numbers.
    replicates : int
        Number of replicates of each scenario, with ids 0 to replicates - 1.
    quarters : int
        Reported quarters after the burn-in.
    device : str
        ``cpu`` or ``cuda``.
    precision : str
        ``float64`` or ``float32``.
    block_size : int
        Replicates per block.
    """

    scenarios: tuple[Scenario, ...]
    surfaces: Surfaces
    seed: int
    replicates: int
    quarters: int
    device: str
    precision: str
    block_size: int

    @property
    def names(self) -> list[str]:
        """Names of the scenarios, in order."""
        return [scenario.name for scenario in self.scenarios]

    @property
    def reported_quarters(self) -> range:
        """Quarters that stand in the results."""
        return range(-REPORTED_BURN_IN, self.quarters)

    def blocks(self) -> list[Block]:
        """All blocks, scenario by scenario, replicates in order."""
        return [
            Block(scenario, index, first, min(self.block_size, self.replicates - first))
            for scenario in range(len(self.scenarios))
            for index, first in enumerate(range(0, self.replicates, self.block_size))
        ]

    @property
    def block_count(self) -> int:
        """Number of blocks, without listing them."""
        return len(self.scenarios) * -(-self.replicates // self.block_size)

    def configuration(self) -> dict[str, Any]:
        """Everything that decides the results, as plain JSON values."""
        return {
            "scenarios": {scenario.name: scenario.resolved() for scenario in self.scenarios},
            "surfaces": self.surfaces.hash,
            "seed": self.seed,
            "replicates": self.replicates,
            "quarters": self.quarters,
            "device": self.device,
            "precision": self.precision,
        }

    @cached_property
    def config_hash(self) -> str:
        """SHA-256 of the configuration."""
        return content_hash(self.configuration())

    @cached_property
    def block_hash(self) -> str:
        """SHA-256 of all that decides a stored block: the configuration, the layout and the code."""
        return content_hash([self.config_hash, self.block_size, code_hash()])


def plan(
    scenarios: Sequence[Scenario],
    surfaces: Surfaces | None = None,
    *,
    seed: int = 1,
    replicates: int | None = None,
    quarters: int | None = None,
    device: str = "cpu",
    precision: str = "float64",
) -> Design:
    """Check what was asked for and determine the rest.

    Replicates and quarters not given are those of the first scenario. Surfaces not given are those
    that the scenarios name.

    Raises
    ------
    InputError
        If there is no scenario, two share a name, they name different surfaces, or a number is out of range.
    """
    if not scenarios:
        raise InputError("at least one scenario is needed")
    names = [scenario.name for scenario in scenarios]
    for name in names:
        if names.count(name) > 1:
            raise InputError("two scenarios have the same name; give each its own", key="name", found=name)
    replicates = scenarios[0].replicates if replicates is None else replicates
    quarters = scenarios[0].quarters if quarters is None else quarters
    _within("seed", seed, 0, LARGEST_WORD)
    _within("replicates", replicates, 1, LARGEST_WORD)
    _within("quarters", quarters, 1, LONGEST_HORIZON)
    return Design(
        scenarios=tuple(scenarios),
        surfaces=_shared_surfaces(scenarios) if surfaces is None else surfaces,
        seed=seed,
        replicates=replicates,
        quarters=quarters,
        device=device,
        precision=precision,
        block_size=_block_size(scenarios, device),
    )


def _block_size(scenarios: Sequence[Scenario], device: str) -> int:
    labelers = max(scenario.population.labelers for scenario in scenarios)
    return max(1, min(BLOCK_CUDA if device == "cuda" else BLOCK_CPU, BLOCK_LABELERS // labelers))


def check_reported_quarter(design: Design, quarter: int) -> None:
    """Refuse a quarter that stands in no result of the design.

    Raises
    ------
    InputError
    """
    if quarter not in design.reported_quarters:
        allowed = f"{-REPORTED_BURN_IN} to {design.quarters - 1}"
        raise InputError("no such quarter", key="ledger", found=quarter, allowed=allowed)


def _within(key: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(
            "out of range", key=key, found=value, allowed=f"a whole number from {low} to {high:,}"
        )


def _shared_surfaces(scenarios: Sequence[Scenario]) -> Surfaces:
    """The surfaces that all scenarios name: differences between other surfaces would not be paired."""
    from econ.surfaces import load_surfaces

    first = scenarios[0]
    for other in scenarios[1:]:
        if other.surfaces != first.surfaces:
            raise InputError(
                f"scenarios '{first.name}' and '{other.name}' name different surfaces; run them one by one",
                key="surfaces",
                found=other.surfaces,
            )
    return load_surfaces(first.surfaces)


def code_hash() -> str:
    """SHA-256 of the package's source that decides the numbers, so that no resume mixes two versions."""
    return source_hash(*NUMBER_PACKAGES)
