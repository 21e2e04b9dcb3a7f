"""`econ shipped`, and names that it does not list."""

from __future__ import annotations

import json

import pytest

from econ.core.shipped import KINDS, shipped_names


def test_every_shipped_file_is_listed_with_its_title(econ):
    code, out, _ = econ("shipped", "--json")
    listed = json.loads(out)
    assert code == 0 and {many: list(found["titles"]) for many, found in listed.items()} == {
        many: shipped_names(kind) for many, kind in KINDS.items()
    }
    assert all(all(found["titles"].values()) for found in listed.values())
    _, text, _ = econ("shipped", "grids")
    assert text.splitlines()[0] == "grids, for econ lab run NAME" and "  smoke " in text and "baseline" not in text


def test_an_unknown_kind_is_refused_with_the_nearest(econ):
    code, out, err = econ("shipped", "grid")
    assert (code, out) == (2, "") and "did you mean 'grids'" in err


@pytest.mark.parametrize(
    "arguments, nearest",
    [
        (("run", "basline"), "baseline"),
        (("sweep", "certification_detail"), "certification_details"),
        (("lab", "run", "smokee"), "smoke"),
        (("cost", "--prices", "judged_flag"), "judged_flags"),
        (("calibrate", "defalt"), "default"),
    ],
)
def test_a_misspelt_name_gets_the_nearest_and_where_all_are_listed(econ, arguments, nearest):
    code, out, err = econ(*arguments)
    assert (code, out) == (2, "")
    assert f"did you mean '{nearest}'" in err and "`econ shipped` lists" in err and len(err) < 200
