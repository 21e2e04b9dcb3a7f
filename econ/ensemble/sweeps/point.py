"""One point of a sweep: its replicates, as the bytes of a Parquet file."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from econ.core.files import content_hash
from econ.ensemble.design import Design, code_hash
from econ.ensemble.statistics import mean_and_error
from econ.ensemble.workers import simulate_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from econ.scenario import Scenario
    from econ.surfaces import Surfaces

#: Quarters at the end over which a point's summary averages: two years.
LAST_QUARTERS = 8
#: Key of the point's own facts in the metadata of its Parquet file.
METADATA = b"econ"


@dataclass(frozen=True)
class PointTask:
    """A point to be computed.

    Attributes
    ----------
    index : int
        Place in the design, from 0.
    scenario : Scenario
    seed, replicates, quarters, block_size : int
        As of `Design`.
    config_hash : str
        SHA-256 of all that decides the result, the code included.
    """

    index: int
    scenario: Scenario
    seed: int
    replicates: int
    quarters: int
    block_size: int
    config_hash: str


@dataclass(frozen=True)
class PointFile:
    """A computed point: the content of its Parquet file, and what that file says about itself."""

    task: PointTask
    content: bytes
    facts: dict[str, Any]


def point_hash(design: Design) -> str:
    """SHA-256 of all that decides a point's result."""
    return content_hash([design.config_hash, design.block_size, code_hash()])


def compute_point(surfaces: Surfaces, simulate: Callable[..., Any], task: PointTask) -> PointFile:
    """Simulate all replicates of a point; those that fail are named in the file and left out of it."""
    design = Design(
        (task.scenario,), surfaces, task.seed, task.replicates, task.quarters, "cpu", "float64", task.block_size
    )  # fmt: skip
    blocks = [simulate_block(design, simulate, block) for block in design.blocks()]
    replicates = np.concatenate([block.replicates for block in blocks])
    failed = {replicate: reason for block in blocks for replicate, reason in block.failed.items()}
    outcomes = {
        name: np.concatenate([block.outcomes[name] for block in blocks]) for name in blocks[0].outcomes
    }
    quarters = np.array(design.reported_quarters)
    facts = {
        "config_hash": task.config_hash, "point": task.index, "seed": task.seed,
        "replicates": task.replicates, "failed": {str(k): reason for k, reason in failed.items()},
        "summary": _summary(outcomes),
    }  # fmt: skip
    columns = {
        "replicate": np.repeat(replicates, len(quarters)),
        "quarter": np.tile(quarters.astype(np.int16), len(replicates)),
        **{name: _column(values.reshape(-1)) for name, values in outcomes.items()},
    }
    table = pa.table(columns).replace_schema_metadata({METADATA: json.dumps(facts).encode()})
    buffer = io.BytesIO()
    # Every value is its own: dictionaries and statistics would only cost time, and zstd twice as much as snappy.
    pq.write_table(table, buffer, compression="snappy", use_dictionary=False, write_statistics=False)
    return PointFile(task, buffer.getvalue(), facts)


def _column(values: NDArray[np.float64]) -> pa.Array:
    """A column in which NaN is null; without one, the values are not even copied."""
    return pa.array(values, type=pa.float64(), from_pandas=bool(np.isnan(values).any()))


def _summary(outcomes: Mapping[str, NDArray[np.float64]]) -> dict[str, list[float | None]]:
    """Mean, standard deviation and Monte Carlo error of each outcome over the last two years."""
    last = np.stack([values[:, -LAST_QUARTERS:] for values in outcomes.values()], axis=-1)
    by_replicate, *_ = mean_and_error(last.transpose(1, 0, 2))
    mean, sd, error, _ = mean_and_error(by_replicate)
    triples = np.stack([mean, sd, error], axis=1).tolist()
    return {
        name: [x if math.isfinite(x) else None for x in triple]
        for name, triple in zip(outcomes, triples, strict=True)
    }


def point_facts(content: bytes) -> dict[str, Any]:
    """What a point's file says about itself."""
    schema = pq.read_schema(io.BytesIO(content))
    facts: dict[str, Any] = json.loads(schema.metadata[METADATA])
    return facts
