"""A user's own data: what is taken, what is refused and in which words, and that nothing else ever happens."""

from __future__ import annotations

import copy
import json
import runpy

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from econ.core.errors import InputError
from econ.core.measurements import extras, read_measurements
from econ.core.shipped import shipped_path
from econ.lab.importing import convert, source
from econ.lab.importing.convert import import_file, validate
from econ.lab.importing.faults import SHOWN
from econ.lab.importing.mapping import json_schema, load_mapping
from econ.lab.importing.units import verifiability

MAPPING = {
    "schema_version": 1,
    "name": "trial",
    "label_unit": "judgement",
    "columns": {
        "world": "site",
        "method": {"column": "algorithm", "values": {"none": "base", "red pen": "npo_ret"}},
        "label_kind": {"column": "labels", "values": {"nothing": "none", "marks": "flag"}},
        "n": "count",
        "violation": "harm",
        "distribution": {"constant": "ood"},
        "v": 0.9,
    },
}
BUDGETS = (0, 10, 40, 160, 640)


def rows(**columns):
    """Four sites, a base model and four budgets each; keyword arguments change whole columns."""
    table = [
        {
            "site": f"s{site}",
            "algorithm": "red pen" if n else "none",
            "labels": "marks" if n else "nothing",
            "count": n,
            "harm": round(0.5 - 0.02 * site - 0.03 * i, 3),
        }
        for site in range(4)
        for i, n in enumerate(BUDGETS)
    ]
    return pd.DataFrame(table).assign(**columns)


def changed(**keys):
    """The mapping with columns replaced; None takes one out, `top` replaces keys of the top."""
    mapping = copy.deepcopy(MAPPING)
    mapping.update(keys.pop("top", {}))
    for name, entry in keys.items():
        if entry is None:
            del mapping["columns"][name]
        else:
            mapping["columns"][name] = entry
    return mapping


@pytest.fixture
def attempt(tmp_path, monkeypatch):
    """Import a table under a mapping; the imported table, or the faults' text."""
    monkeypatch.setattr(convert, "provenance", dict)  # it asks git, which takes a while

    def run(table, mapping=MAPPING, *, name="data.csv", **options):
        path, out = tmp_path / name, tmp_path / "out"
        if isinstance(table, bytes):
            path.write_bytes(table)
        elif name.endswith("parquet"):
            table.to_parquet(path)
        else:
            table.to_csv(path, index=False)
        (tmp_path / "map.yaml").write_text(
            mapping if isinstance(mapping, str) else yaml.safe_dump(mapping, sort_keys=False)
        )
        try:
            import_file(path, tmp_path / "map.yaml", out, force=True, **options)
        except InputError as error:
            assert not out.exists() and not list(tmp_path.glob("out*"))
            return str(error)
        return read_measurements(out / "measurements.parquet")

    return run


def cell(row, **values):
    """The rows with one of them changed."""
    table = rows().astype(object)
    for name, value in values.items():
        table.loc[row, name] = value
    return table


# What is taken ------------------------------------------------------------------------------------
def test_a_table_comes_through_with_its_numbers(attempt):
    table = attempt(rows())
    given = rows()
    assert len(table) == len(given) and set(table["method"]) == {"base", "npo_ret"}
    assert set(table["stage"]) == {"import"} and set(table["label_kind"]) == {"none", "flag"}
    # Sites are numbered from 1 as they appear.
    found = table.set_index(["world", "n"])["violation"]
    for site, n, harm in zip(given["site"], given["count"], given["harm"], strict=True):
        assert found[int(site[1]) + 1, n] == np.float32(harm)
    assert (
        (table["a"] == table["n"]).all()
        and (table["b"] == 0).all()
        and (table["judgements"] == table["n"]).all()
    )
    np.testing.assert_allclose(
        table["relative_harm"], table["violation"] / table["violation_base"], atol=1e-6
    )
    assert (table.loc[table["n"] == 0, "relative_harm"] == 1).all()
    assert table["helpfulness"].isna().all() and table["v"].eq(np.float32(0.9)).all()
    assert [extra["source_row"] for extra in extras(table.sort_values(["world", "n"]))] == list(range(1, 21))


def test_csv_and_parquet_give_the_same_table(attempt):
    drop = ["config_hash", "run_id"]  # both name the file's own hash
    from_csv, from_parquet = attempt(rows()), attempt(rows(), name="data.parquet")
    pd.testing.assert_frame_equal(from_csv.drop(columns=drop), from_parquet.drop(columns=drop))


def test_the_same_files_give_the_same_ids(attempt):
    pd.testing.assert_frame_equal(attempt(rows()), attempt(rows()))


def test_numbered_replicates_keep_their_numbers(attempt):
    assert set(attempt(rows(site=np.repeat([7, 0, 30, 2], 5)))["world"]) == {0, 2, 7, 30}
    # 07 is a name, not the number 7.
    assert set(attempt(rows(site=np.repeat(["7", "07", "30", "2"], 5)))["world"]) == {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("entry", "factor"),
    [
        ({"column": "harm", "unit": "percent"}, 100),
        ({"column": "harm", "unit": "per_thousand"}, 1000),
        ({"column": "harm", "multiply": 0.5}, 2),
        ("harm", 1),
    ],
)
def test_units_of_rates(attempt, entry, factor):
    table = attempt(rows(harm=rows()["harm"] * factor), changed(violation=entry))
    np.testing.assert_allclose(np.sort(table["violation"]), np.sort(rows()["harm"]), rtol=1e-6)


def test_percent_signs_are_read_where_percent_is_declared(attempt):
    table = attempt(
        rows(harm=[f"{100 * x:.1f} %" for x in rows()["harm"]]),
        changed(violation={"column": "harm", "unit": "percent"}),
    )
    np.testing.assert_allclose(np.sort(table["violation"]), np.sort(rows()["harm"]), rtol=1e-6)


@pytest.mark.parametrize(("unit", "minutes"), [("hours", 90.0), ("seconds", 0.025), ("minutes", 1.5)])
def test_units_of_time(attempt, unit, minutes):
    table = attempt(rows(time=1.5), changed(human_minutes={"column": "time", "unit": unit}))
    assert (table["human_minutes"] == minutes).all()


def test_decimal_commas_and_semicolons(attempt):
    text = rows().to_csv(index=False, sep=";", decimal=",").encode()
    table = attempt(text, changed(top={"csv": {"delimiter": ";", "decimal": ","}}, v=0.25))
    assert (table["v"] == 0.25).all()
    np.testing.assert_allclose(np.sort(table["violation"]), np.sort(rows()["harm"]), rtol=1e-6)


def test_verifiability_from_the_agreement_of_raters(attempt):
    # Two raters who err with e = 0.05 agree with 1 - 2·0.05·0.95; e = 0.02 + 0.43·(1 - v).
    table = attempt(rows(), changed(v={"constant": 0.905, "unit": "rater_agreement"}))
    np.testing.assert_allclose(table["v"], 1 - 0.03 / 0.43, rtol=1e-6)
    assert verifiability(1.0) == 1.0 and verifiability(0.5) == 0.0 and np.isnan(verifiability(0.4))


def test_counts_give_rates_and_are_kept(attempt):
    table = attempt(
        rows(bad=50 - np.arange(20), judged=200).drop(columns="harm"),
        changed(violation=None, violations="bad", trials="judged"),
    )
    kept = extras(table)
    assert [e["violations"] / e["trials"] for e in kept] == pytest.approx(
        table["violation"].tolist(), rel=1e-6
    )


def test_a_pair_of_flags_is_two_judgements(attempt):
    table = attempt(rows(), changed(top={"label_unit": {"flag": "pair"}}))
    assert set(table["n"]) == {2 * n for n in BUDGETS} and (table["a"] == table["n"]).all()
    assert (table["judgements"] == table["n"]).all()


def mixed():
    """Flags and pairs counted apart, blank where there are none of that kind."""
    grid = [(a, b) for a in (None, 10, 40, 160, 640) for b in (None, 10, 40, 160, 640)]
    return pd.DataFrame(
        [
            {
                "site": site, "algorithm": "base" if not (a or b) else "hybrid" if a and b else "npo_ret" if a else "dpo",
                "labels": "none" if not (a or b) else "flag+preference" if a and b else "flag" if a else "preference",
                "marks": a if a or b else 0, "choices": b, "harm": 0.5 - 0.0001 * ((a or 0) + (b or 0)) - 0.01 * site,
            }
            for site in range(4) for a, b in grid
        ]
    )  # fmt: skip


MIXED = changed(
    method="algorithm",
    label_kind="labels",
    n=None,
    a="marks",
    b="choices",
    top={"label_unit": {"flag": "judgement", "preference": "pair"}},
)


def test_flags_and_pairs_counted_apart(attempt):
    table = attempt(mixed(), MIXED)
    assert (table["n"] == table["a"] + table["b"]).all() and len(table) == 100
    double = attempt(mixed(), MIXED | {"label_unit": "pair"})
    assert set(double["a"]) == {2 * n for n in BUDGETS} and set(double["b"]) == set(BUDGETS)


def test_extra_columns_are_kept_when_asked(attempt):
    table = attempt(rows(remark=[f"line {i}" for i in range(20)]), keep_extra=True)
    assert all(extra["kept"]["remark"] == f"line {extra['source_row'] - 1}" for extra in extras(table))


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|' /C calc'!A0",
        "@SUM(1+1)",
        "+1+1",
        "-2+3",
        "${jndi:ldap://x}",
        "<script>alert(1)</script>",
        "!!python/object:x",
    ],
)
def test_formulas_are_text(attempt, text):
    table = attempt(
        rows(algorithm=np.where(rows()["count"] > 0, text, "base"), remark=text),
        changed(method="algorithm"),
        keep_extra=True,
    )
    assert set(table["method"]) == {"base", text} and extras(table)[0]["kept"]["remark"] == text


def test_base_values_are_filled_in_and_checked(attempt):
    useful = changed(helpfulness="useful")
    table = attempt(rows(useful=0.6 + rows()["count"] / 1e4), useful)
    assert (table["helpfulness_base"] == np.float32(0.6)).all()
    base = rows().groupby("site")["harm"].transform("max")
    given = changed(violation_base="base", relative_harm="relative")
    assert len(attempt(rows(base=base, relative=rows()["harm"] / base), given)) == 20


def test_a_table_to_be_looked_at_needs_no_verifiability(attempt, tmp_path):
    from econ.claims.reading import load_evidence
    from econ.claims.settings import describe_setting
    from econ.report.laboratory.arms import arm_curves
    from econ.report.laboratory.tables import cell_table
    from econ.surfaces.cells import select_rows

    gap = rows(checked=[0.5, None, *[0.5] * 18])
    assert "a value is missing" in attempt(gap, changed(v="checked"))
    table = attempt(rows(), changed(v=None), descriptive=True)
    assert table["v"].isna().all() and len(table) == len(rows())
    notes = json.loads((tmp_path / "out" / "manifest.json").read_text())["notes"]
    assert any("verifiability was not recorded" in note for note in notes)
    with pytest.raises(InputError, match="--descriptive"):
        select_rows(table, "own")
    # Where no mark keeps it from a fit, what is missing does, by name.
    with pytest.raises(InputError, match="verifiability was not recorded"):
        select_rows(table.assign(extra=None), "own")
    # It is shown whole, with its base models, and claims say what is not known.
    cells = cell_table(table)
    assert len(cells) == len(BUDGETS) and (cells["worlds"] == 4).all()
    (curve,) = arm_curves(cells)
    assert curve.label.endswith("v not recorded") and curve.rows["n"].tolist() == list(BUDGETS)
    (own,) = load_evidence([tmp_path / "out"]).curves("npo_ret", "ood")
    assert describe_setting(own.setting) == ["v = not recorded (registered: 0.93)"]
    some = attempt(gap, changed(v="checked"), descriptive=True)
    assert some["v"].isna().sum() == 1


def test_descriptive_tables_are_taken_and_marked(attempt, tmp_path):
    from econ.surfaces.estimate import estimate_surfaces

    few = rows().query("site in ('s0', 's1') and count in (0, 10)")
    assert "too few replicates" in attempt(few) and "too few budgets" in attempt(few)
    table = attempt(few, descriptive=True)
    assert all(extra["descriptive"] for extra in extras(table))
    with pytest.raises(InputError, match="--descriptive"):
        estimate_surfaces([tmp_path / "out"])


def test_replicates_of_their_own_may_tune(attempt):
    extra = rows().query("site in ('s0', 's1')").assign(site=lambda t: "t" + t["site"], use="tune")
    both = pd.concat([rows(use="import"), extra])
    assert attempt(both, changed(stage="use"))["stage"].value_counts().to_dict() == {"import": 20, "tune": 10}


def test_unequal_numbers_of_configurations_may_be_declared(attempt):
    table = two_methods()
    mapping = changed(method="algorithm", lr="rate")
    assert "unequal numbers of configurations" in attempt(table, mapping)
    declared = mapping | {"configs_tried": {"npo_ret": 2, "kto_neg": 6}}
    assert len(attempt(table, declared)) == len(table)


def two_methods():
    """One method with two learning rates and one with one."""
    first = rows(algorithm=np.where(rows()["count"] > 0, "npo_ret", "base"), rate=0.001)
    trained = first.query("count > 0")
    return pd.concat([first, trained.assign(rate=0.002), trained.assign(algorithm="kto_neg")])


# What is refused ----------------------------------------------------------------------------------
REFUSED = {
    "rate above one": (cell(3, harm=49.2), MAPPING, [":5: violation (column 'harm'): row 4", "'49.2'", "outside 0 to 1", "unit: percent"]),
    "rate below zero": (cell(3, harm=-0.1), MAPPING, ["row 4", "outside its range", "'-0.1'", "from 0 to 1"]),
    "percent above 100": (cell(3, harm=149), changed(violation={"column": "harm", "unit": "percent"}), ["row 4", "'149'", "conversion from percent"]),
    "not a number": (cell(3, harm="low"), MAPPING, ["row 4", "not a number", "'low'"]),
    "decimal comma": (cell(3, harm="0,4"), MAPPING, ["row 4", "not a number", "'0,4'"]),
    "not finite": (cell(3, harm="1e999"), MAPPING, ["row 4", "1e999"]),
    "missing rate": (cell(3, harm=None), MAPPING, ["row 4", "a value is missing"]),
    "missing replicate": (cell(3, site=None), MAPPING, ["world (column 'site')", "row 4", "missing"]),
    "missing count": (cell(3, count=None), MAPPING, ["n (column 'count')", "row 4", "number of labels is missing"]),
    "part of a label": (cell(3, count=1.5), MAPPING, ["row 4", "not a whole number", "'1.5'"]),
    "negative labels": (cell(3, count=-5), MAPPING, ["row 4", "outside its range", "'-5'"]),
    "too large a count": (cell(3, count=3_000_000_000), MAPPING, ["row 4", "too large a number", "2147483647"]),
    "too many judgements": (cell(3, count=2_000_000_000), MAPPING | {"label_unit": "pair"}, ["row 4", "too many labels"]),
    "misspelt value": (cell(3, algorithm="red pan"), MAPPING, ["row 4", "'red pan'", "red pen", "did you mean 'red pen'?"]),
    "misspelt constant": (rows(), changed(distribution={"constant": "odd"}), ["map.yaml:", "columns.distribution", "did you mean 'ood'?"]),
    "misspelt stage": (rows(use="confirm"), changed(stage="use"), ["stage (column 'use')", "'confirm'", "import, tune, develop"]),
    "misspelt translation": (
        rows(), changed(label_kind={"column": "labels", "values": {"marks": "flags", "nothing": "none"}}),
        ["columns.label_kind", "'flags'", "did you mean 'flag'?"],
    ),
    "no base row": (rows().drop(index=5), MAPPING, ["replicate 's1' has no base row under 'ood'"]),
    "no base row under one distribution": (
        pd.concat([rows(test="ood"), rows(test="id").query("count > 0")]), changed(distribution="test"), ["'s0'", "'id'"],
    ),
    "base without violations": (cell(0, harm=0), MAPPING, ["row 1", "relative harm is not defined"]),
    "few replicates": (rows().query("site != 's3'"), MAPPING, ["'npo_ret' has too few replicates", "found 3", "4 or more", "--descriptive"]),
    "few budgets": (rows().query("count != 640"), MAPPING, ["'npo_ret' has too few budgets", "found 3", "--descriptive"]),
    "base models alone": (rows().query("count == 0"), MAPPING, ["no row of a trained model"]),
    "row twice": (pd.concat([rows(), rows().iloc[[3]]]), MAPPING, [":22: row 21", "the same as row 4"]),
    "tuning and confirmation": (rows(use=np.where(rows()["count"] == 10, "tune", "import")), changed(stage="use"), ["'s0' has tuning and confirmatory"]),
    "unequal configurations": (two_methods(), changed(method="algorithm", lr="rate"), ["npo_ret 2, kto_neg 1", "configs_tried"]),
    "fewer configurations declared than held": (
        two_methods(), changed(method="algorithm", lr="rate", top={"configs_tried": {"npo_ret": 1, "kto_neg": 1}}),
        ["configs_tried.npo_ret", "holds 2 configurations", "2 or more"],
    ),
    "configurations of no method": (rows(), changed(top={"configs_tried": {"npo-ret": 1}}), ["no row has this method", "did you mean 'npo_ret'?"]),
    "no unit of labels": (rows(), {k: x for k, x in MAPPING.items() if k != "label_unit"}, ["label_unit", "judgement or pair"]),
    "no unit of these labels": (rows(), changed(top={"label_unit": {"preference": "pair"}}), ["'flag'", "judgement or pair"]),
    "wrong unit of labels": (rows(), changed(top={"label_unit": "hours"}), ["label_unit", "judgement, pair"]),
    "unknown column": (rows(helpfullness=0.5), MAPPING, ["data.csv:1: helpfullness: unknown column", "--keep-extra", "did you mean 'helpfulness'?"]),
    "no such column": (rows(), changed(violation="harms"), ["columns.violation", "no column 'harms'", "did you mean 'harm'?"]),
    "unknown target": (rows(), changed(helpfullness="harm"), ["columns.helpfullness", "did you mean 'helpfulness'?"]),
    "own id": (rows(), changed(run_id="site"), ["columns.run_id", "makes this column itself"]),
    "unknown unit": (rows(), changed(violation={"column": "harm", "unit": "percents"}), ["columns.violation", "rate, percent", "did you mean 'percent'?"]),
    "no method column": (rows(), changed(method=None), ["'method' is missing"]),
    "no verifiability": (rows(), changed(v=None), ["'v' is missing", "rater_agreement"]),
    "no labels": (rows(), changed(n=None), ["'n' is missing"]),
    "rate and counts": (rows(bad=1, judged=2), changed(violations="bad", trials="judged"), ["either 'violation'"]),
    "counts without trials": (rows(bad=1), changed(violation=None, violations="bad"), ["needs 'trials'"]),
    "more violations than trials": (rows(bad=3, judged=2), changed(violation=None, violations="bad", trials="judged"), ["row 1", "more violations than trials"]),
    "no trials": (rows(bad=0, judged=0), changed(violation=None, violations="bad", trials="judged"), ["row 1", "outside its range", "from 1"]),
    "fewer judgements than labels": (rows(paid=5), changed(judgements="paid"), ["row 2", "fewer judgements than labels", "at least n"]),
    "ratio that is none": (rows(relative=0.7), changed(relative_harm="relative"), ["row 1", "not violation / violation_base within 1e-6"]),
    "base that differs": (rows(base=0.4), changed(violation_base="base"), ["row 1", "differs from the replicate's base row"]),
    "n is no sum": (mixed().assign(total=5), {**MIXED, "columns": MIXED["columns"] | {"n": "total"}}, ["n is not a + b"]),
    "pairs in a row of flags": (rows(pairs=7), changed(n=None, a="count", b="pairs"), ["flags alone has preference pairs"]),
    "labels of the base model": (cell(0, count=7), MAPPING, ["row 1", "label_kind none"]),
    "trained without labels": (cell(3, count=0), MAPPING, ["row 4", "without labels is the base model"]),
    "base model with labels": (cell(3, algorithm="none"), MAPPING, ["row 4", "the base model has had no labels"]),
    "both kinds in one number": (cell(3, labels="flag+preference"), changed(label_kind={
        "column": "labels", "values": {"nothing": "none", "marks": "flag", "flag+preference": "flag+preference"}}), ["row 4", "numbers apart"]),
    "agreement below chance": (rows(), changed(v={"constant": 0.3, "unit": "rater_agreement"}), ["columns.v", "0.3"]),
    "both constant and column": (rows(), changed(v={"constant": 0.3, "column": "harm"}), ["columns.v", "either a source column or a constant"]),
    "multiplied words": (rows(), changed(method={"column": "algorithm", "multiply": 2}), ["columns.method", "only numbers can be multiplied"]),
    "translated numbers": (rows(), changed(violation={"column": "harm", "values": {"a": "b"}}), ["columns.violation", "only categories"]),
    "control characters": (cell(3, site="a\x1b[31mb"), MAPPING, ["row 4", "control characters"]),
    "long text": (cell(3, site="x" * 300), MAPPING, ["row 4", "too long"]),
    "unknown key": (rows(), MAPPING | {"colums": {}}, ["unknown key", "did you mean 'columns'?"]),
    "unknown key of a column": (rows(), changed(v={"constnt": 1}), ["columns.v.constnt", "did you mean 'constant'?"]),
    "unsafe name": (rows(), MAPPING | {"name": "../../x"}, ["name", "letters, digits"]),
    "bare no": (rows(), changed(method={"column": "algorithm", "values": {False: "base"}}), ["put the value False in quotes"]),
    "unclosed quote": (rows().to_csv(index=False).replace("s1", '"s1', 1).encode(), MAPPING, ["the CSV is broken"]),
    "ragged rows": (rows().to_csv(index=False).replace("s1,", "s1,x,", 1).encode(), MAPPING, [":7: row 6: 6 fields where the header has 5"]),
    "semicolons": (rows().to_csv(index=False, sep=";").encode(), MAPPING, ["holds ';', so its fields are not separated by ','", '`csv: {delimiter: ";"}` in the mapping']),
    "commas": (rows(), changed(top={"csv": {"delimiter": ";"}}), ["holds ',', so its fields are not separated by ';'", '`csv: {delimiter: ","}`']),
    "empty file": (b"", MAPPING, ["the file is empty"]),
    "separators alone": (b",,\n,", MAPPING, ["the file is empty"]),
    "header alone": (b"site,algorithm,labels,count,harm\n", MAPPING, ["no rows"]),
    "two columns of one name": (b"site,harm,harm\n1,2,3\n", MAPPING, ["harm: two columns have this name"]),
    "column without a name": (b"site,,harm\n1,2,3\n", MAPPING, ["column 2 has no name"]),
    "UTF-16": ("site,harm\nä,1\n".encode("utf-16"), MAPPING, ["not UTF-8", "a spreadsheet can save"]),
    "Latin-1": ("site,harm\nä,1\n".encode("latin-1"), MAPPING, ["not UTF-8"]),
    "null bytes": (b"site,harm\nx,\x00\n", MAPPING, ["null bytes"]),
    "long field": (b"site,harm\n" + b"x" * 200_000 + b",1\n", MAPPING, ["the CSV is broken"]),
    "cut Parquet": (b"PAR1" + b"x" * 40, MAPPING, ["not readable Parquet"]),
    "mapping that is no YAML": (rows(), "columns: [", ["map.yaml", "not valid YAML"]),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(attempt, case):
    table, mapping, words = REFUSED[case]
    message = attempt(table, mapping)
    assert isinstance(message, str), "it was taken"
    for word in words:
        assert word in message


def test_all_faults_are_told_at_once(attempt):
    table = cell(3, harm=7, algorithm="red pan").drop(index=5)
    message = attempt(table.assign(remark="x"))
    for word in (
        "row 4: a rate outside",
        "row 4: unknown value",
        "remark: unknown column",
        "3 faults, nothing was written",
    ):
        assert word in message
    # A bad rate does not hide a missing base model.
    message = attempt(cell(3, harm=7).drop(index=5))
    assert "row 4" in message and "'s1' has no base row" in message


def test_the_first_twenty_faults_are_shown(attempt):
    message = attempt(
        pd.concat([rows(harm=2)] * 2, ignore_index=True).assign(site=np.repeat(np.arange(8), 5))
    )
    assert "40 faults" in message and len(message.splitlines()) == SHOWN + 1


def test_faults_of_a_mapping_are_told_at_once(attempt):
    message = attempt(rows(), changed(v=None, helpfullness="x", violation={"column": "harm", "unit": "x"}))
    assert "3 faults" in message and message.count("map.yaml:") == 4


def test_limits_of_size(attempt, monkeypatch):
    monkeypatch.setattr(source, "MOST_ROWS", 10)
    assert "too many rows" in attempt(rows()) and "too large" in attempt(rows(), name="data.parquet")
    monkeypatch.setattr(source, "LARGEST_FILE", 100)
    assert "too large" in attempt(rows()) and "too large" in attempt(rows(), name="data.parquet")
    monkeypatch.undo()
    assert "too many columns" in attempt(rows(**{f"c{i}": 1 for i in range(600)}))


def test_nested_parquet_is_refused(attempt):
    assert "cannot be read" in attempt(rows(listed=[[1, 2]] * 20), name="data.parquet", keep_extra=True)


def test_missing_files(tmp_path):
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(MAPPING))
    for name in ("none.csv", "none.parquet", "", "x\x00y"):
        with pytest.raises(InputError):
            import_file(tmp_path / name, tmp_path / "map.yaml", tmp_path / "out")


def test_a_finished_result_is_not_overwritten(tmp_path):
    rows().to_csv(tmp_path / "data.csv", index=False)
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(MAPPING))
    import_file(tmp_path / "data.csv", tmp_path / "map.yaml", tmp_path / "out")
    with pytest.raises(InputError, match="exists already"):
        import_file(tmp_path / "data.csv", tmp_path / "map.yaml", tmp_path / "out")


# From the table to surfaces -----------------------------------------------------------------------
def test_counts_decide_how_far_a_rate_is_trusted(attempt):
    """A rate of 0 of 20 is not one of 0 of 2,500."""
    from econ.surfaces.cells import harm_cells, select_rows

    table = mixed().assign(bad=lambda t: (20 * t["harm"]).round().astype(int), judged=20)
    table.loc[(table["marks"] == 640) & table["choices"].isna(), "bad"] = 0
    mapping = {
        **MIXED,
        "columns": {k: x for k, x in MIXED["columns"].items() if k != "violation"}
        | {"violations": "bad", "trials": "judged"},
    }
    cells = harm_cells(select_rows(attempt(table, mapping, keep_extra=True), "x"), "ood", "x")
    assert np.all(cells.responses == 20) and np.all(cells.base_responses == 20)
    log_odds, _ = cells.log_odds()
    assert log_odds.min() == pytest.approx(np.log(0.5 / 20.5))


def test_a_fit_names_what_was_not_measured(attempt, tmp_path):
    from econ.surfaces.estimate import estimate_surfaces

    table = mixed()
    noise = np.sin(17.0 * np.arange(len(table))) * 0.004
    attempt(
        table.assign(
            harm=0.3 + 0.2 / (1 + (table["marks"].fillna(0) + table["choices"].fillna(0)) / 100) + noise
        ),
        MIXED,
    )
    surfaces = estimate_surfaces([tmp_path / "out"], draws=20).surfaces
    missing = {
        refusal["what"] for refusal in surfaces.diagnostics["refusals"] if refusal["reason"] == "missing"
    }
    assert missing == {"helpfulness, ood", "sycophancy, ood", "over_refusal, ood"}
    assert surfaces.distributions == ("ood",) and "imported" in surfaces.id
    with pytest.raises(InputError, match="helpfulness"):
        surfaces.batch([0]).secondary("helpfulness")
    with pytest.raises(InputError, match="not measured"):
        surfaces.batch([0], "id")


# The shipped example ------------------------------------------------------------------------------
EXAMPLES = shipped_path("calibration", "examples")


def test_the_example_is_what_its_formulas_say(tmp_path):
    script = runpy.run_path(str(EXAMPLES / "make_fictitious_laboratory.py"))
    made = pd.DataFrame(
        [
            script["row"](s, a, b)
            for s in range(len(script["SITES"]))
            for a in script["BUDGETS"]
            for b in script["BUDGETS"]
        ]
    )
    pd.testing.assert_frame_equal(
        made, pd.read_csv(EXAMPLES / "fictitious_laboratory.csv", keep_default_na=False)
    )


def test_the_example_imports():
    imported = validate(
        EXAMPLES / "fictitious_laboratory.csv", load_mapping(EXAMPLES / "fictitious_laboratory.mapping.yaml")
    )
    table = imported.table
    assert len(table) == 150 and imported.facts["worlds"]["1"] == "Aster"
    assert table["helpfulness"].between(0.5, 0.7).all() and table["human_minutes"].max() > 1000
    # Nothing in the file says more about one kind of label than about the other.
    alone = (
        table[(table["a"] == 0) != (table["b"] == 0)]
        .groupby(["n", "method"])["relative_harm"]
        .mean()
        .unstack()
    )
    assert np.abs(alone["dpo"] - alone["npo_ret"]).max() < 0.03


def test_the_guide_shows_the_example_as_it_is():
    guide = EXAMPLES.parent.parent / "docs" / "howto_own_data.md"
    if not guide.is_file():
        pytest.skip("the guide is in a checkout alone")
    text = guide.read_text()
    shown = text.split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(shown) == yaml.safe_load(
        (EXAMPLES / "fictitious_laboratory.mapping.yaml").read_text()
    )
    head = (EXAMPLES / "fictitious_laboratory.csv").read_text().splitlines()[:3]
    assert "\n".join(head) in text


def test_the_schema_is_published_and_takes_the_example():
    assert json.loads((EXAMPLES / "mapping.schema.json").read_text()) == json_schema()
    jsonschema.Draft202012Validator.check_schema(json_schema())
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.validate(yaml.safe_load((EXAMPLES / "fictitious_laboratory.mapping.yaml").read_text()))
    validator.validate(MAPPING)
    assert not validator.is_valid(changed(helpfullness="x")) and not validator.is_valid(
        changed(violation={"column": "x", "unit": "hours"})
    )


# Anything at all ----------------------------------------------------------------------------------
PIECES = ["", ",", ";", "\n", "\r", '"', "'", "0", "-1", "1e999", "nan", "NA", "%", "=1+1", "\t", "\x00", "\ufeff", "\u2028", "é", "none",
          "flag", "s0", "marks", "site", "harm", "9" * 40, "null", "{}", "[", ": ", "- ", "&a ", "*a", "!!int ", "values:", "unit: percent",
          "constant: ", "column: ", "a: count\n", "true", "ood", "tune", "  ", "0x10", "1_000", "１"]  # fmt: skip
CSV = rows().to_csv(index=False)
YAML = yaml.safe_dump(MAPPING, sort_keys=False)


@st.composite
def mutations(draw: st.DrawFn, text: str) -> str:
    """The text after a few cuts, insertions and repetitions."""
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, min(len(text), begin + 20)))
        piece = draw(
            st.sampled_from(PIECES)
            | st.text(st.characters(codec="utf-8"), max_size=5)
            | st.just(text[begin:end] * 2)
        )
        text = text[:begin] + piece + text[end:]
    return text


@given(st.just(CSV) | mutations(CSV), st.just(YAML) | mutations(YAML), st.booleans(), st.booleans())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_taken_or_refused_in_words(tmp_path, table, mapping, descriptive, keep_extra):
    (tmp_path / "data.csv").write_bytes(table.encode())
    (tmp_path / "map.yaml").write_bytes(mapping.encode())
    try:
        loaded = load_mapping(tmp_path / "map.yaml")
        imported = validate(tmp_path / "data.csv", loaded, descriptive=descriptive, keep_extra=keep_extra)
    except InputError as error:
        assert str(tmp_path) in str(error) and len(str(error).splitlines()) <= SHOWN + 1
        assert "\x1b" not in str(error)
    else:
        checked = imported.table
        assert checked["violation"].between(0, 1).all() and len(checked) == imported.facts["source"]["rows"]
        json.dumps(imported.facts, allow_nan=False)


@given(
    st.sampled_from(
        [
            *sorted(MAPPING["columns"]),
            "a",
            "b",
            "trials",
            "violations",
            "stage",
            "lr",
            "collapsed",
            "usd",
            "judgements",
            "extra",
        ]
    ),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=5)
        | st.sampled_from(["harm", "count", "site"]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["column", "constant", "unit", "multiply", "values"]) | st.text(max_size=3),
                inner,
                max_size=3,
            )
        ),
        max_leaves=5,
    ),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_entry_is_taken_or_refused_in_words(tmp_path, target, entry):
    rows().to_csv(tmp_path / "data.csv", index=False)
    (tmp_path / "map.yaml").write_text(
        yaml.safe_dump({**MAPPING, "columns": MAPPING["columns"] | {target: entry}}, allow_unicode=True)
    )
    try:
        convert.validate(tmp_path / "data.csv", load_mapping(tmp_path / "map.yaml"), keep_extra=True)
    except InputError as error:
        assert str(tmp_path) in str(error)


@given(
    st.binary(max_size=300),
    st.sampled_from(["data.csv", "data.parquet"]),
    st.integers(0, 3000),
    st.binary(min_size=1, max_size=4),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_taken_or_refused_in_words(tmp_path, noise, name, place, patch):
    path = tmp_path / name
    whole = path.with_name("whole.parquet")
    if not whole.exists():
        rows().to_parquet(whole)
        (tmp_path / "map.yaml").write_text(YAML)
    valid = whole.read_bytes() if name.endswith("parquet") else CSV.encode()
    place %= len(valid)
    for content in (noise, valid[:place] + patch + valid[place + len(patch) :]):
        path.write_bytes(content)
        try:
            validate(path, load_mapping(tmp_path / "map.yaml"))
        except InputError as error:
            assert str(path) in str(error)
