"""Write docs/cost.md from what `econ cost` answers with nothing asked: `make costs`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from econ.core.files import write_text
from econ.core.measurements import DISTRIBUTION_NAMES
from econ.core.provenance import now, provenance
from econ.report.cost.printed import ALL
from econ.report.numbers import compact
from econ.surfaces import Surfaces, load_surfaces

PAGE = Path(__file__).parent / "cost.md"
CRITIC, NEGATIVE = "critic-written", "negative-only"
PIPELINES = ("preference-only", NEGATIVE, CRITIC, "hybrid")
QUANTITIES = (("cost", "USD"), ("hours", "hours"), ("helpfulness", "helpfulness"), ("over_refusal", "over-refusal"))
#: Rivals with which a critic's calls are compared.
RIVALS = ("preference-only", NEGATIVE)
CALL_PRICE = "break_even_call_price"
#: From this share of draws beyond the measured labels a cell is marked.
MOST = 0.5
TITLES = {"untrained": "From the untrained model", "status-quo": "On top of today's stocks"}
FORMS = {"hill": "Hill", "exponential": "exponential", "power": "power"}


def main() -> None:
    """Read the tables of a stored `econ cost --out DIR`, write the page."""
    every = pd.read_csv(Path(sys.argv[1]) / "cost.csv")
    table, surfaces = every[every["labels"] == "commercial"], load_surfaces()
    text = _opening(surfaces)
    for start in dict.fromkeys(table["start"]):
        for distribution in dict.fromkeys(table["distribution"]):
            rows = table[(table["start"] == start) & (table["distribution"] == distribution)]
            text += f"\n## {TITLES.get(start, start)}, {DISTRIBUTION_NAMES[distribution]}\n\n" + _markdown(rows)
            if CRITIC in set(rows.loc[rows["quantity"] == "scale", "pipeline"]):
                text += "\n" + _same_setting(rows, surfaces) + _by_form(rows, distribution)
    write_text(PAGE, text + "\n## What the critic's figures are\n\n" + _of_the_critic(every, surfaces))


def _opening(surfaces: Surfaces) -> str:
    assert surfaces.critic is not None
    return (
        f"# What less harm costs\n\n`make costs` made this page: `econ cost` with nothing asked, econ {provenance('cpu')['econ_version']}, {now()[:10]}. "
        "Median and 90 % interval of the surfaces' draws, prices and transfer; the share of draws that attain the target, if not all. Before any "
        "market reacts; conditional on laboratory curves, assumed transfer and assumed prices. *Not attainable*: more than half of the "
        "draws never get there at any price. An asterisk: the mix rests on the prior of the elasticity of substitution, which the laboratory did "
        "not identify. A dagger: half or more of the draws that attain the target need more labels than were measured "
        f"({surfaces.critic.largest:,.0f} of a critic, {surfaces.domain['a']:,.0f} flags, {surfaces.domain['b']:,.0f} pairs). Helpfulness (0 to 1) and "
        "over-refusal (a rate) are those that come with the target. Tuning is charged to none. `econ cost --out DIR` writes the figures.\n"
    )


def _markdown(rows: pd.DataFrame) -> str:
    """What each pipeline costs and comes with, one column per target, a share of harm at the start."""
    targets = _targets(rows)
    text = "| pipeline | | " + " | ".join(f"to {_percent(target)} of it" for target in targets) + " |\n"
    text += "|---|---" + "|---" * len(targets) + "|\n"
    lines = [(pipeline, quantity, pipeline if quantity == "cost" else "", unit) for pipeline in PIPELINES for quantity, unit in QUANTITIES]
    lines += [(f"{CRITIC} against {rival}", CALL_PRICE, f"AI call worth, against {rival}", "USD") for rival in RIVALS]
    for pipeline, quantity, title, unit in lines:
        here = _by_target(rows, pipeline, quantity)
        if len(here):
            outside = _by_target(rows, pipeline.partition(" against ")[0], "extrapolated")["p50"].reindex(targets)
            cells = [_cell(here.loc[t], outside[t] >= MOST, words=quantity in ("cost", CALL_PRICE)) for t in targets]
            if any(cells):
                text += f"| {title} | {unit} | " + " | ".join(cells) + " |\n"
    return text


def _targets(rows: pd.DataFrame) -> list[float]:
    return sorted(rows["share_of_start"].dropna().unique(), reverse=True)


def _by_target(rows: pd.DataFrame, pipeline: str, quantity: str) -> pd.DataFrame:
    return rows[(rows["pipeline"] == pipeline) & (rows["quantity"] == quantity)].set_index("share_of_start")


def _cell(row: pd.Series, outside: bool, words: bool) -> str:
    """A median with its interval, or the answer in words."""
    if row["status"] == "not measured":
        return "not measured"
    share = "" if not words or row["share_attainable"] >= ALL else f" ({_percent(row['share_attainable'])})"
    dagger = " †" if outside else ""
    if row["status"] == "not attainable":
        return f"not attainable{share}{dagger}" if words else ""
    mark = " \\*" if row["status"] == "not identified" else ""
    return f"{compact(row['p50'])} [{compact(row['p05'])}, {compact(row['p95'])}]{share}{mark}{dagger}"


def _same_setting(rows: pd.DataFrame, surfaces: Surfaces) -> str:
    """Negative-only as it was measured in the critic's setting, beside the table, which discounts it alone."""
    assert surfaces.critic is not None
    targets, versus = _targets(rows), f"{CRITIC} against {NEGATIVE}"
    cost = _by_target(rows, NEGATIVE, "cost_at_critics_setting").loc[targets, "p50"]
    there, here = (_by_target(rows, versus, name).loc[targets, "p50"] for name in ("share_cheaper_at_critics_setting", "share_cheaper"))
    at = "" if surfaces.critic.verifiability is None else f", verifiability {surfaces.critic.verifiability:.2f}"
    text = (
        f"At the critic's own setting (transfer 1{at}) negative-only costs {_listed(map(compact, cost))} USD to {_listed(map(_percent, targets))} of it, and the "
        f"critic is cheaper in {_listed(map(_percent, there))} of draws; in the table, in {_listed(map(_percent, here))}. "
    )
    if (there < here).all() and (there < MOST).all():
        what = "The critic's advantage in the table" if (here > MOST).any() else "Where the critic is cheaper in the table, that"
        text += f"{what} is the assumption that it is neither discounted by transfer nor hindered where humans cannot check. "
    return text


def _by_form(rows: pd.DataFrame, distribution: str) -> str:
    """The least harm that was measured, and which draws attain less."""
    own = rows[rows["pipeline"] == CRITIC].set_index("quantity")
    least = own.loc["least_measured_harm", "p50"]
    below = [target for target in _targets(rows) if target < least]
    said = [
        f"{_listed(_percent(found.loc[t, 'p50']) for t in below)} of {name} draws"
        for form, name in FORMS.items()
        for found in [_by_target(rows, CRITIC, f"share_attainable_{form}")]
        if len(found)
    ]
    text = f"The least harm measured with a critic's labels {DISTRIBUTION_NAMES[distribution]} is {least:.2f}"
    if not below:
        return text + ".\n"
    return f"{text}; whether they attain less is decided by the form of the curve: to {_listed(map(_percent, below))} of it, {' and '.join(said)} do.\n"


def _of_the_critic(every: pd.DataFrame, surfaces: Surfaces) -> str:
    """The footnotes: what is bought, what a call is worth, and on what the commercial scale rests."""
    own = every[(every["pipeline"] == CRITIC) & (every["start"] == "untrained")]
    commercial, laboratory = (own[own["labels"] == units] for units in ("commercial", "laboratory"))
    scale, half = (_range(commercial[commercial["quantity"] == name].iloc[0]) for name in ("scale", "pair_half_saturation"))
    plain = []
    for distribution in dict.fromkeys(laboratory["distribution"]):
        found = _by_target(laboratory[laboratory["distribution"] == distribution], CRITIC, "cost")
        plain.append(f"{DISTRIBUTION_NAMES[distribution]} {_listed(compact(found.loc[t, 'p50']) for t in _targets(found.reset_index()))} USD")
    targets = _listed(map(_percent, _targets(laboratory)))
    assert surfaces.critic is not None
    return (
        "*Critic-written*: pairs that an AI judge wrote under drafted rules, measured alone and from the untrained model, so on top of labels held "
        f"already it is *not measured*. Its rules are drafted and tried, at {surfaces.critic.drafting:g} times the fixed work of flags.\n\n"
        "*AI call worth*: the price of a call of the judge at which the critic costs as much as the other pipeline does at the critic's own setting. "
        "Infinite where only the critic attains the target; 0 where only the other does, or where drafting alone costs more. It is taken over the "
        "draws in which either attains the target: their share, if not all; *not attainable* below half.\n\n"
        f"*Scale*: one laboratory label of the critic counts for s = {scale} commercial ones in a draw, under both distributions, as a human pair does. "
        f"That rests on a half-saturation of {half} pairs out of distribution, where {surfaces.domain['b']:,.0f} were measured: the "
        f"commercial figures of the critic are illustrations. At s = 1 (`--units laboratory`) it costs, to {targets} of it, {'; '.join(plain)} "
        "(∞: not attainable in most draws).\n\n"
        "[What its labels are and how they are scaled](concepts/cost.md#labels-that-a-critic-wrote).\n"
    )


def _range(row: pd.Series) -> str:
    return f"{compact(row['p50'])} [{compact(row['p05'])}, {compact(row['p95'])}]"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _listed(words: Iterable[str]) -> str:
    """Words with commas and a last "and"."""
    several = list(words)
    return several[0] if len(several) == 1 else f"{', '.join(several[:-1])} and {several[-1]}"


if __name__ == "__main__":
    main()
