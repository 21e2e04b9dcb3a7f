"""`econ doctor`: what is installed, which devices there are, whether the shipped data verify."""

from __future__ import annotations

from typing import Any

import typer

from econ.cli.options import Json
from econ.cli.terminal import print_json


def doctor(as_json: Json = False) -> None:
    """What is installed, which devices there are, whether shipped data verify."""
    report = examine()
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if report["problems"]:
        raise typer.Exit(1)


def examine() -> dict[str, Any]:
    """The machine, the packages and the shipped data, with what is wrong among them.

    Returns
    -------
    dict
        ``machine``, ``packages`` (name to installed and tested version), ``data`` (part to what was
        found) and ``problems``, one sentence each; empty if everything is fine.
    """
    problems: list[str] = []
    return {
        "machine": _machine(),
        "packages": _packages(problems),
        "data": _data(problems),
        "problems": problems,
    }


def _machine() -> dict[str, Any]:
    import os
    import platform
    import shutil

    import econ

    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return {
        "econ": econ.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpus": cpus,
        "memory_gb": round(memory / 1e9, 1),
        "free_disk_gb": round(shutil.disk_usage(".").free / 1e9, 1),
        "devices": _devices(),
    }


def _devices() -> list[str]:
    """The devices that `--device` may name, CUDA with the name of the card."""
    try:
        import torch
    except ImportError:
        return ["cpu"]
    if not torch.cuda.is_available():
        return ["cpu"]
    return [
        "cpu",
        *(
            f"cuda:{index} ({torch.cuda.get_device_name(index)})"
            for index in range(torch.cuda.device_count())
        ),
    ]


def _packages(problems: list[str]) -> dict[str, dict[str, str | None]]:
    """Installed version of each package that a result depends on, beside the version tested."""
    from econ.core.provenance import PACKAGES, versions

    installed, tested = versions(), _tested_versions()
    missing = [name for name in PACKAGES if installed[name] is None]
    problems.extend(f"the package {name} is missing; install the project again" for name in missing)
    return {name: {"installed": installed[name], "tested": tested.get(name)} for name in PACKAGES}


def _tested_versions() -> dict[str, str]:
    """Pins of `constraints.txt`, which a checkout has and a wheel has not."""
    from econ.core.errors import InputError
    from econ.core.shipped import shipped_path

    try:
        lines = shipped_path("constraints.txt").read_text(encoding="utf-8").splitlines()
    except InputError:
        return {}
    return {name.lower(): version for name, _, version in (line.partition("==") for line in lines) if version}


def _data(problems: list[str]) -> dict[str, str]:
    """Try every shipped part, and say what was found or what is wrong."""
    from econ.core.errors import EconError

    found: dict[str, str] = {}
    parts = {"parameters": _parameters, "moments": _moments, "scenarios": _scenarios, "surfaces": _surfaces}
    for part, verify in parts.items():
        try:
            found[part] = verify()
        except EconError as error:
            found[part] = f"broken: {error}"
            problems.append(str(error))
    return found


def _parameters() -> str:
    from econ.scenario.parameters import defaults, parameters

    return f"{len(defaults())} defaults and {len(parameters()) - len(defaults())} rows of evidence"


def _moments() -> str:
    import csv

    from econ.core.errors import InputError
    from econ.core.shipped import shipped_path
    from econ.core.yaml_files import read_text

    path = shipped_path("calibration", "moments.csv")
    rows = list(csv.DictReader(read_text(path).splitlines()))
    for line, row in enumerate(rows, start=2):
        try:
            # An end that is empty is open: the evidence gives no bound there.
            low, high = float(row["low"] or "-inf"), float(row["high"] or "inf")
            ordered = low <= float(row["target"]) <= high
        except (KeyError, TypeError, ValueError):
            ordered = False
        if not ordered:
            raise InputError(
                "a target outside its band, or no number", file=path, line=line, key=row.get("id")
            )
    return f"{len(rows)} facts"


def _scenarios() -> str:
    from econ.scenario import load_scenario, shipped_scenarios

    names = shipped_scenarios()
    for name in names:
        load_scenario(name)
    return f"{len(names)} scenarios"


def _surfaces() -> str:
    from econ.surfaces import load_surfaces

    surfaces = load_surfaces()
    return f"{surfaces.id} ({surfaces.kind}, hash {surfaces.hash[:12]})"


def _print_report(report: dict[str, Any]) -> None:
    machine = report["machine"]
    typer.echo(f"econ {machine['econ']}, Python {machine['python']}, {machine['platform']}")
    typer.echo(
        f"{machine['cpus']} CPUs, {machine['memory_gb']} GB memory, {machine['free_disk_gb']} GB free disk"
    )
    typer.echo("devices: " + ", ".join(machine["devices"]))
    for name, version in report["packages"].items():
        # A build such as 2.13.0+cpu is the version 2.13.0.
        other = version["tested"] and (version["installed"] or "").partition("+")[0] != version["tested"]
        note = f" (tested with {version['tested']})" if other else ""
        typer.echo(f"  {name} {version['installed'] or 'missing'}{note}")
    for part, words in report["data"].items():
        typer.echo(f"{part}: {words}")
    for problem in report["problems"]:
        typer.echo(f"problem: {problem}", err=True)
    typer.echo(
        "everything is in place" if not report["problems"] else f"{len(report['problems'])} problem(s)"
    )
