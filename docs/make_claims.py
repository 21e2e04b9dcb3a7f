"""Write docs/market_claims.md from a stored run of the market: `make claims`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import econ
from econ.claims.catalogue import NOT_MODELLED, Claim
from econ.claims.market import MARKET_CLAIMS, MarketRun, Projection, read_run
from econ.core.files import write_text
from econ.ensemble.effects import window_effect
from econ.report.document.findings import SETTLED, link_stance, named_with_unit, outcome_name
from econ.report.numbers import compact, short

PAGE = Path(__file__).parent / "market_claims.md"
#: Scenarios that differ in nothing but how far the laboratory's advantage carries over.
NONE, FULL = "no_transfer", "full_transfer"
EXPECTED = {1: "rises", -1: "falls", 0: "no sign"}
CONTRARY, OPEN, AS_CLAIMED, NO_SIGN, NO_VALUE = "contrary", "open", "as claimed", "no sign claimed", "no value before"
#: Contradictions first.
ORDER = (CONTRARY, OPEN, AS_CLAIMED, NO_VALUE, NO_SIGN)
WORDS = {"against": CONTRARY, "open": OPEN, "for": AS_CLAIMED, "plain": NO_SIGN}


CAUTION = (
    "**Lower harm by the advantage is an assumption and no response of the market**: the true potency of labels is in force before quarter 0, and the "
    "whole difference stands before any firm has learnt of it ([findings](market_findings.md#1-does-an-advantage-of-constraint-labels-raise-their-share-of-budgets)). The first "
    "link, budgets, has the contrary sign on the fitted surfaces, whatever their elasticity of substitution where the industry stands, which lies beyond what was measured; "
    "an elasticity of 3 imposed on a CES gives the claimed one. The advantage itself lies mostly at its assumed bound."
)


@dataclass(frozen=True)
class Link:
    """What a run says of one outcome of a claim.

    Attributes
    ----------
    projections : dict of str to Projection
        Change against the status quo, by scenario.
    effect : dict of str to float
        Paired effect of full against no transfer over the last two years, as from `window_effect`.
    """

    claim: Claim
    outcome: str
    expected: int
    projections: dict[str, Projection]
    effect: dict[str, float]
    replicates: int

    @property
    def in_time(self) -> str:
        """Whether the outcome moves as claimed in the baseline, the first scenario."""
        first = next(iter(self.projections.values()))
        return NO_VALUE if self.expected and not np.isfinite(first.share) else WORDS[link_stance(first)]

    @property
    def by_transfer(self) -> str:
        """Whether the laboratory's advantage moves it as claimed: by the 95 % interval of the paired effect."""
        if not self.expected:
            return NO_SIGN
        if not np.isfinite(self.effect["mean_difference"]):
            return NO_VALUE
        low, high = sorted(self.expected * self.effect[end] for end in ("low", "high"))
        return AS_CLAIMED if low > 0 else CONTRARY if high < 0 else OPEN

    @property
    def place(self) -> tuple[int, int]:
        """By which links are sorted: contrary in either sense first."""
        return tuple(sorted((ORDER.index(self.in_time), ORDER.index(self.by_transfer))))  # type: ignore[return-value]


def links_of(directory: Path) -> tuple[MarketRun, list[Link]]:
    """Every outcome of claims 11 to 14 in a stored run, contrary ones first."""
    run, stored = read_run(directory), econ.open_run(directory)
    names = [name for claim in MARKET_CLAIMS for name, _ in claim.outcomes]
    outcomes = stored.outcome_columns(names)
    links = []
    for claim in MARKET_CLAIMS:
        for name, expected in claim.outcomes:
            own = {p.scenario: p for p in run.projections if (p.claim, p.outcome) == (claim.id, name)}
            if own:
                links.append(Link(claim, name, expected, own, window_effect(outcomes, FULL, NONE, name), run.replicates))
    return run, sorted(links, key=lambda link: (link.place, link.claim.id))


def page(run: MarketRun, links: Sequence[Link], quarters: int, finished: str) -> str:
    """The whole page."""
    parts = [
        "# Claims 11 to 14: what the market says, claim by claim",
        f"`make claims` made this page; do not edit. {run.replicates} replicates, {quarters} quarters, seed {run.seed}, econ {run.econ_version}, "
        f"surfaces `{run.surfaces['id']}`, configuration `{run.config_hash[:12]}`, {finished}. **Conditional projections, neither measurements nor forecasts, "
        "and no verdicts**: they follow from laboratory curves of toy worlds, an assumed `transfer`, assumed prices and a model of the market whose "
        "behaviour is in large part assumed. `econ claims --run DIR` prints the same for any run.",
        f"Two questions are kept apart. *In time*: does the outcome move as the claim says, from the status quo (quarter -1) to the last two years of the baseline? "
        f"From {SETTLED:.0%} of replicates on, it does (\"{AS_CLAIMED}\"), to {1 - SETTLED:.0%} the \"{CONTRARY}\" sign, else \"{OPEN}\". The market grows and learns whatever "
        f"the hypothesis does, so this alone says little of it. *By the advantage*: what changes if the laboratory's advantage carries over in full, against not at all "
        f"(`{FULL}` minus `{NONE}`, paired by replicate, last two years, 95 % interval; unadjusted for the number of outcomes). `{NONE}` is no market without an advantage "
        "([findings](market_findings.md)).",
        "## All outcomes, contrary ones first", _grid(HEAD, map(_row, links)), _summary(links), CAUTION,
    ]  # fmt: skip
    for claim in sorted(MARKET_CLAIMS, key=lambda c: min(link.place for link in links if link.claim.id == c.id)):
        parts += _section(claim, [link for link in links if link.claim.id == claim.id])
    parts += ["## Not modelled", f"So not seen here: {'; '.join(NOT_MODELLED)}."]
    return "\n\n".join(parts) + "\n"


HEAD = ("claim", "outcome", "claimed", "baseline: change in time, 90 % of replicates", "in time", "advantage in full minus none [95 %]", "by the advantage")


def _row(link: Link) -> list[str]:
    first = next(iter(link.projections.values()))
    marks = [f"**{word}**" if word == CONTRARY else word for word in (link.in_time, link.by_transfer)]
    return [str(link.claim.id), named_with_unit(link.outcome, first.unit), EXPECTED[link.expected], _change(first), marks[0], _effect(link), marks[1]]


def _change(p: Projection) -> str:
    if not np.isfinite(p.change):
        return f"{short(p.level)}, none before"
    share = f"; {p.share:.0%}" if np.isfinite(p.share) else ""
    return f"{_signed(p.change)} [{_signed(p.low)}, {_signed(p.high)}]{share}"


def _effect(link: Link) -> str:
    found = link.effect
    if not np.isfinite(found["mean_difference"]):
        return "–"
    fewer = f" (n {found['pairs']:.0f})" if found["pairs"] < link.replicates else ""
    low, high = (_signed(found[end]) for end in ("low", "high"))
    return f"{_signed(found['mean_difference'])} [{low}, {high}]{fewer}"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + compact(value)


def _summary(links: Sequence[Link]) -> str:
    """Counts, and which outcomes go against the claim in either sense."""
    claimed = [link for link in links if link.expected]
    lines = []
    for said, of in (("In time", "in_time"), ("By the advantage", "by_transfer")):
        counts = {word: [link for link in claimed if getattr(link, of) == word] for word in (CONTRARY, OPEN, AS_CLAIMED)}
        without = len(claimed) - sum(map(len, counts.values()))
        named = f" Without a value in the status quo: {without}." if without else ""
        named += "".join(f" {word.capitalize()}: {', '.join(outcome_name(link.outcome).lower() for link in counts[word])}." for word in (CONTRARY, OPEN) if counts[word])
        lines.append(f"- *{said}*, of {len(claimed)} outcomes with a claimed sign: " + ", ".join(f"{len(own)} {word}" for word, own in counts.items()) + f".{named}")
    return "\n".join(lines)


def _section(claim: Claim, links: Sequence[Link]) -> list[str]:
    scenarios = list(links[0].projections)
    rows = [[named_with_unit(link.outcome, link.projections[scenarios[0]].unit), EXPECTED[link.expected], *(_change(link.projections[name]) for name in scenarios)] for link in links]
    return [
        f"## Claim {claim.id}",
        f"{claim.text} (Stated confidence: {claim.confidence}, score {claim.score:g}.) Change in time by scenario, with 90 % of replicates and the share that has the claimed sign:",
        _grid(("outcome", "claimed", *(f"`{name}`" for name in scenarios)), rows),
    ]  # fmt: skip


def _grid(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in (head, *rows)]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines)


def main() -> None:
    """Read the run, write the page."""
    directory = Path(sys.argv[1])
    run, links = links_of(directory)
    manifest = econ.open_run(directory).manifest
    write_text(PAGE, page(run, links, manifest.quarters, manifest.finished[:10] if manifest.finished else ""))


if __name__ == "__main__":
    main()
