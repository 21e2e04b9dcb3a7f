"""The page of levers: its notes are those of the file, and directions that hold by definition are counted as such."""

import csv
import re

from blocks import ROOT


def _notes():
    with (ROOT / "docs" / "levers_notes.csv").open(encoding="utf-8", newline="") as file:
        return {(row["scenario"], row["outcome"]): row["note"] for row in csv.DictReader(file)}


def _rows():
    page = (ROOT / "docs" / "levers.md").read_text(encoding="utf-8")
    cells = [line[2:-2].split(" | ") for line in page.splitlines() if re.match(r"\| \w+ \| `\w+` \|", line)]
    return page, {(row[0], row[1].strip("`")): (row[4], row[5].strip() if len(row) > 5 else "") for row in cells}


def test_notes_of_the_file_stand_on_the_page():
    _, rows = _rows()
    notes = _notes()
    assert set(notes) <= set(rows)
    assert {key: note for key, (_, note) in rows.items() if note} == notes


def test_the_page_counts_directions_that_hold_by_definition():
    page, rows = _rows()
    defined = sum(found == "as expected" and note.startswith("By definition: ") for found, note in rows.values())
    said = re.search(r"(\d+) as expected.*Of those as expected (\d+) follow by definition", page, flags=re.DOTALL)
    assert said is not None
    assert (int(said[1]), int(said[2])) == (sum(found == "as expected" for found, _ in rows.values()), defined)
    assert 0 < defined < int(said[1])
