"""The page of findings: each table has its place, and only tables are rewritten."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def made():
    spec = importlib.util.spec_from_file_location("make_findings", DOCS / "make_findings.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_every_table_has_one_place_on_the_page(made):
    page = (DOCS / "market_findings.md").read_text(encoding="utf-8")
    places = re.findall(r"<!-- table: (\w+) -->\n(.*?)<!-- end -->", page, flags=re.DOTALL)
    assert sorted(name for name, _ in places) == sorted([*made.TABLES, "origin"])
    assert all(content.strip() for _, content in places), [name for name, content in places if not content.strip()]


def test_words_stay_and_tables_change(made):
    page = "A\n<!-- table: one -->\nold\n<!-- end -->\nB\n<!-- table: two -->\nkept\n<!-- end -->\nC\n"
    assert "".join(made.replaced(page, {"one": "new"})) == page.replace("old", "new")
    with pytest.raises(SystemExit, match="no place for three"):
        "".join(made.replaced(page, {"three": ""}))


def test_every_setting_of_the_tables_is_one_that_a_scenario_takes(made):
    from econ.scenario import load_scenario

    lab = made.Lab(1)
    for name, table in made.TABLES.items():
        assert table(lab) is not None, name
    assert len(lab.wanted) > 80
    baseline = load_scenario("baseline")
    for settings in lab.wanted:
        if settings:
            baseline.with_settings(*settings)
