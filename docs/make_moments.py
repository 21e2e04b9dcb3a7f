"""Write docs/moments.md from a stored run of the baseline and of both replays: `make moments`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pandas as pd

import econ
from econ.core.files import write_text
from econ.ensemble.moments import MOMENT_COLUMNS, met, missed, moments_file, moments_table
from econ.ensemble.tables import by_scenario
from econ.report.numbers import short

PAGE = Path(__file__).parent / "moments.md"
#: Which replay shows a fact; all others are read off the first scenario.
REPLAYS = {"M17": "customer_loss", "M18": "vertical_tie", "M19": "vertical_tie"}
USES = {
    "calibrate": "Facts that defaults may be tuned on",
    "validate": "Facts held out: never tuned on",
    "report": "Facts that are shown only",
}


def main() -> None:
    """Read the run, write the page."""
    run = econ.open_run(Path(sys.argv[1]))
    rows = by_scenario(run.outcome_columns(MOMENT_COLUMNS))
    tables = {name: moments_table(rows[name]) for name in dict.fromkeys([run.scenarios[0], *REPLAYS.values()])}
    facts = pd.read_csv(moments_file()).set_index("id")
    shown = [tables[_scenario(run.scenarios[0], fact)].set_index("id").loc[[fact]] for fact in facts.index]
    table = pd.concat(shown).reset_index()
    table["missed"] = table["id"].isin(missed(table)["id"])
    known = table["simulated"].notna()
    manifest = run.manifest
    text = (
        "# Simulated moments beside the facts\n\n"
        f"`make moments` made this page: {', '.join(run.scenarios)}, {manifest.replicates} replicates, seed {manifest.seed}, econ "
        f"{manifest.econ_version}, configuration `{manifest.config_hash[:12]}`, {(manifest.finished or '')[:10]}. Facts with band, "
        "grade and source are `calibration/moments.csv`; how each counterpart is computed is `econ.ensemble.moments`. Distance "
        "is (simulated - target) over half the band. Calendar: quarters -4 to -1 are 2024. A counterpart whose value is an input "
        "says so; it can confirm nothing.\n\n"
    )
    for use, title in USES.items():
        part = table[(table["use"] == use) & known]
        banded = part[part[["low", "high"]].notna().any(axis=1)]
        inside = int(banded["id"].isin(met(banded)["id"]).sum())
        text += f"## {title}\n\n{len(part)} with a counterpart, {len(banded)} of them with a band, {inside} inside it.\n\n" + _markdown(part, facts) + "\n"
    lacking = table[~known]
    text += f"## Without a counterpart among the outcomes\n\n{len(lacking)} facts: " + "; ".join(
        f"{row['id']} {row['name']} ({row['use']})" for row in lacking.to_dict("records")
    )
    folder = Path(sys.argv[1]) / "figures"
    # The first page's figure shows the same baseline as the facts here.
    shutil.copyfile(folder / "budget_shares.png", PAGE.parent / "figures" / "budget_shares.png")
    write_text(PAGE, text + ".\n\n" + _replays(folder))


def _replays(folder: Path) -> str:
    """The figures of both replays beside their facts, kept with the page."""
    alts = json.loads((folder / "alt_text.json").read_text(encoding="utf-8"))
    text = "## Replays beside what happened\n\n"
    for name in dict.fromkeys(REPLAYS.values()):
        stem = f"replay_{name}__{name}"
        shutil.copyfile(folder / f"{stem}.png", PAGE.parent / "figures" / f"replay_{name}.png")
        text += f"![{alts[stem]}](figures/replay_{name}.png)\n\n"
    return text.rstrip() + "\n"


#: Why a counterpart that is met confirms little: it is an input, follows from one, or is a sign that was not told from 0.
INPUTS = {
    "M4": "growth is an input", "M6a": "wages are inputs", "M6b": "wages are inputs", "M7": "wages are inputs", "M11a": "unpaid search is an input",
    "M25": "growth of users is an input", "M17b": "the share that leaves is an input",
    "M18a": "how far rivals turn away is an input", "M18b": "what leaves one vendor goes to others",
    "M22a": "the leader at the start is the largest draw, which reverts", "M22b": "0 where the change is not told from 0",
}  # fmt: skip


def _scenario(baseline: str, fact: str) -> str:
    return next((name for start, name in REPLAYS.items() if fact.startswith(start)), baseline)


def _markdown(part: pd.DataFrame, facts: pd.DataFrame) -> str:
    text = "| fact | | target | band | simulated | distance | | note |\n|---|---|---|---|---|---|---|---|\n"
    for row in part.to_dict("records"):
        fact = facts.loc[row["id"]]
        low, high = ("" if pd.isna(end) else short(end) for end in (row["low"], row["high"]))
        band = f"{low} to {high}" if low and high else f"{low} and more" if low else high
        error = "" if pd.isna(row["mc_error"]) else f" ± {short(row['mc_error'])}"
        distance = "" if pd.isna(row["distance"]) else f"{row['distance']:+.2f}"
        replay = "replay" if _scenario("", row["id"]) else ""
        note = "; ".join(words for words in (replay, INPUTS.get(row["id"], "")) if words)
        verdict = "**missed**" if row["missed"] else "inside" if band else "no band"
        text += (
            f"| {row['id']} | {row['name']} ({fact['unit']}, {fact['year']}) | {short(row['target'])} | {band} | "
            f"{short(row['simulated'])}{error} | {distance} | {verdict} | {note} |\n"
        )
    return text


if __name__ == "__main__":
    main()
