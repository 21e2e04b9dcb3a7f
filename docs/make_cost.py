"""Write docs/cost.md from what `econ cost` answers with nothing asked: `make costs`."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from econ.core.files import write_text
from econ.core.provenance import now, provenance
from econ.report.cost.write import compact

PAGE = Path(__file__).parent / "cost.md"
PIPELINES = ("preference-only", "negative-only", "critic-written", "hybrid")
#: Rivals with which a critic's calls are compared.
RIVALS = ("preference-only", "negative-only")
#: From this share on all draws attain a target.
ALL = 0.995


def main() -> None:
    """Read the tables of a stored `econ cost --out DIR`, write the page."""
    folder = Path(sys.argv[1])
    table = pd.read_csv(folder / "cost.csv")
    table = table[table["labels"] == LABELS]
    facts = provenance("cpu")
    text = (
        "# What less harm costs\n\n"
        f"`make costs` made this page: `econ cost` with nothing asked, econ {facts['econ_version']}, {now()[:10]}. Median and 90 % "
        "interval of the surfaces' draws, prices and transfer; the share of draws that attain the target, if not all. Before any market "
        "reacts; conditional on laboratory curves extrapolated beyond the measured budgets, assumed transfer and assumed prices. "
        "*Not attainable*: more than half of the draws never get there at any price. An asterisk: the mix rests on the prior of the "
        "elasticity of substitution, which the laboratory did not identify. `econ cost --out DIR` writes the figures.\n"
    )
    for start in dict.fromkeys(table["start"]):
        for distribution in dict.fromkeys(table["distribution"]):
            rows = table[(table["start"] == start) & (table["distribution"] == distribution)]
            text += f"\n## {TITLES.get(start, start)}, {DISTRIBUTIONS[distribution]}\n\n" + _markdown(rows)
    write_text(PAGE, text + "\n" + CRITIC)


TITLES = {"untrained": "From the untrained model", "status-quo": "On top of today's stocks"}
DISTRIBUTIONS = {"ood": "out of distribution", "id": "in distribution"}
LABELS = "commercial"
CRITIC = (
    "*Critic-written*: pairs that an AI judge wrote under drafted rules, measured alone and from the untrained model, so on top of "
    "labels held already it is *not measured*. *AI call worth*: the price of a call of the judge at which the critic costs as much as the "
    "other pipeline; infinite where only the critic attains the target, 0 where drafting alone costs more. What it did to helpfulness and "
    "over-refusal stands in `cost.csv`. [What its labels are and how they are scaled](concepts/cost.md#labels-that-a-critic-wrote).\n"
)


def _markdown(rows: pd.DataFrame) -> str:
    """Cost and hours by pipeline, one column per target, a share of harm at the start."""
    targets = sorted(rows["share_of_start"].dropna().unique(), reverse=True)
    text = "| pipeline | | " + " | ".join(f"to {100 * target:.0f} % of it" for target in targets) + " |\n"
    text += "|---|---" + "|---" * len(targets) + "|\n"
    lines = [(pipeline, quantity, pipeline if quantity == "cost" else "", unit) for pipeline in PIPELINES for quantity, unit in (("cost", "USD"), ("hours", "hours"))]
    lines += [(f"critic-written against {rival}", "break_even_call_price", f"AI call worth, against {rival}", "USD") for rival in RIVALS]
    for pipeline, quantity, title, unit in lines:
        here = rows[(rows["pipeline"] == pipeline) & (rows["quantity"] == quantity)].set_index("share_of_start")
        if len(here):
            cells = [_cell(here.loc[target], words=quantity == "cost") for target in targets]
            text += f"| {title} | {unit} | " + " | ".join(cells) + " |\n"
    return text


def _cell(row: pd.Series, words: bool) -> str:
    """A median with its interval, or the answer in words."""
    if row["status"] == "not measured":
        return "not measured"
    share = "" if not words or row["share_attainable"] >= ALL else f" ({100 * row['share_attainable']:.0f} %)"
    if row["status"] == "not attainable":
        return f"not attainable{share}" if words else ""
    mark = " \\*" if row["status"] == "not identified" else ""
    return f"{compact(row['p50'])} [{compact(row['p05'])}, {compact(row['p95'])}]{share}{mark}"


if __name__ == "__main__":
    main()
