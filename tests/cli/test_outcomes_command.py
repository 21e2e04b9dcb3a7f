"""`econ outcomes`."""

from __future__ import annotations

import json
import subprocess
import sys

from econ.market.outcomes import OUTCOMES


def test_lists_every_outcome_with_unit_and_meaning(econ):
    code, out, _ = econ("outcomes")
    assert code == 0
    assert all(f"  {name} " in out for name in OUTCOMES)


def test_one_outcome_by_name_and_several_by_a_part(econ):
    _, one, _ = econ("outcomes", "welfare", "--json")
    assert json.loads(one) == {"welfare": {"unit": "USD", "meaning": OUTCOMES["welfare"].meaning, "section": "welfare"}}
    _, several, _ = econ("outcomes", "hhi_", "--json")
    assert set(json.loads(several)) == {name for name in OUTCOMES if "hhi_" in name}


def test_an_unknown_name_is_refused_with_the_nearest(econ):
    code, out, err = econ("outcomes", "wellfare")
    assert (code, out) == (2, "")
    assert "did you mean 'welfare'" in err


def test_a_reader_that_goes_away_causes_no_traceback():
    command = f"{sys.executable} -c 'from econ.cli import main; main()' outcomes | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
