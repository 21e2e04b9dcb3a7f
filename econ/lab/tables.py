"""The files of a finished grid: measurements, curves and manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from econ.core.files import atomic_file, write_json
from econ.core.measurements import write_measurements

if TYPE_CHECKING:
    import pandas as pd

CURVE_TYPES = {
    "run_id": "string", "step": "int32", "distribution": "string", "violation": "float32", "helpfulness": "float32",
    "sycophancy": "float32", "over_refusal": "float32", "entropy": "float32", "kl": "float32",
    "train_loss": "float32", "validation_loss": "float32",
}  # fmt: skip
#: Strength of the shift of a test distribution; those that shift one part alone have none.
SHIFT = {"id": 0.0, "s0.33": 1 / 3, "s0.67": 2 / 3, "ood": 1.0}
#: Keys by which rows are sorted, so that a table does not depend on the order of execution.
ORDER = ["stage", "method", "n", "a", "b", "v", "world", "optimiser_seed", "lr", "beta", "run_id", "distribution"]


def measurement_table(rows: list[dict[str, Any]], config_hash: str, device: str) -> pd.DataFrame:
    """Rows of all programs as one sorted table."""
    import pandas as pd

    table = pd.DataFrame(rows).assign(config_hash=config_hash, device=device)
    table["shift"] = table["distribution"].map(SHIFT).astype("float32")
    return table.sort_values(ORDER, kind="stable").reset_index(drop=True)


def write_tables(
    folder: Path, rows: list[dict[str, Any]], curves: list[dict[str, Any]], manifest: dict[str, Any]
) -> None:
    """Write `measurements.parquet`, `curves.parquet` and `manifest.json`."""
    import pandas as pd

    metadata = {"config_hash": manifest["config_hash"], "seed": str(manifest["seed"])}
    table = measurement_table(rows, manifest["config_hash"], manifest["device"])
    write_measurements(table, folder / "measurements.parquet", metadata)
    columns = {name: pd.Series([row[name] for row in curves], dtype=dtype) for name, dtype in CURVE_TYPES.items()}
    curve_table = pd.DataFrame(columns).sort_values(["run_id", "step", "distribution"], kind="stable")
    with atomic_file(folder / "curves.parquet") as temporary:
        curve_table.reset_index(drop=True).to_parquet(temporary, compression="zstd", index=False)
    write_json(folder / "manifest.json", manifest)
