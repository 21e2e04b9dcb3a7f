"""What `econ cost --out` writes: tables by pipeline, the cheapest mix, figures and a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from econ.core.csv_files import write_csv
from econ.core.files import content_hash
from econ.core.manifests import write_manifest
from econ.core.provenance import now, provenance
from econ.core.results import result_directory
from econ.cost.purchase import mix_rows
from econ.cost.scale import UNITS
from econ.cost.summary import MIX_COLUMNS
from econ.cost.tables import COST_COLUMNS, cost_table, information_rows
from econ.report.cost.question import Question

#: Budgets at which the value of information is given when none is asked for, USD.
BUDGETS = (50_000.0, 200_000.0, 1_000_000.0, 5_000_000.0)


def write_question(question: Question, out: Path, *, force: bool = False) -> None:
    """Write ``cost.csv``, ``mix.csv``, figures and a manifest into a directory.

    Raises
    ------
    InputError
        If the question has no answer in any draw, or the directory exists.
    """
    from econ.report.cost.figures import cost_figures
    from econ.report.runs import write_figures

    started = now()
    mixes = question.mixes()
    with result_directory(out, force=force, resume=False) as partial:
        write_csv(partial / "cost.csv", cost_table(question.cases(UNITS), question.targets))
        rows = [row for mix in mixes for row in mix_rows(mix)]
        rows += information_rows(question.case(), BUDGETS if question.budget is None else [question.budget])
        write_csv(partial / "mix.csv", pd.DataFrame(rows, columns=list(MIX_COLUMNS)))
        write_figures(cost_figures(question), partial)
        write_manifest(partial, _manifest(question, started))


def _manifest(question: Question, started: str) -> dict[str, Any]:
    surfaces = question.surfaces
    critic = None if surfaces.critic is None else surfaces.critic.hash
    asked = {
        "target_harm": question.target, "budget": question.budget, "min_helpfulness": question.min_helpfulness,
        "max_sycophancy": question.max_sycophancy, "distributions": list(question.distributions),
        "starts": list(question.starts), **question.options,
    }  # fmt: skip
    return {
        **provenance(),
        "question": asked,
        "prices": question.book.resolved(),
        "config_hash": content_hash([asked, question.book.resolved(), surfaces.hash, critic]),
        "seed": question.options.get("seed", 1),
        "draws": len(question.case()),
        "surfaces": {"id": surfaces.id, "hash": surfaces.hash, "kind": surfaces.kind},
        "critic": critic,
        "columns": {"cost.csv": list(COST_COLUMNS), "mix.csv": list(MIX_COLUMNS)},
        "started": started,
        "finished": now(),
        "status": "finished",
    }
