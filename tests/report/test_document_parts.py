"""Parts of a report on hand-made data: sensitivity, norms by place, the test's power, numbers in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from econ.ensemble.drivers import FEWEST, drivers_table
from econ.report.document import norm_matrix, screening
from econ.report.document.html import fit, html
from econ.report.document.material import number_text
from econ.report.document.model import Card, Cards, Document, Paragraph, Section, Table
from econ.report.document.numerals import aligned, percent, typeset, year_end
from econ.report.document.pdf import MOST_NUMBERS, _narrow_enough


def outcomes(replicates: int, **columns):
    """One scenario with columns that are functions of the replicate."""
    rows = [{"scenario": "a", "replicate": r, "quarter": q, **{name: f(r) for name, f in columns.items()}} for r in range(replicates) for q in range(8)]
    return pd.DataFrame(rows)


def test_a_monotone_driver_has_rank_correlation_one_and_an_unrelated_one_an_interval_around_zero():
    count = 24
    noise = np.random.default_rng(3).permutation(count).astype(float)
    rows = outcomes(count, harm_rate=lambda r: np.exp(-r), stake_ratio=lambda r: noise[r])
    facts = pd.DataFrame({"replicate": range(count), "transfer": np.arange(count) / count, "position_constraint": 1.0})
    found = drivers_table(rows, facts, ["harm_rate", "absent"]).set_index("input")
    assert found.loc["transfer", "correlation"] == pytest.approx(-1.0) and found.loc["transfer", "high"] < -0.99
    assert found.loc["stake_ratio", "low"] < 0 < found.loc["stake_ratio", "high"]
    assert "position_constraint" not in found.index, "what does not vary explains nothing"
    expected = np.tanh(np.arctanh(found.loc["stake_ratio", "correlation"]) + 1.959964 * np.sqrt(1.06 / (count - 3)))
    assert found.loc["stake_ratio", "high"] == pytest.approx(expected)


def test_few_replicates_say_nothing_of_drivers():
    rows = outcomes(FEWEST - 1, harm_rate=float)
    assert drivers_table(rows, pd.DataFrame({"replicate": range(FEWEST - 1), "transfer": np.arange(FEWEST - 1.0)}), ["harm_rate"]).empty


def test_losses_from_norms_by_place_and_the_scenario_that_changes_them_most():
    names = {(h, j): f"norm_loss_{h}_{j}" for h in norm_matrix.ORIGINS for j in norm_matrix.PLACES}
    parts = []
    for scenario, shift in (("base", 0.0), ("near", 0.01), ("far", 0.3)):
        cells = {name: 0.5 if (h, j) == ("j2", "j3") else 0.2 if (h, j) == ("j1", "j1") else 0.0 for (h, j), name in names.items()}
        cells["norm_loss_j1_j2"] = shift
        parts += [{"scenario": scenario, "replicate": r, "quarter": q, **cells} for r in range(4) for q in range(8)]
    data = norm_matrix.matrix_data(pd.DataFrame(parts))
    assert norm_matrix.most_changed(data, "base") == "far"
    said = norm_matrix.matrix_finding(data, "base")
    assert "US-like libraries in force in the low capacity jurisdiction, 0.50" in said and "0.20 in the EU-like" in said
    assert norm_matrix.matrix_data(pd.DataFrame(parts).drop(columns="norm_loss_j1_j1")) is None


def test_a_larger_test_catches_more_and_errs_less():
    rates = np.linspace(0.3, 0.6, 8)
    rows = pd.DataFrame({"scenario": "a", "replicate": range(8), "quarter": 0, "cert_violation": rates})
    data = screening.power_data(rows, 200, 0.45)
    own = data[(data["curve"] == "roc") & data["own"]].set_index("prompts")
    assert own["x"].is_monotonic_decreasing and own["y"].is_monotonic_increasing
    chance = data[(data["curve"] == "pass") & (data["prompts"] == 200)]
    assert chance["y"].iloc[0] == 1.0 and chance["y"].iloc[-1] == 0.0 and (np.diff(chance["y"]) <= 1e-12).all()
    compliant = screening.power_data(rows.assign(cert_violation=0.1), 200, 0.45)
    assert not (compliant["curve"] == "roc").any() and "one side of the limit" in screening.power_finding(compliant, 200)
    for drawn, said in ((data, True), (compliant, False)):
        assert ("false alarms" in screening.power_note(drawn, 0.45, "last year")) == said, "a note tells of no pane that is not drawn"
        assert ("receiver" in screening.power_title(drawn)) == said
    assert screening.power_data(rows.assign(cert_violation=np.nan), 200, 0.45) is None
    assert screening.own_test({"levers": {"cert_test_size": 200, "cert_max_violation": {"j1": 0.4}}}) is None


def test_numbers_in_words():
    assert aligned(-0.01763, -0.0275, -0.00768) == ("-0.018", "[-0.028, -0.008]")
    assert aligned(0.44, 0.21, 0.73) == ("0.44", "[0.21, 0.73]") and aligned(float("nan"), 0, 1) == ("–", "")
    assert aligned(-0.0001, -0.3, 0.3) == ("0.00", "[-0.30, 0.30]"), "no negative zero"
    assert percent(0.1354) == "14 %" and percent(0.0048) == "0.5 %"
    assert year_end(-1) == "end of 2024" and year_end(39) == "end of 2034" and year_end(4) == "quarter 1 of 2026"
    assert typeset("-1 to -2, run-3 [-4]") == "−1 to −2, run-3 [−4]" and typeset(">= -1") == "≥ −1"
    assert [number_text(x) for x in (9e7, 1800, 0.0001, -2.5e-7)] == ["90,000,000", "1800", "0.0001", "-2.5 × 10⁻⁷"]


def test_a_table_too_wide_for_a_page_is_split_and_keeps_every_cell():
    wide = Table("T4", "t", ["Outcome", *"abcdefg"], [["x", *"1234567"]], note="n", finding="f")
    parts = _narrow_enough(wide)
    assert [list(p.columns) for p in parts] == [["Outcome", *"abcd"], ["Outcome", *"efg"]]
    assert [p.rows[0] for p in parts] == [["x", *"1234"], ["x", *"567"]]
    assert [p.finding for p in parts] == ["f", ""] and [p.note for p in parts] == ["", "n"]
    narrow = Table("T3", "t", ["Outcome", *"abcde"], [["x", *"12345"]])
    assert len(narrow.columns) == MOST_NUMBERS + 1 and _narrow_enough(narrow) == [narrow]


def test_findings_and_lines_of_cells_are_escaped():
    hostile = '<img src=x onerror="1">'
    table = Table("T4", "t", [hostile, "under_score"], [[f"{hostile}\n{hostile}", "-1\n[-2, 0]"]], finding=hostile)
    cards = Cards([Card(hostile, items=[hostile], stance="against", tag=hostile)])
    page = html(Document("k", "h", "s", [Section("a", "A", [Paragraph(hostile, hostile), table, cards])]), {})
    assert "<img" not in page and page.count("&lt;img") == 9
    assert "−1<small>[−2, 0]</small>" in page and "under_<wbr>score" in page


def test_sentences_ask_for_room_and_marks_for_little():
    table = Table("c", "t", ["Claim", "In short", "Verdict", "n"], [["1", "word " * 20, "supported", "0.123456789" * 9]], words=frozenset({0, 1, 2}))
    assert fit(table) == ["brief", "long", "", ""]
    page = html(Document("k", "h", "s", [Section("a", "A", [table])]), {})
    assert '<th scope="row" class="brief">' in page and '<td class="word long">' in page


def test_what_no_version_computes_is_not_said_to_be_a_matter_of_the_runs(document, gathered):
    assert document.sections and gathered.missing["T6 by total-order indices"].startswith("not computed by this version")
