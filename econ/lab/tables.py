"""The files of a finished grid: measurements, curves and manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from econ.core.files import write_parquet
from econ.core.measurements import PASS_AT, write_measurements

if TYPE_CHECKING:
    import pandas as pd

#: Metrics along training; those of the other world are null.
CURVE_METRICS = (
    "violation", "helpfulness", "sycophancy", "over_refusal", "entropy", "kl", *(f"pass_{k}" for k in PASS_AT),
)  # fmt: skip
CURVE_TYPES = {
    "run_id": "string", "step": "int32", "distribution": "string", **dict.fromkeys(CURVE_METRICS, "float32"),
    "train_loss": "float32", "validation_loss": "float32",
}  # fmt: skip
#: Columns of `details.parquet` but for the rates by rule: P(violation) by survival, and the entropy of a
#: token over responses that break no rule and do not refuse, nats.
DETAIL_TYPES = {
    "run_id": "string", "stage": "string", "method": "string", "world": "int32", "optimiser_seed": "int32",
    "half": "Int8", "n": "int32", "samples": "int32", "distribution": "string", "violation": "float32",
    "entropy_compliant": "float32",
}  # fmt: skip
CHURN_TYPES = {
    "run_id": "string", "other_run_id": "string", "compared": "string", "stage": "string", "method": "string",
    "world": "int32", "n": "int32", "distribution": "string", "churn": "float32", "churn_floor": "float32",
    "churn_squared": "float32",
}  # fmt: skip
#: Columns of `scorers.parquet`: one row per run that learned from a reward model or a verifier; AUC by
#: sort of rule of verifiers with a head for each.
SCORER_TYPES = {
    "run_id": "string", "kind": "string", "steps": "int32", "best_step": "int32", "auc_truth": "float32",
    "auc_labels": "float32", "pair_accuracy_truth": "float32", "pair_accuracy_labels": "float32",
    "calibration_error": "float32", **dict.fromkeys(("auc_context", "auc_conjunction", "auc_order"), "float32"),
}  # fmt: skip
#: Strength of the shift of a test distribution; those that shift one part alone have none.
SHIFT = {"id": 0.0, "s0.33": 1 / 3, "s0.67": 2 / 3, "ood": 1.0}
#: Keys by which rows are sorted, so that a table does not depend on the order of execution.
ORDER = ["stage", "method", "n", "a", "b", "v", "world", "optimiser_seed", "lr", "beta", "run_id", "distribution"]


def measurement_table(rows: list[dict[str, Any]], config_hash: str, device: str) -> pd.DataFrame:
    """Rows of all programs as one sorted table."""
    import pandas as pd

    table = pd.DataFrame(rows).assign(config_hash=config_hash)
    # Runs taken over from an earlier result say what they were trained on.
    table["device"] = table["device"].fillna(device) if "device" in table else device
    table["shift"] = table["distribution"].map(SHIFT).astype("float32")
    # As they are stored, or runs taken over would be sorted apart from those trained.
    table = table.astype(dict.fromkeys(("v", "lr", "beta"), "float32"))
    return table.sort_values(ORDER, kind="stable").reset_index(drop=True)


def write_tables(
    folder: Path, rows: list[dict[str, Any]], curves: list[dict[str, Any]], manifest: dict[str, Any]
) -> None:
    """Write `measurements.parquet` and `curves.parquet`."""
    metadata = {"config_hash": manifest["config_hash"], "seed": str(manifest["seed"])}
    table = measurement_table(rows, manifest["config_hash"], manifest["device"])
    write_measurements(table, folder / "measurements.parquet", metadata)
    _write(folder / "curves.parquet", curves, CURVE_TYPES, ["run_id", "step", "distribution"])


def write_scorers(folder: Path, scorers: list[dict[str, Any]]) -> None:
    """Write `scorers.parquet`."""
    whole = [dict.fromkeys(SCORER_TYPES) | row for row in scorers]
    _write(folder / "scorers.parquet", whole, SCORER_TYPES, ["run_id", "kind"])


def write_details(folder: Path, details: list[dict[str, Any]], churn: list[dict[str, Any]]) -> None:
    """Write `details.parquet`, and `churn.parquet` where there are runs to compare."""
    rules = {name: "float32" for name in details[0] if name.startswith("violation_rule_")}
    order = ["stage", "method", "n", "world", "run_id", "distribution"]
    _write(folder / "details.parquet", details, DETAIL_TYPES | rules, order)
    if churn:
        _write(folder / "churn.parquet", churn, CHURN_TYPES, ["compared", *order[:-1], "other_run_id", "distribution"])


def _write(path: Path, rows: list[dict[str, Any]], types: dict[str, str], order: list[str]) -> None:
    """One sorted Parquet file of rows."""
    import pandas as pd

    table = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=own) for name, own in types.items()})
    write_parquet(path, table.sort_values(order, kind="stable").reset_index(drop=True))
