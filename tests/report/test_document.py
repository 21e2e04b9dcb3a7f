"""The report: what it says, that nothing breaks out of it, and that it is complete and the same each time."""

from __future__ import annotations

import json
import re
import urllib.parse
from html.parser import HTMLParser

import pandas as pd
import pytest
from document_runs import FORMULA, IMAGE, SCRIPT, scenario, stored_run

from econ.cli import main
from econ.core.csv_files import harmless
from econ.core.errors import InputError
from econ.ensemble.decomposition import DIRECT, LINKS, TOTAL
from econ.ensemble.effects import effects_data
from econ.report.document import findings, material, pdf, tables, write
from econ.report.document.assemble import assemble
from econ.report.document.figures import all_figures
from econ.report.document.write import parse_formats, write_report


class Elements(HTMLParser):
    """All tags of a page with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_page_holds_all_it_needs_and_no_script(report_page):
    found = Elements(report_page)
    assert not found.named("script") and not found.named("iframe") and not found.named("object")
    addresses = [a[key] for _, a in found.tags for key in ("src", "href", "srcset") if a.get(key)]
    assert addresses and all(address.startswith(("data:", "#")) for address in addresses)
    assert not any(key.startswith("on") for _, a in found.tags for key in a)
    assert "url(" not in report_page.split("</style>")[0] and "@import" not in report_page


def test_texts_of_users_stay_texts(report_page):
    assert SCRIPT not in report_page and IMAGE not in report_page
    text = "".join(Elements(report_page).text)
    assert SCRIPT in text and IMAGE in text, "but they are shown"


def test_the_page_can_be_read_aloud(report_page, document):
    found = Elements(report_page)
    assert found.named("html")[0]["lang"] == "en" and len(found.named("h1")) == 1
    assert all(image["alt"].strip() for image in found.named("img")) and len(found.named("img")) == len(document.figures)
    assert all("scope" in cell for cell in found.named("th"))
    identifiers = [a["id"] for _, a in found.tags if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    targets = {a["href"][1:] for a in found.named("a") if a["href"].startswith("#")}
    assert targets <= set(identifiers)


def test_every_figure_has_its_data_as_table_and_as_file(report_page, document):
    links = [a for a in Elements(report_page).named("a") if "download" in a]
    assert [a["download"] for a in links] == [f"{figure.name}.csv" for figure in document.figures]
    first = urllib.parse.unquote(links[0]["href"].split(",", 1)[1])
    assert len(first.splitlines()) == len(document.figures[0].data) + 1
    assert all(figure.shown.rows and len(figure.shown.rows[0]) == len(figure.shown.columns) for figure in document.figures)


def test_what_is_missing_is_said_with_its_reason(gathered, document, report_page):
    drawn = {figure.id for figure in document.figures}
    assert {"F1", "F2", "F3", "F3b", "F5b", "F8", "F9", "F10", "F11", "F12"} <= drawn
    named = {name for key in gathered.missing for name in re.split(r"[ ,]+", key)}
    assert {f"F{k}" for k in range(1, 14)} <= drawn | named
    assert "T5" in named and {"T1", "T2", "T3", "T4"} <= {table.id for table in document.tables}
    assert "T6" in named | {table.id for table in document.tables}
    assert all(reason and reason in Elements(report_page).text[0] + "".join(Elements(report_page).text) for reason in gathered.missing.values())


def test_the_first_screen_says_what_it_is_not(document, report_page):
    assert "not forecasts" in document.subtitle
    assert report_page.index("not forecasts") < report_page.index("<main>")


def test_effects_are_those_of_the_comparison(gathered, document):
    table = next(t for t in document.tables if t.id == "T4")
    assert list(table.columns) == ["Outcome", "low", "high", "loss"]
    row = next(r for r in table.rows if r[0] == "Harm, relative")
    expected = effects_data(gathered.outcomes, "baseline").set_index(["scenario", "variable"]).loc[("loss", "harm_rate")]
    assert float(row[3].split()[0]) == pytest.approx(expected["mean_difference"], rel=0.05)
    assert "*" in row[3] and "(100%)" in row[3], "the commons lower harm in every replicate"
    assert row[1].startswith("0"), "transfer does nothing in the fake market"


def test_the_advantage_alone_is_isolated(gathered):
    assert findings.transfer_pair(gathered) == ("low", "high")
    without = {name: s for name, s in gathered.scenarios.items() if name != "low"}
    alone = material.Material(gathered.results, gathered.outcomes, "baseline", without, None, None)
    assert findings.transfer_pair(alone) is None


@pytest.mark.parametrize(("change", "word"), [(-0.2, "contrary"), (0.2, "as expected"), (0.0, "sign open")])
def test_a_contrary_result_is_said_as_plainly_as_an_expected_one(gathered, change, word):
    outcomes = gathered.outcomes.copy()
    outcomes.loc[outcomes["scenario"] == "high", "constraint_budget_share"] += change
    table = findings.transfer_table(material.Material(gathered.results, outcomes, "baseline", gathered.scenarios, None, None), ("low", "high"))
    row = next(r for r in table.rows if r[0] == "Constraints' budget share")
    assert row[-1] == word
    cards = {card.stance: " ".join(card.items) for card in findings.transfer_cards(table).cards}
    stance = {"contrary": "against", "as expected": "for", "sign open": "open"}[word]
    assert [kind for kind, text in cards.items() if "Constraints' budget share" in text] == [stance]
    assert list(cards) == ["against", "for", "open"], "and what is contrary stands first"
    assert table.stances == sorted(table.stances, key=["against", "for", "open"].index)


@pytest.mark.parametrize(("later", "word"), [(0.0, "sign open"), (0.05, "contrary"), (-0.05, "as expected")])
def test_harm_that_differs_before_firms_have_learnt_is_no_effect_of_the_market(gathered, later, word):
    outcomes = gathered.outcomes.copy()
    high = outcomes["scenario"] == "high"
    outcomes.loc[high, "harm_rate"] = outcomes.loc[outcomes["scenario"] == "low", "harm_rate"].to_numpy() - 0.08
    outcomes.loc[high & (outcomes["quarter"] >= 0), "harm_rate"] += later
    table = findings.transfer_table(material.Material(gathered.results, outcomes, "baseline", gathered.scenarios, None, None), ("low", "high"))
    row = next(r for r in table.rows if r[0].startswith("Harm, relative"))
    assert row[0].endswith("since quarter -1") and row[-1] == word


def test_cards_for_and_against_are_of_the_same_kind(gathered):
    cards = findings.verdict_cards(gathered.claims).cards
    assert [card.stance for card in cards] == ["against", "for", "open"]
    assert sum(int(card.tag.split()[0]) for card in cards) == len(gathered.claims.verdicts)
    assert {findings.stance(v) for v in ("supported", "contradicted", "contradicted (reversed)")} == {"for", "against"}


def test_a_pdf_is_tagged_and_the_same_each_time(document, pictures):
    pytest.importorskip("typst")
    made = pdf.pdf(document, pictures)
    assert made.startswith(b"%PDF") and made == pdf.pdf(document, pictures)
    assert b"/StructTreeRoot" in made and b"pdfuaid" in made
    assert b"/FontFile3" in made or b"/FontFile2" in made
    assert len(re.findall(rb"/Type\s*/Page\b", made)) > 5


def test_a_pdf_without_its_extra_names_it(monkeypatch, capsys, hostile, tmp_path):
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    monkeypatch.setattr("sys.argv", ["econ", "report", str(hostile), "--format", "html,pdf", "--out", str(tmp_path / "r")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2 and "via-negativa-econ[report]" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
    assert parse_formats(None, figures_only=False) == ("html",)


def test_formats_are_checked():
    with pytest.raises(InputError, match="unknown format"):
        parse_formats("html,docx", figures_only=False)
    with pytest.raises(InputError, match="no format"):
        parse_formats(" , ", figures_only=False)
    assert parse_formats("svg,pdf,svg", figures_only=True) == ("svg", "pdf")


def test_the_command_writes_a_complete_directory(hostile, tmp_path, monkeypatch, capsys, no_claims):
    monkeypatch.setattr("econ.report.document.assemble.all_figures", lambda m: {k: v for k, v in all_figures(m).items() if k == "F9"})
    out = tmp_path / "report"
    monkeypatch.setattr("sys.argv", ["econ", "report", str(hostile), "--format", "html", "--csv", "--json", "--out", str(out)])
    main_code(main)
    facts = json.loads(capsys.readouterr().out)
    assert facts["scenarios"] == ["baseline", "low", "high", "loss"] and facts["missing"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["status"] == "finished" and set(manifest["files"]) == set(facts["files"]) >= {"report.html", "tables/T4.csv"}
    cells = pd.read_csv(out / "tables" / "T4.csv")
    assert list(cells.columns) == ["Outcome", "low", "high", "loss"]
    with pytest.raises(InputError, match="exists already"):
        write_report([hostile], out, formats="html")
    monkeypatch.setattr(write, "html", lambda *_: "again")
    write_report([hostile], out, formats="html", force=True)
    assert (out / "report.html").read_text() == "again"


def main_code(function):
    try:
        function()
    except SystemExit as stop:
        assert not stop.code


def test_one_scenario_makes_a_report_too(tmp_path, no_claims):
    run = stored_run(tmp_path / "one", scenario("baseline"))
    found = material.gather([run])
    made = assemble(found)
    assert "T4" not in {table.id for table in made.tables} and any("T4" in key for key in found.missing)
    assert not [s for s in made.sections if s.title == "What the scenarios change"]


def test_runs_that_cannot_be_paired_are_refused(hostile, tmp_path, no_claims):
    other = stored_run(tmp_path / "other", scenario("other", commons=0.3), seed=2)
    with pytest.raises(InputError, match="seed"):
        material.gather([hostile, other])
    third = stored_run(tmp_path / "third", scenario("third", commons=0.3))
    assert list(material.gather([hostile, third]).scenarios) == ["baseline", "low", "high", "loss", "third"]
    assert material.gather([hostile, third], baseline="third").policies == ["baseline", "low", "high", "loss"]
    with pytest.raises(InputError):
        material.gather([])


def test_cells_that_look_like_formulas_are_disarmed():
    assert harmless(FORMULA).startswith("'=") and harmless("@x") == "'@x"
    assert harmless("-0.12") == "-0.12" and harmless("-1,234") == "-1,234" and harmless("plain") == "plain"
    assert harmless("-1+cmd") == "'-1+cmd"


def test_contributions_of_links_are_told_for_every_decomposed_run(gathered, monkeypatch):
    links = [*LINKS, DIRECT, TOTAL]
    rows = [
        {"scenario": "high", "baseline": "low", "variable": v, "link": link, "contribution": 0.01 * k, "mc_error": 0.001}
        for v in ("harm_rate", "welfare") for k, link in enumerate(links)
    ]  # fmt: skip
    monkeypatch.setattr(type(gathered.results[0]), "decomposition", lambda self: pd.DataFrame(rows))
    told = material.Material(gathered.results * 2, gathered.outcomes, "baseline", gathered.scenarios, None, None)
    first, second = tables.decomposition_tables(told)
    assert (first.id, second.id) == ("T5", "T5_2") and len(first.columns) == 1 + len(links)
    assert first.rows[0][-1] == f"{0.01 * (len(links) - 1):.4f}\n± 0.0010" and "16 replicates" in first.note
    drawn = all_figures(told)
    assert {"F13", "F13_2"} <= set(drawn) and "high" in drawn["F13"].title
    assert drawn["F13"].draw(True).axes and len(drawn["F13"].shown.rows) == len(rows)


def test_links_of_the_market_are_held_against_what_claims_expect(document, gathered):
    table = next(t for t in document.tables if t.id == "links-table")
    assert list(table.columns[3:]) == list(gathered.scenarios), "one column for each scenario, whatever the number of runs"
    order = ["against", "for", "open", "plain"]
    assert [order.index(s) for s in table.stances] == sorted(order.index(s) for s in table.stances)
    row = next(r for r in table.rows if r[1].startswith("Employed, judging"))
    assert row[2] == "falls" and "contrary (0%)" in row[3], "employment grows in the fake market"


def test_expected_directions_stand_beside_what_was_found(document, gathered):
    table = next(t for t in document.tables if t.id == "expectations-table")
    assert table.rows[0][:3] == ["loss", "Harm, relative", "rises"] and table.rows[0][-1] == "contrary" and table.stances[0] == "against"
    assert not any("expected" in key for key in gathered.changes("loss")), "an expectation is no change of the scenario"
