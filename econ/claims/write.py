"""The directory that `econ claims --out` writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from econ.claims.text import markdown
from econ.core.csv_files import write_csv
from econ.core.files import content_hash, file_hash, write_json, write_text
from econ.core.manifests import write_manifest
from econ.core.provenance import now, provenance
from econ.core.results import result_directory

if TYPE_CHECKING:
    from econ.claims.assess import Assessment


def write_claims(assessment: Assessment, out: Path, *, force: bool = False) -> None:
    """Write ``claims.json``, ``claims.md``, tables as CSV and a manifest into a directory.

    Raises
    ------
    InputError
        If the directory exists and `force` is off.
    """
    started, plain = now(), assessment.plain()
    with result_directory(out, force=force, resume=False) as partial:
        write_json(partial / "claims.json", plain)
        write_text(partial / "claims.md", markdown(assessment))
        for name, rows in _tables(plain).items():
            write_csv(partial / name, pd.DataFrame(rows))
        files = {path.name: file_hash(path) for path in sorted(partial.glob("claims.*"))}
        write_manifest(partial, _manifest(plain, files, started))


def _tables(plain: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    statements = [
        {"hypothesis": h["id"], "verdict_hypothesis": h["verdict"], **_flat(s)}
        for h in plain["hypotheses"]
        for statement in h["statements"]
        for s in (statement.get("first_result"), statement) if s is not None
    ]
    projections = [p for run in plain["runs"] for p in run["projections"]]
    tables = {
        "verdicts.csv": statements, "signs.csv": plain["signs"]["pairs"], "advantages.csv": plain["advantages"],
        "secondary.csv": plain["secondary"], "regimes.csv": plain["regimes"], "projections.csv": projections,
    }  # fmt: skip
    return {name: rows for name, rows in tables.items() if rows}


def _flat(statement: dict[str, Any]) -> dict[str, Any]:
    kept = ("id", "verdict", "delta", "limit", "unit", "missing", "p_support", "p_contradict", "text")
    facts = {key: statement.get(key) for key in kept}
    return facts | (statement["effect"] or {}) | {"deviations": "; ".join(statement.get("deviations", []))}


def _manifest(plain: dict[str, Any], files: dict[str, str], started: str) -> dict[str, Any]:
    inputs = [[s["sha256"], s["config_hashes"]] for s in plain["sources"]] + [r["config_hash"] for r in plain["runs"]]
    return {
        **provenance(), "config_hash": content_hash([plain["rule"], inputs]), "seed": plain["rule"]["seed"],
        "sources": plain["sources"], "files": files, "started": started, "finished": now(), "status": "finished",
    }  # fmt: skip
