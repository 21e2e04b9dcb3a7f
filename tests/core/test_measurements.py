"""The measurement table: its columns, types and ranges."""

import numpy as np
import pandas as pd
import pytest

from econ.core.errors import InputError
from econ.core.measurements import (
    COLUMNS,
    REQUIRED,
    check_measurements,
    read_measurements,
    write_measurements,
)

ROW = {
    "run_id": "ab12", "task": "A", "method": "dpo", "label_kind": "preference", "stage": "confirm", "world": 1000,
    "n": 64, "a": 0, "b": 64, "v": 0.93, "distribution": "ood", "violation": 0.4,
}  # fmt: skip


def _table(**changes):
    return pd.DataFrame([{**ROW, **changes}, {**ROW, "world": 1001}])


def test_a_table_comes_back_as_it_was_written(tmp_path):
    write_measurements(_table(helpfulness=0.7, collapsed=False), tmp_path / "m.parquet", {"config_hash": "xyz"})
    back = read_measurements(tmp_path / "m.parquet")
    assert list(back.columns) == [column.name for column in COLUMNS]
    assert back["world"].tolist() == [1000, 1001]
    assert back["helpfulness"].iloc[0] == np.float32(0.7)
    assert back["sycophancy"].isna().all()
    import pyarrow.parquet as pq

    assert pq.read_schema(tmp_path / "m.parquet").metadata[b"config_hash"] == b"xyz"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"violation": 1.2}, ["violation", "1.2", "0 to 1"]),
        ({"violation": None}, ["violation"]),
        ({"violation": float("nan")}, ["violation"]),
        ({"world": -1}, ["world", "-1"]),
        ({"distribution": "odd"}, ["distribution", "odd", "did you mean 'ood'"]),
        ({"n": "many"}, ["n:", "wrong type"]),
        ({"helpfullness": 0.5}, ["unknown column", "did you mean 'helpfulness'"]),
    ],
)
def test_a_fault_names_column_value_and_what_is_allowed(changes, words):
    with pytest.raises(InputError) as caught:
        check_measurements(_table(**changes), "mine.csv")
    for word in ["mine.csv", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize("name", REQUIRED)
def test_every_required_column_is_required(name):
    with pytest.raises(InputError, match="required column"):
        check_measurements(_table().drop(columns=name), "mine.csv")


def test_files_that_are_not_measurements(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_measurements(tmp_path / "m.parquet")
    (tmp_path / "m.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match="not readable Parquet"):
        read_measurements(tmp_path / "m.parquet")
