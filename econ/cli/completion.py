"""What a shell offers after TAB: names of scenarios, sweeps, runs, keys and outcomes; cheap, since a user waits for it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def scenarios(incomplete: str) -> list[str]:
    """Shipped scenarios and scenario files."""
    return _beginning(incomplete, _shipped("scenarios")) + _files(incomplete)


def sweeps(incomplete: str) -> list[str]:
    """Shipped sweeps and sweep files."""
    return _beginning(incomplete, _shipped("sweeps")) + _files(incomplete)


def grids(incomplete: str) -> list[str]:
    """Shipped grids of the laboratory and grid files."""
    return _beginning(incomplete, _shipped("grids")) + _files(incomplete)


def runs(incomplete: str) -> list[str]:
    """Finished results, under ``runs/`` unless another folder is begun."""
    folder = Path(incomplete).parent if "/" in incomplete else Path("runs")
    return _beginning(incomplete, sorted(str(path.parent) for path in folder.glob("*/manifest.json")))


def settings(incomplete: str) -> list[str]:
    """Dotted keys of a scenario, such as ``levers.commons=``."""
    from econ.scenario.lever_table import LEVERS
    from econ.scenario.parameters import SIZE_KEYS, defaults

    keys = [f"levers.{name}=" for name in LEVERS]
    keys += [f"{key}=" for key in ("replicates", *SIZE_KEYS.values())]
    keys += [f"parameters.{name}=" for name in defaults() if name not in SIZE_KEYS]
    return _beginning(incomplete, keys)


def outcomes(incomplete: str) -> list[tuple[str, str]]:
    """Outcome columns, each with its meaning."""
    from econ.market.outcomes import OUTCOMES

    return [(name, x.meaning) for name, x in OUTCOMES.items() if name.startswith(incomplete)]


def price_books(incomplete: str) -> list[str]:
    """Shipped price books and files of them."""
    return _beginning(incomplete, _shipped("price-books")) + _files(incomplete)


def calibrations(incomplete: str) -> list[str]:
    """Shipped calibrations and calibration files."""
    return _beginning(incomplete, _shipped("calibrations")) + _files(incomplete)


def _shipped(kind: str) -> list[str]:
    from econ.core.shipped import KINDS, shipped_names

    return shipped_names(KINDS[kind])


def _files(incomplete: str) -> list[str]:
    """YAML files and folders that begin so, as a shell would list them; none before a letter is typed."""
    if not incomplete:
        return []
    folder = Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent
    found = (path for path in folder.glob("*") if path.is_dir() or path.suffix in (".yaml", ".yml"))
    return sorted(str(path) + ("/" if path.is_dir() else "") for path in found if str(path).startswith(incomplete.rstrip("/")))


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
