"""One point of a sweep: its replicates, as the bytes of a Parquet file."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from econ.core.files import content_hash
from econ.ensemble.design import Design, code_hash
from econ.ensemble.statistics import mean_and_error
from econ.ensemble.window import in_window
from econ.ensemble.workers import simulate_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from econ.scenario import Scenario
    from econ.surfaces import Surfaces

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
    names, quarters = tuple(blocks[0].outcomes), np.array(design.reported_quarters)
    # [outcome, replicate, quarter]
    values = np.concatenate([np.stack([block.outcomes[name] for name in names]) for block in blocks], axis=1)
    facts = {
        "config_hash": task.config_hash, "point": task.index, "seed": task.seed,
        "replicates": task.replicates, "failed": {str(k): reason for k, reason in failed.items()},
        "summary": dict(zip(names, _summary(values[..., in_window(quarters)]), strict=True)),
    }  # fmt: skip
    rows = len(replicates) * len(quarters)
    # NaN is null; columns are slices of one array, since making each would take longer than the summary.
    flat = pa.array(values.reshape(-1), from_pandas=True)
    columns = {
        "replicate": pa.array(np.repeat(replicates, len(quarters))),
        "quarter": pa.array(np.tile(quarters.astype(np.int16), len(replicates))),
        **{name: flat.slice(i * rows, rows) for i, name in enumerate(names)},
    }
    return PointFile(task, _parquet(pa.table(columns), facts), facts)


def _parquet(table: pa.Table, facts: dict[str, Any]) -> bytes:
    """The table as a Parquet file that carries `facts`.

    Every value is its own: dictionaries and statistics would only cost time, and zstd twice as much as lz4;
    Arrow's copy of the schema would be half of a small file.
    """
    stream = pa.BufferOutputStream()
    with pq.ParquetWriter(
        stream, table.schema, compression="lz4", use_dictionary=False, write_statistics=False, store_schema=False
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({METADATA: json.dumps(facts)})
    content: bytes = stream.getvalue().to_pybytes()
    return content


def _summary(values: NDArray[np.float64]) -> list[list[float | None]]:
    """Mean, standard deviation and Monte Carlo error of each outcome [outcome, replicate, quarter] over all its quarters."""
    by_replicate, *_ = mean_and_error(np.ascontiguousarray(values.transpose(2, 1, 0)))
    mean, sd, error, _ = mean_and_error(by_replicate)
    triples = np.stack([mean, sd, error], axis=1).tolist()
    return [[x if math.isfinite(x) else None for x in triple] for triple in triples]


def point_facts(content: bytes) -> dict[str, Any]:
    """What a point's file says about itself."""
    schema = pq.read_schema(io.BytesIO(content))
    facts: dict[str, Any] = json.loads(schema.metadata[METADATA])
    return facts
