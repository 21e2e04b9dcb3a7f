"""Write docs/levers.md from a stored run of all shipped scenarios: `make levers`."""

from __future__ import annotations

import sys
from pathlib import Path

import econ
from econ.core.files import write_text
from econ.ensemble.effects import HEADLINES, effects_data
from econ.ensemble.expectations import AS_EXPECTED, tally
from econ.report.numbers import short

#: Headline outcomes of the second table.
SHOWN = ("constraint_budget_share", "harm_rate", "helpfulness", "wage_constrain", "hhi_service", "hhi_licence", "capture_index")
#: Why a direction was not found, where the run and the equations say so; one line per scenario and outcome.
NOTES = Path(__file__).parent / "levers_notes.csv"
#: How a note begins whose direction follows from what the scenario sets, whatever the market does.
DEFINED = "By definition: "


def main() -> None:
    """Read the run, write the page."""
    run = econ.open_run(Path(sys.argv[1]))
    manifest = run.manifest
    head = (
        "# What each shipped lever does\n\n"
        f"`make levers` made this page: {len(run.scenarios)} scenarios, {manifest.replicates} replicates, "
        f"{manifest.quarters} quarters, seed {manifest.seed}, econ {manifest.econ_version}, configuration "
        f"`{manifest.config_hash[:12]}`, {manifest.finished[:10] if manifest.finished else ''}. Paired differences against the "
        "baseline, mean of the last eight quarters, ± Monte Carlo error. Conditional projections, not forecasts.\n\n"
    )
    write_text(Path(__file__).parent / "levers.md", head + _expected(run) + _effects(run))


def _notes() -> dict[tuple[str, str], str]:
    import csv

    with NOTES.open(encoding="utf-8") as file:
        return {(row["scenario"], row["outcome"]): row["note"] for row in csv.DictReader(file)}


def _expected(run: econ.Run) -> str:
    table, notes = run.expectations(), _notes()
    counts = ", ".join(f"{count} {found}" for found, count in tally(table).items())
    named = zip(table["scenario"], table["variable"], table["found"], strict=True)
    defined = sum(found == AS_EXPECTED and notes.get((scenario, variable), "").startswith(DEFINED) for scenario, variable, found in named)
    text = (
        "## Directions that were expected\n\nEach scenario names, in its own file and without a look at this run, the outcomes that its mechanism should "
        f"move and where to. Found: {counts} (95 % interval on the expected side of 0, on the other, or holding 0). Of those as expected {defined} follow by definition\n"
        "from what the scenario sets and tell nothing of the market: they check that the lever works.\n\n"
        "| scenario | outcome | expected | difference | found | note |\n|---|---|---|---|---|---|\n"
    )
    for row in table.to_dict("records"):
        note = notes.get((row["scenario"], row["variable"]), "")
        text += (
            f"| {row['scenario']} | `{row['variable']}` | {row['expected']} | {short(row['mean_difference'])} ± "
            f"{short(row['mc_error'])} | {row['found']} | {note} |\n"
        )
    return text + "\n"


def _effects(run: econ.Run) -> str:
    table = effects_data(run.outcome_columns(HEADLINES), run.scenarios[0])
    text = (
        "## Headline outcomes\n\nBold: the 95 % interval excludes 0, with no adjustment for the number of cells. The index of licences has no value where fewer than four firms pay, "
        "so its differences are over\nthe replicates that keep a licence market in both scenarios, a choice made by the outcome itself: read it beside payers.\n\n"
    )
    text += "| scenario | " + " | ".join(HEADLINES[name][0] for name in SHOWN) + " |\n" + "|---" * (len(SHOWN) + 1) + "|\n"
    for scenario in run.scenarios[1:]:
        rows = table[table["scenario"] == scenario].set_index("variable")
        cells = []
        for name in SHOWN:
            row, divisor = rows.loc[name], HEADLINES[name][1]
            cell = f"{short(row['mean_difference'] / divisor)} ± {short(row['mc_error'] / divisor)}"
            cell += f" (n {row['pairs']:.0f})" if row["pairs"] < run.manifest.replicates else ""
            cells.append(f"**{cell}**" if row["low"] > 0 or row["high"] < 0 else cell)
        text += f"| {scenario} | " + " | ".join(cells) + " |\n"
    return text


if __name__ == "__main__":
    main()
