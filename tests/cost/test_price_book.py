"""Price books: defaults from the table, both spellings, and what is refused with file, line and key."""

from __future__ import annotations

import numpy as np
import pytest

from econ.core.errors import InputError, InputErrors
from econ.cost.prices import ENTRIES, default_book, load_prices, range_prior, shipped_price_books
from econ.scenario.parameters import parameters
from econ.scenario.values import Prior


def test_defaults_come_from_the_parameter_table():
    values, table = default_book().values, parameters()
    assert values["price_preference_label"].first == table["price_preference_label_crowd"].value
    assert values["minutes_rule_draft"].first == 60.0 * table["hours_per_rule"].value
    assert values["status_quo_preferences"] == table["preference_labels_llama2"].value
    assert set(values) == set(ENTRIES)


def test_a_range_becomes_the_90_percent_interval_of_a_log_normal():
    row = parameters()["price_constraint_example_crowd"]
    drawn = load_prices({"price_constraint_label": range_prior(row)}).draw(1, np.arange(40_000))["price_constraint_label"]
    low, middle, high = np.quantile(drawn, [0.05, 0.5, 0.95])
    assert middle == pytest.approx(row.value, rel=0.03)
    assert high / low == pytest.approx(row.high / row.low, rel=0.05)


def test_the_shipped_book_writes_out_the_defaults():
    assert {"default", "judged_flags"} <= set(shipped_price_books())
    shipped, table = load_prices("default").values, default_book().values
    for name in ENTRIES:
        if isinstance(table[name], Prior):
            assert shipped[name].kind == table[name].kind
            assert [shipped[name].first, shipped[name].second] == pytest.approx([table[name].first, table[name].second], rel=1e-3)
        else:
            assert shipped[name] == table[name]


def test_every_shipped_book_loads():
    assert all(load_prices(name).name == name for name in shipped_price_books())


def test_both_spellings_mean_the_same(tmp_path):
    nested, flat = tmp_path / "nested.yaml", tmp_path / "flat.yaml"
    nested.write_text("flag: {usd: 0.6, minutes: 2.9}\npreference: {usd: 2}\nfixed_usd: 900\nfixed_minutes: 60\n")
    flat.write_text(
        "price_constraint_label: 0.6\nminutes_constraint_label: 2.9\nprice_preference_label: 2\nprice_rule_draft: 900\nminutes_rule_draft: 60\n"
    )
    assert load_prices(nested).values == load_prices(flat).values


def test_prices_of_other_labels_are_accepted_and_named(tmp_path):
    path = tmp_path / "book.yaml"
    path.write_text("demonstration: {usd: 5, minutes: 5}\nflag: {usd: 1}\n")
    assert load_prices(path).unused == ("demonstration",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("preference:\n  usd: 0\n", r"book.yaml:2: preference.usd: out of range, found 0; allowed: a number above 0"),
        ("preference:\n  usd: -2\n", r"book.yaml:2: preference.usd: out of range"),
        ("flag: {usd: cheap}\n", r"book.yaml:1: flag.usd: not a number, found 'cheap'"),
        ("flags: {usd: 1}\n", r"book.yaml:1: flags: unknown price.*did you mean 'flag'"),
        ("flag: {dollars: 1}\n", r"book.yaml:1: flag.dollars: unknown price.*usd, minutes"),
        ("price_constrain_label: 1\n", r"did you mean 'price_constraint_label'"),
        ("flag: 3\n", r"flag: this key holds prices by name"),
        ("flag: {usd: 1}\nprice_constraint_label: 2\n", r"book.yaml:2: .*are the same price"),
        ("flag: {usd: {normal: [1]}}\n", r"a prior has two numbers"),
        ("commercial: {transfer: 2}\n", r"commercial.transfer: out of range"),
        ("schema_version: 2\n", r"this version of the format is not known"),
        ("demonstration: {usd: -1}\n", r"demonstration.usd: out of range"),
    ],
)
def test_faults_are_told_with_file_line_and_key(tmp_path, text, said):
    path = tmp_path / "book.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        load_prices(path)


def test_all_faults_are_told_at_once(tmp_path):
    path = tmp_path / "book.yaml"
    path.write_text("schema_version: 2\npreferenc: {usd: 1}\nflag: {usd: -1, minute: 3}\ncritic: 3\nrules: x\nprice_ai_call: 1\n")
    with pytest.raises(InputErrors) as caught:
        load_prices(path)
    assert sorted((fault.line, fault.key) for fault in caught.value.faults) == [
        (1, "schema_version"), (2, "preferenc"), (3, "flag.minute"), (3, "flag.usd"), (4, "critic"), (5, "rules"),
    ]  # fmt: skip


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="did you mean 'price_rule_draft'"):
        load_prices({"price_rules_draft": 3})
    with pytest.raises(InputError, match="did you mean 'default'"):
        load_prices("defaults")
    with pytest.raises(InputError, match="no such file"):
        load_prices("nowhere/book.yaml")


def test_a_draw_keeps_its_prices_when_there_are_more(plain):
    book = default_book()
    some, more = (book.draw(3, np.arange(n))["price_preference_label"] for n in (5, 50))
    np.testing.assert_array_equal(some, more[:5])
    assert not np.array_equal(some, book.draw(4, np.arange(5))["price_preference_label"])
