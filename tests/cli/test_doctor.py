"""`econ doctor`: a true account of packages, devices and shipped data."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from econ.cli import app, doctor
from econ.core.errors import InputError
from econ.core.provenance import PACKAGES
from econ.scenario import defaults, shipped_scenarios


def test_packages_machine_and_data_are_told():
    report = doctor.examine()
    assert set(report["packages"]) == set(PACKAGES)
    assert all(version["installed"] and version["tested"] for version in report["packages"].values())
    assert report["machine"]["cpus"] >= 1 and report["machine"]["memory_gb"] > 0
    assert report["machine"]["devices"][0] == "cpu"
    assert report["data"]["parameters"].startswith(f"{len(defaults())} defaults")
    assert report["data"]["moments"] == "47 facts" and report["data"]["scenarios"] == f"{len(shipped_scenarios())} scenarios"


def test_exit_code_and_json_follow_the_problems(monkeypatch):
    for part in ("_parameters", "_moments", "_scenarios", "_surfaces"):
        monkeypatch.setattr(doctor, part, lambda: "fine")
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 0 and json.loads(result.stdout)["problems"] == []
    assert "everything is in place" in CliRunner().invoke(app, ["doctor"]).stdout

    def broken() -> str:
        raise InputError("damaged", file="surfaces.json")

    monkeypatch.setattr(doctor, "_surfaces", broken)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1 and "surfaces: broken: surfaces.json: damaged" in result.stdout
    assert "problem: surfaces.json: damaged" in result.stderr


def test_a_missing_package_is_a_problem(monkeypatch):
    monkeypatch.setattr("econ.core.provenance.versions", lambda: dict.fromkeys(PACKAGES))
    problems: list[str] = []
    doctor._packages(problems)
    assert len(problems) == len(PACKAGES) and "numpy is missing" in problems[0]


def test_a_moment_outside_its_band_is_found(monkeypatch, tmp_path):
    path = tmp_path / "moments.csv"
    path.write_text("id,target,low,high\nM1,5,1,9\nM2,5,6,9\n")
    monkeypatch.setattr("econ.core.shipped.shipped_path", lambda *parts: path)
    with pytest.raises(InputError, match=r"moments\.csv:3: M2"):
        doctor._moments()
