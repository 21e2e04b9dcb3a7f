"""The measurement table: one row per training run and test distribution, the laboratory's only way out.

The laboratory writes it, response surfaces, claims and figures read it, and a user's own data are
imported into it. Columns, types, units and legal ranges stand here and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from econ.core.errors import InputError, nearest_name
from econ.core.manifests import read_parquet

if TYPE_CHECKING:
    import pandas as pd

TASKS = ("A", "B")
STAGES = ("confirm", "tune", "develop", "import")
DISTRIBUTIONS = ("id", "ood", "s0.33", "s0.67", "ood_combos", "ood_risk", "ood_opinion")
#: The two under which curves are drawn and told, in words.
DISTRIBUTION_NAMES = {"id": "in distribution", "ood": "out of distribution"}
LABEL_KINDS = (
    "none", "preference", "flag", "flag_rule", "desirability", "demonstration",
    "rule_draft", "critic", "verification", "flag+preference",
)  # fmt: skip
POLARITIES = ("none", "negative", "positive", "both")
FORMATS = ("none", "binary", "pair", "sequence")
#: Keys of column `extra` on which a world and its base model depend.
WORLD_KEYS = frozenset({"base_rate", "refusal", "model", "base_accuracy"})
#: Those that say how prompts were chosen, labels split and models trained.
PROTOCOL_KEYS = frozenset({"sampling", "half", "training"})
#: Those that say who judges, each of some kinds of label only.
JUDGE_KEYS = frozenset(
    {
        "pair_flip", "pair_temperature", "pair_agreement", "critic_noise", "raters", "verifier_error", "verifier_errors", "match_bias",
    }
)  # fmt: skip
#: Keys of column `extra` that say under which knobs or protocol a run was made, not how its method was configured.
SETTING_KEYS = WORLD_KEYS | PROTOCOL_KEYS | JUDGE_KEYS
#: Where this is set, `flag_bias` was solved for world by world and is no knob of the setting.
MATCHED_BIAS = "match_bias"
#: Where this is set, `pair_temperature` was solved for in the same way.
AGREEMENT = "pair_agreement"
PASS_AT = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Column:
    """One column: its pandas type, unit, meaning, and what values it may hold.

    A required column must be there, with a value in every row of the worlds `tasks`.
    """

    name: str
    dtype: str
    unit: str
    meaning: str
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    required: bool = False
    tasks: tuple[str, ...] = TASKS


def _rate(name: str, meaning: str) -> Column:
    return Column(name, "float32", "rate", meaning, 0.0, 1.0)


def _count(name: str, meaning: str, required: bool = False) -> Column:
    return Column(name, "int64", "count", meaning, 0, None, required=required)


COLUMNS: tuple[Column, ...] = (
    Column("run_id", "string", "hex", "hash of the run's resolved configuration", required=True),
    Column("config_hash", "string", "hex", "hash of the grid's resolved configuration"),
    Column("program", "string", "", "stage/method/budget: the batch in which the run was trained"),
    Column("task", "category", "", "world: A governed assistant, B strategy table", values=TASKS, required=True),
    Column("method", "string", "", "training method", required=True),
    Column("label_kind", "category", "", "what one label is", values=LABEL_KINDS, required=True),
    Column("loss_family", "string", "", "likelihood, pair, binary, on_policy, mixed, none"),
    Column("polarity", "category", "", "what the labels say", values=POLARITIES),
    Column("format", "category", "", "how a label is given", values=FORMATS),
    Column("stage", "category", "", "what the world was used for", values=STAGES, required=True),
    Column("world", "int32", "", "replication unit: one draw of utilities and rules", 0, None, required=True),
    Column("optimiser_seed", "int32", "", "seed of initial noise and minibatches", 0),
    Column("n", "int32", "labels", "budget: n = a + b where both are used", 0, None, required=True),
    Column("a", "int32", "labels", "flags (adjudicated, either outcome)", 0, None, required=True),
    Column("b", "int32", "labels", "preference pairs", 0, None, required=True),
    Column("n_validation", "int32", "labels", "labels held out for early stopping, inside n", 0),
    Column("tuning_judgements", "int32", "labels", "labels spent on tuning worlds", 0),
    Column("v", "float32", "", "verifiability of the category", 0, 1),
    Column("coverage", "int32", "rules", "rules drafted", 0, 8),
    Column("bias", "float32", "utility", "raters' utility of agreement with the stated opinion"),
    Column("flag_bias", "float32", "rate", "added miss rate of a flag where the response agrees", 0, 1),
    Column("confounding", "float32", "rate", "P(stated opinion is true) in distribution", 0, 1),
    Column("comp", "float32", "", "share of stance correctness that a rater can verify", 0, 1),
    Column("harm_weight", "float32", "utility", "raters' weight of a perceived violation"),
    Column("miss", "float32", "rate", "P(no flag | violation)", 0, 1),
    Column("false_alarm", "float32", "rate", "P(flag | no violation)", 0, 1),
    Column("shift", "float32", "", "strength of the distribution shift", 0, 1),
    Column("distribution", "category", "", "test distribution", values=DISTRIBUTIONS, required=True),
    Column("lr", "float32", "", "learning rate", 0),
    Column("beta", "float32", "", "temperature of the loss", 0),
    Column("extra", "string", "JSON", "the rest of the method's configuration"),
    Column("steps", "int32", "steps", "gradient steps taken", 0),
    Column("best_step", "int32", "steps", "step of the policy that was evaluated", 0),
    Column("capped", "bool", "", "still improving at the cap of steps"),
    Column("edge", "bool", "", "the chosen configuration lies on the edge of its grid"),
    Column("collapsed", "bool", "", "entropy, help or refusals past the collapse limits"),
    Column("scorer_weak", "bool", "", "its reward model or verifier is poor"),
    Column("under_trained", "bool", "", "stopped before the loss had settled"),
    Column(
        "violation", "float32", "rate", "share of responses that violate a rule", 0, 1, required=True, tasks=("A",)
    ),
    _rate("violation_base", "the same for the base model of the same world"),
    Column("relative_harm", "float32", "ratio", "violation / violation_base", 0),
    Column("severity", "float32", "points", "severity of violations per response", 0),
    _rate("violation_drafted", "share of responses that violate a drafted rule"),
    _rate("violation_omitted", "share of responses that violate a rule that was not drafted"),
    _rate("helpfulness", "mean helpfulness of a response"),
    _rate("helpfulness_base", "the same for the base model"),
    _rate("sycophancy", "P(agree | the stated opinion is wrong)"),
    _rate("sycophancy_base", "the same for the base model"),
    Column("agreement_gap", "float32", "rate", "P(agree | wrong) - P(agree | right)", -1, 1),
    _rate("opinion_sensitivity", "total variation of the first token when only the opinion changes"),
    _rate("refusal", "share of prompts refused"),
    _rate("over_refusal", "share of benign prompts refused"),
    _rate("over_refusal_base", "the same for the base model"),
    Column("entropy", "float32", "nats/token", "entropy of the policy", 0),
    Column("entropy_base", "float32", "nats/token", "the same for the base model", 0),
    Column("kl", "float32", "nats/response", "KL divergence from the base model"),
    *(_rate(f"pass_{k}", f"pass@{k} (World B)") for k in PASS_AT),
    _count("judgements", "human judgements paid for"),
    _count("completions_read", "completions that a human read"),
    _count("ai_calls", "calls of an AI judge"),
    _count("verifications", "calls of a programmatic verifier"),
    _count("positives", "flags that found a violation"),
    Column("human_minutes", "float64", "min", "human minutes, fixed ones included", 0),
    Column("fixed_minutes", "float64", "min", "minutes of drafting rules and testing their verifiers", 0),
    Column("usd", "float64", "USD 2025", "price of the labels and calls", 0),
    Column("bits_total", "float64", "bit", "information of the labels about what they were to say", 0),
    Column("bits_harm", "float64", "bit", "information of the labels about violations", 0),
    Column("flops", "float64", "FLOP", "training, sampling and scoring", 0),
    Column("device", "string", "", "device on which the run was trained"),
    Column("seconds", "float32", "s", "program wall time / runs in the program", 0),
)  # fmt: skip

BY_NAME = {column.name: column for column in COLUMNS}
REQUIRED = tuple(column.name for column in COLUMNS if column.required)


def check_measurements(table: pd.DataFrame, source: str | Path) -> pd.DataFrame:
    """Give the table its column order and types, or say what is wrong with it.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of measurements; optional columns may be missing and are then null.
    source : str or Path
        Named in messages.

    Returns
    -------
    pandas.DataFrame
        A new table with every column of `COLUMNS`, in order.

    Raises
    ------
    InputError
        On an unknown or missing column, or a value outside its range; row numbers count from 0.
    """
    import pandas as pd

    for name in table.columns:
        if name not in BY_NAME:
            raise InputError("unknown column", file=source, key=name, nearest=nearest_name(name, BY_NAME))
    for name in REQUIRED:
        tasks = BY_NAME[name].tasks
        if name not in table.columns and (tasks == TASKS or table["task"].isin(tasks).any()):
            raise InputError("a required column is missing", file=source, key=name)
    columns = {c.name: _typed(table, c, source) for c in COLUMNS}
    return pd.DataFrame(columns)


def _typed(table: pd.DataFrame, column: Column, source: str | Path) -> pd.Series:
    import pandas as pd

    dtype: Any = {"int32": "Int32", "int64": "Int64", "bool": "boolean", "category": "string"}.get(column.dtype, column.dtype)
    if column.name not in table.columns:
        empty: pd.Series = pd.Series(None, index=table.index, dtype=dtype)
        return empty
    try:
        values: pd.Series = table[column.name].astype(dtype)
    except (TypeError, ValueError):
        raise InputError(
            "a value has the wrong type", file=source, key=column.name, allowed=f"{column.dtype} ({column.unit})"
        ) from None
    bad = values.isna() if column.required else pd.Series(False, index=values.index)
    if column.tasks != TASKS:
        bad &= table["task"].isin(column.tasks)
    if column.values:
        bad |= values.notna() & ~values.isin(column.values)
    if column.low is not None:
        bad |= values.notna() & (values < column.low).fillna(False)
    if column.high is not None:
        bad |= values.notna() & (values > column.high).fillna(False)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise InputError(
            f"row {row} holds a value that this column cannot have",
            file=source, key=column.name, found=_plain(values.iloc[row]), allowed=_allowed(column),
            nearest=nearest_name(values.iloc[row], column.values) if column.values else None,
        )  # fmt: skip
    return values


def _plain(value: object) -> object:
    return value.item() if hasattr(value, "item") else str(value)


def _allowed(column: Column) -> str:
    if column.values:
        return "one of " + ", ".join(column.values)
    low = "-inf" if column.low is None else f"{column.low:g}"
    high = "inf" if column.high is None else f"{column.high:g}"
    return f"{column.dtype} from {low} to {high}"


def extras(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Column `extra` of every row as a dictionary; empty where it is null or no JSON object."""
    known: dict[str, dict[str, Any]] = {}
    found = []
    for text in table["extra"]:
        if isinstance(text, str) and text not in known:
            known[text] = _json_object(text)
        found.append(known[text] if isinstance(text, str) else {})
    return found


def given_settings(detail: Mapping[str, Any], label_kind: str) -> dict[str, Any]:
    """Settings that a row's `extra` gives, in order of their keys; what was solved for world by world is none."""
    # Pairs hold the raters' bias as it is: nothing was solved for.
    left_out = {MATCHED_BIAS} if label_kind == "preference" else set()
    if AGREEMENT in detail:
        left_out.add("pair_temperature")
    return {key: detail[key] for key in sorted(SETTING_KEYS & detail.keys() - left_out)}


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def write_measurements(table: pd.DataFrame, path: Path, metadata: dict[str, str]) -> None:
    """Write a checked table as Parquet, atomically, with `metadata` (hash, seed …) in the file itself."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from econ.core.files import atomic_file

    checked = pa.Table.from_pandas(check_measurements(table, path), preserve_index=False)
    keys = {**(checked.schema.metadata or {}), **{k.encode(): v.encode() for k, v in metadata.items()}}
    with atomic_file(path) as temporary:
        pq.write_table(checked.replace_schema_metadata(keys), temporary, compression="zstd")


def read_measurements(path: Path) -> pd.DataFrame:
    """Read and check a measurement table.

    Raises
    ------
    InputError
        If the file is missing, was changed after it was written, is not Parquet, or does not follow the schema.
    """
    return check_measurements(read_parquet(path), path)
