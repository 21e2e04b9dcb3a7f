"""The parameter table and the other calibration data."""

from __future__ import annotations

import csv
import math
import re

import pytest

from econ.core.errors import InputError
from econ.core.shipped import shipped_path
from econ.scenario.domains import BY_NAME, domain_of
from econ.scenario.draws import SHARES_OF_ONE
from econ.scenario.parameters import COLUMNS, GRADES, SIZE_KEYS, defaults, parameters, read_parameters

PER_KEY = [
    *(f"{stem}_k{k}" for stem in ("verifiability", "request_frequency", "damage_per_violation") for k in range(1, 6)),
    *(f"{stem}_j{j}" for stem in ("users", "damage_factor") for j in range(1, 4)),
    *(f"public_ideal_j{j}_{axis}" for j in range(1, 4) for axis in ("first", "second")),
    *(f"{stem}_{r}" for stem in ("wage_judge", "wage_constrain", "pool_share", "reservation_wage", "legal_minimum")
      for r in ("low_income", "us_generalist", "expert")),
]  # fmt: skip


def test_every_default_says_where_it_comes_from():
    for row in defaults().values():
        assert row.unit and row.grade in GRADES, row.name
        assert row.source or row.note, row.name


def test_every_default_and_its_range_is_legal():
    for row in defaults().values():
        domain = domain_of(row.name, row.unit)
        for value in (row.value, row.low, row.high):
            assert value is None or domain.contains(value), (row.name, value, domain)


def test_every_name_with_a_domain_of_its_own_exists():
    assert set(BY_NAME) <= set(defaults())


def test_rows_exist_for_each_category_jurisdiction_and_region():
    assert set(PER_KEY) <= set(defaults())


def test_sources_name_rows_that_exist():
    table = parameters()
    named = 0
    for row in defaults().values():
        for name in re.findall(r"\b[Rr]ows? ([a-z0-9]+(?:_[a-z0-9]+)+)", row.source):
            assert name in table, (row.name, name)
            named += 1
    assert named > 20


def test_assumptions_are_graded_as_such():
    for row in defaults().values():
        if re.match(r"Assumption|Tuned|Laboratory stand-in", row.source):
            assert row.grade == "D", row.name


def test_shares_of_one_whole_sum_to_one():
    for group in SHARES_OF_ONE:
        assert math.fsum(defaults()[name].value for name in group) == pytest.approx(1.0, abs=1e-12)


def test_evidence_is_there_beside_the_defaults():
    evidence = [row for row in parameters().values() if row.role == "evidence"]
    assert len(evidence) == 133  # exit_patience is both and stands once, as a default
    assert parameters()["price_preference_label_expert"].high == 100


def test_sizes_have_keys_of_their_own():
    assert set(SIZE_KEYS) <= set(defaults())


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        ("value", "", "unusable value"),
        ("value", "nan", "a finite number"),
        ("value", "1.2", "from 0 to 1"),
        ("low", "0.9", "at most the high end"),
        ("grade", "Z", "unusable grade"),
        ("role", "hint", "unusable role"),
        ("unit", " ", "unusable unit"),
        ("source", "", "unusable source"),
    ],
)
def test_an_unusable_row_is_named_with_its_line(tmp_path, column, text, said):
    row = dict.fromkeys(COLUMNS, "") | {
        "name": "discount_rate", "value": "0.025", "low": "0.01", "high": "0.05",
        "unit": "per quarter", "grade": "D", "source": "Assumption", "role": "default",
    }  # fmt: skip
    path = tmp_path / "parameters.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerow(row | {column: text})
    with pytest.raises(InputError, match=re.escape(f"{path}:2: discount_rate: ")) as caught:
        read_parameters(path)
    assert said in str(caught.value)


def test_a_parameter_that_stands_twice_is_refused(tmp_path):
    lines = shipped_path("calibration", "parameters.csv").read_text().splitlines()
    path = tmp_path / "parameters.csv"
    path.write_text("\n".join([*lines, lines[1]]) + "\n")
    with pytest.raises(InputError, match="stands twice"):
        read_parameters(path)


def _rows(name: str) -> list[dict[str, str]]:
    with shipped_path("calibration", name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_moments_are_complete():
    rows = _rows("moments.csv")
    assert len(rows) == len({row["id"] for row in rows}) == 47
    assert {row["use"] for row in rows} == {"calibrate", "validate", "report"}
    for row in rows:
        assert float(row["low"] or "-inf") <= float(row["target"]) <= float(row["high"] or "inf"), row["id"]


def test_vendor_revenues_and_laboratory_tables_are_complete():
    vendors = _rows("vendor_revenue.csv")
    assert len(vendors) == len({(row["vendor"], row["year"], row["kind"]) for row in vendors}) == 33
    assert all(float(row["revenue_musd"]) >= 0 for row in vendors)
    assert len(_rows("lab_reference_tables.csv")) == 193


def test_every_default_says_value_range_unit_year_grade_and_source():
    for row in defaults().values():
        assert row.low is not None and row.high is not None and row.low <= row.value <= row.high, row.name
        assert row.unit and row.year and row.grade and row.source, row.name
        legal = domain_of(row.name, row.unit)
        assert legal.contains(row.low) and legal.contains(row.high), row.name
