"""Pages of the site that are generated hold everything that they are generated from."""

from __future__ import annotations

import csv
import re

import pytest
import yaml
from blocks import ROOT
from generate import cells, commands, data, equations, findings, python_api, repository, scenarios
from generate.markdown import code, link, records, table, text


def _rows(page: str) -> list[list[str]]:
    return [re.split(r"(?<!\\) \| ", line[2:-2]) for line in page.splitlines() if line.startswith("| ")]


# ------------------------------------------------------------------ Markdown


@pytest.mark.parametrize("value, shown", [("a|b_c", r"a\|b\_c"), (None, ""), (float("nan"), ""), (0.1, "0.1"), (600603.0, "600603"), ("<b>", r"&lt;b\>")])
def test_text_shows_its_characters(value, shown):
    assert text(value) == shown


def test_code_with_a_bar_does_not_end_a_cell():
    assert "|" not in code("auto|cpu") and code("") == ""


@pytest.mark.parametrize("address, target", [
    ("2506.01347", "https://arxiv.org/abs/2506.01347"), ("arXiv:2506.01347v1", "https://arxiv.org/abs/2506.01347v1"),
    ("example.org/a_b", "https://example.org/a_b"), ("https://example.org", "https://example.org"),
])  # fmt: skip
def test_addresses_become_links(address, target):
    assert link(address).endswith(f"]({target})")


def test_other_text_is_no_link():
    assert link("Annual report, p. 12") == "Annual report, p. 12"


@pytest.mark.parametrize("make", [table, records])
def test_a_row_of_another_length_is_refused(make):
    with pytest.raises(ValueError, match="2 cells under 1 headings"):
        make(("a",), [["1", "2"]])


# ------------------------------------------------------------------ narrow screens


def test_sentences_in_tables_ask_for_room_and_numbers_do_not():
    page = cells.for_narrow_screens(f"<td>{'word ' * 20}</td><td>0.5</td><td><a href=\"{'x' * 99}\">short</a></td>")
    assert page.count('class="long"') == 1 and page.startswith('<td class="long">word')


def test_cells_of_a_record_carry_the_head_of_their_column():
    rows = "".join(f"<tr><td>{name}</td><td>2</td><td></td></tr>" for name in ("first", "second"))
    head = "<tr><th>name</th><th>a &lt; <code>b</code></th><th>none</th></tr>"
    page = cells.for_narrow_screens(f'<div class="records"><table>{head}{rows}</table></div><table>{head}{rows}</table>')
    assert page.count('<td data-label="a &lt; b">2</td>') == 2
    assert page.count("data-label") == 2, "not on names, empty cells and other tables"


# ------------------------------------------------------------------ completeness


def test_every_command_and_option_is_described():
    page = commands.page()
    names = [name for name, _ in commands.commands()]
    assert {"econ run", "econ lab import", "econ scenario schema"} <= set(names)
    for name, command in commands.commands():
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert command.help.splitlines()[0] in section
        for parameter in command.params:
            spelled = parameter.opts[0] if parameter.param_type_name == "option" else (parameter.metavar or parameter.name.upper())
            assert spelled in section or parameter.name == "help"


@pytest.mark.parametrize("file, page, column", [
    ("parameters.csv", data.parameters_page, "name"), ("moments.csv", data.moments_page, "name"), ("vendor_revenue.csv", data.vendors_page, "vendor"),
])  # fmt: skip
def test_every_row_of_the_data_is_on_its_page(file, page, column):
    with (ROOT / "calibration" / file).open(encoding="utf-8", newline="") as rows:
        stored = list(csv.DictReader(rows))
    shown = page()
    lines = [line for line in shown.splitlines() if line.startswith("| ")]
    assert all(row[column] in shown and text(row["note"] if "note" in row else row["source"]) in shown for row in stored)
    assert len([line for line in lines if "**" in line or file == "vendor_revenue.csv"]) >= len(stored)


def test_outcomes_measurements_levers_scenarios_and_claims_are_complete():
    from econ.claims.catalogue import CLAIMS
    from econ.core.measurements import COLUMNS
    from econ.market.outcomes import OUTCOMES
    from econ.scenario import shipped_scenarios
    from econ.scenario.lever_table import LEVERS

    for page, names in (
        (data.outcomes_page(), OUTCOMES), (data.measurements_page(), [c.name for c in COLUMNS]), (scenarios.levers_page(), LEVERS),
        (scenarios.shipped_page(), shipped_scenarios()),
    ):  # fmt: skip
        assert [name for name in names if f"`{name}`" not in page] == []
    assert len(_rows(data.claims_page())) == len(CLAIMS) + 1


def test_the_format_page_has_every_key_of_the_schema():
    from econ.scenario.schema import json_schema

    schema = json_schema()
    page = scenarios.format_page()
    keys = {*schema["properties"], *(k for d in ("Population", "CustomerLoss", "VerticalTie") for k in schema["$defs"][d]["properties"])}
    assert [key for key in keys if f"`{key}`" not in page] == []


def test_a_scenario_is_told_with_question_mechanism_changes_and_sources():
    from econ.scenario import load_scenario

    scenario = load_scenario("public_commons")
    section = scenarios.shipped_page().split("\n## `public_commons`\n")[1].split("\n## ")[0]
    for part in (scenario.question, scenario.expected_mechanism, *scenario.sources):
        assert text(part) in section
    assert "levers.commons = 0.1" in section


def test_every_public_name_has_its_docstring_on_exactly_one_page():
    import econ

    names = [name for layer in python_api.layers() for name in layer.names]
    assert len(names) == len(set(names))
    public = {name for name in econ.__all__ if not name.startswith("_")}
    assert public <= {name.rpartition(".")[2] for name in names}


def test_citation_page_has_the_version():
    facts = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert f"version = {{{facts['version']}}}" in repository.citation_page()


# ------------------------------------------------------------------ navigation


def test_navigation_takes_new_pages_and_misses_none(tmp_path):
    for name in ("index.md", "levers.md", "zoo.md", "howto_dashboard.md"):
        (tmp_path / name).write_text(f"# Title of {name}\n", encoding="utf-8")
    nav = findings.complete([{"Home": "index.md"}, {"How to": []}, {"Findings": []}], tmp_path)
    assert nav == [
        {"Home": "index.md"},
        {"How to": [{"Title of howto_dashboard.md": "howto_dashboard.md"}]},
        {"Findings": [{"Title of levers.md": "levers.md"}, {"Title of zoo.md": "zoo.md"}]},
    ]


# ------------------------------------------------------------------ equations


def _marked(source: str) -> str:
    return f'<p>a <span class="arithmatex">\\({source}\\)</span> b</p><div class="arithmatex">\\[{source}\\]</div>'


def test_equations_become_mathml():
    pytest.importorskip("latex2mathml", reason="comes with the extra docs")
    drawn = equations.with_mathml(_marked(r"x &lt; \frac{1}{2}"))
    assert drawn.count("<math") == 2 and drawn.count("<mfrac>") == 2 and "arithmatex" not in drawn
    assert drawn.count('<div class="equation"') == 1


def test_an_unknown_command_in_an_equation_is_refused():
    pytest.importorskip("latex2mathml", reason="comes with the extra docs")
    with pytest.raises(equations.EquationError, match="nosuchcommand"):
        equations.with_mathml(_marked(r"\nosuchcommand x"))


def test_a_function_stands_apart_from_what_it_is_applied_to():
    pytest.importorskip("latex2mathml", reason="comes with the extra docs")
    assert "<mspace" in equations.with_mathml(_marked(r"\log a"))
