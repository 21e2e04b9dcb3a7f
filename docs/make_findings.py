"""Run what docs/market_findings.md asks and write its tables anew: `make findings`.

The page's words are written by hand; every table stands between two comments, `table: NAME` and `end`, and is computed
here. Differences are paired (same seed, same replicates), means over the last eight of forty quarters, with Monte Carlo
errors. Names of tables on the command line compute these alone.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

PAGE = Path(__file__).parent / "market_findings.md"
#: Where finished runs wait, should the command be interrupted.
STORE = Path(__file__).parents[1] / "runs" / "findings"
QUARTERS, LAST, SEED = 40, 8, 1
Array = Any
#: Settings of `econ run --set`, without the option, and `seed=K`; empty for the baseline with seed 1.
Settings = tuple[str, ...]
Rows = list[list[str]]


@dataclass(frozen=True)
class Market:
    """One ensemble: outcomes and flows of the ledger [S, T] by name from quarter -8."""

    outcomes: dict[str, Array]
    flows: dict[str, Array]

    def last(self, name: str) -> Array:
        """Mean over the last eight quarters by replicate [S]; NaN where there is no value."""
        return mean(self.outcomes[name][:, -LAST:])

    def before(self, name: str) -> Array:
        """In the last quarter of the burn-in [S]."""
        return self.outcomes[name][:, 7]


def mean(values: Array) -> Array:
    """Mean along the last axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(axis=-1) / np.where(known.any(axis=-1), known.sum(axis=-1), np.nan)


def drawn(settings: Settings) -> tuple[int, Settings]:
    """The seed that settings name, and the others."""
    seeds = [int(text.removeprefix("seed=")) for text in settings if text.startswith("seed=")]
    return (seeds or [SEED])[0], tuple(text for text in settings if not text.startswith("seed="))


def compute(settings: Settings, replicates: int) -> Market:
    """Run the baseline with some settings, or read what an interrupted command has left of the same scenario and code."""
    import warnings

    from econ.core.files import content_hash
    from econ.ensemble.design import code_hash
    from econ.market.simulate import simulate
    from econ.scenario import load_scenario
    from econ.surfaces import load_surfaces

    warnings.simplefilter("ignore")
    seed, changes = drawn(settings)
    scenario = load_scenario("baseline")
    scenario = scenario.with_settings(*changes) if changes else scenario
    place = STORE / f"{content_hash([scenario.resolved(), replicates, QUARTERS, seed, code_hash()])[:20]}.npz"
    if place.exists():
        with np.load(place) as stored:
            return Market(*({name[2:]: stored[name] for name in stored if name[0] == part} for part in "of"))
    found = simulate(scenario, load_surfaces(), seed=seed, replicates=range(replicates), quarters=QUARTERS)
    parts = zip("of", (found.outcomes, found.ledger), strict=True)
    STORE.mkdir(parents=True, exist_ok=True)
    np.savez(place, **{f"{part}_{name}": values for part, columns in parts for name, values in columns.items()})  # type: ignore[arg-type]
    return Market(found.outcomes, found.ledger)


class Lab:
    """Runs what tables ask for, each set of settings once."""

    def __init__(self, replicates: int) -> None:
        self.replicates = replicates
        self.done: dict[Settings, Market] = {}
        self.wanted: dict[Settings, None] = {}

    def __call__(self, *settings: str) -> Market:
        """The market with these settings; while collecting, note that it is wanted."""
        if settings not in self.done:
            self.wanted[settings] = None
            raise KeyError(settings)
        return self.done[settings]

    def run(self) -> None:
        """Compute what is wanted, on two processes."""
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            for settings, market in zip(self.wanted, pool.map(compute, self.wanted, [self.replicates] * len(self.wanted)), strict=True):
                self.done[settings] = market
                sys.stdout.write(f"{len(self.done)} of {len(self.wanted)}: {' '.join(settings) or 'baseline'}\n")
                sys.stdout.flush()


def estimate(values: Array, unit: float = 1.0, digits: int = 3) -> str:
    """Mean and Monte Carlo error of values by replicate; of how many, where some have none."""
    known = values[np.isfinite(values)] * unit
    if len(known) < 2:
        return "–"
    some = f" ({len(known)} of {len(values)})" if len(known) < len(values) else ""
    return f"{known.mean():.{digits}f} ± {known.std(ddof=1) / np.sqrt(len(known)):.{digits}f}{some}"


def change(here: Market, there: Market, name: str) -> str:
    """Paired difference of an outcome in its unit of `UNITS`."""
    unit, digits = UNITS.get(name, (1.0, 3))
    return estimate(here.last(name) - there.last(name), unit, digits)


def level(here: Market, name: str) -> str:
    """Level of an outcome in its unit of `UNITS`."""
    unit, digits = UNITS.get(name, (1.0, 3))
    return estimate(here.last(name), unit, digits)


#: Factor and digits of outcomes that are not shown as they are.
UNITS: dict[str, tuple[float, int]] = {
    "constraint_budget_share": (100.0, 1), "bespoke_share": (100.0, 1), "harm_rate": (1.0, 4), "hhi_licence": (1.0, 0), "hhi_service": (1.0, 0),
    "licence_spend": (1e-6, 1), "licence_price": (1e-6, 2), "licence_payers": (1.0, 1), "curators_active": (1.0, 1), "exits": (1.0, 4),
    "wage_constrain": (1.0, 2), "wage_judge": (1.0, 2), "employment_constrain": (1.0, 0), "firms_without_library": (100.0, 1),
    "labeler_surplus": (1e-6, 2), "employment_judge_low_income": (1.0, 0), "preference_label_price": (1.0, 4), "commons_use": (100.0, 1), "top_share_service": (100.0, 1), "label_spend": (1e-6, 1), "hhi_firms": (1.0, 0),
}  # fmt: skip
#: Settings of the three ensembles of other draws.
SEEDS: tuple[Settings, ...] = ((), ("seed=2",), ("seed=3",))
NONE, FULL = "levers.transfer=0", "levers.transfer=1"
NO_LOBBY = ("parameters.lobby_stake_curators=0", "parameters.lobby_stake_firms=0", "parameters.lobby_stake_public=0")
NO_CAPTURE = ("parameters.capture_by_effort=0", "parameters.capture_by_dependence=0")
NO_INVESTMENT = ("parameters.library_cash_share=0", "parameters.library_revenue_share=0", "parameters.library_floor_spend=0")
#: Nobody learns: without spread, prior uncertainty and drift beliefs stay at their mean, as in `econ run --decompose`.
FROZEN = ("parameters.belief_heterogeneity=0", "parameters.belief_prior_sd=0", "parameters.belief_drift=0")
LINK = ("constraint_budget_share", "hhi_licence", "licence_payers", "harm_rate", "capture_index")
#: Structural alternatives that are shipped as scenarios, by what they set.
STRUCTURES: dict[str, Settings] = {
    "uncorrected_variety": ("parameters.variety_correction=0",), "corrected_variety": ("parameters.variety_correction=1",),
    "drifting_quality": ("parameters.curator_quality_persistence=0.95",), "gradual_growth": ("parameters.growth_ramp_quarters=12",),
    "even_brands": ("parameters.brand_sd=0.5",), "heavy_tailed_damage": ("parameters.damage_cv=7.3",), "stand_in_quality": ("parameters.measured_quality=0",),
}  # fmt: skip

#: Effects in doubt: what, settings, settings that they are compared with, outcomes.
DOUBTED: tuple[tuple[str, Settings, Settings, tuple[str, ...]], ...] = (
    ("full against no transfer", (FULL,), (NONE,), ("constraint_budget_share", "hhi_licence", "licence_payers", "capture_index")),
    ("`levers.safe_harbour=0`", ("levers.safe_harbour=0",), (), ("hhi_licence", "licence_payers", "harm_rate")),
    ("`levers.strict=1`", ("levers.strict=1",), (), ("hhi_licence", "licence_payers", "capture_index")),
    ("`levers.strict=1 levers.safe_harbour=0`", ("levers.strict=1", "levers.safe_harbour=0"), (), ("hhi_licence", "licence_payers")),
    ("`levers.commons=0.1`", ("levers.commons=0.1",), (), ("hhi_licence", "licence_payers", "harm_rate", "capture_index")),
    ("`levers.cert_mode=mandatory`", ("levers.cert_mode=mandatory",), (), ("hhi_licence", "capture_index")),
    ("`levers.cert_fee=5`", ("levers.cert_fee=5",), (), ("hhi_licence", "capture_index")),
)  # fmt: skip
WORDS = {
    "constraint_budget_share": "share, points", "hhi_licence": "HHI of licences", "licence_payers": "payers", "capture_index": "capture",
    "harm_rate": "relative harm",
}  # fmt: skip


def against(lab: Lab, cases: dict[str, Settings], columns: tuple[str, ...], base: Settings = ()) -> Rows:
    """One row of paired differences per case."""
    there = fetch(lab, base)
    rows = []
    for label, settings in cases.items():
        here = fetch(lab, settings)
        if here is not None and there is not None:
            rows.append([label, *(change(here, there, name) for name in columns)])
    return rows


def fetch(lab: Lab, settings: Settings) -> Market | None:
    """The market, or None while collecting."""
    try:
        return lab(*settings)
    except KeyError:
        return None


def levels(lab: Lab, cases: dict[str, Settings], columns: tuple[str, ...]) -> Rows:
    """One row of levels per case."""
    markets = {label: fetch(lab, settings) for label, settings in cases.items()}
    return [[label, *(level(m, name) for name in columns)] for label, m in markets.items() if m is not None]


# Tables


def first_link(lab: Lab) -> tuple[list[str], Rows]:
    """Full transfer against none, by elasticity of substitution."""
    rows = []
    for sigma in (None, 0.5, 0.77, 1.11, 1.5, 1.82, 2.5, 4.0):
        extra = () if sigma is None else (f"levers.sigma={sigma:g}",)
        label = "fitted surfaces" if sigma is None else f"σ = {sigma:g}, imposed on a CES"
        rows += against(lab, {label: (FULL, *extra)}, LINK, (NONE, *extra))
    return ["surface", "share, points", "HHI of licences", "payers", "relative harm", "capture"], rows


def response(lab: Lab) -> tuple[list[str], Rows]:
    """Of full transfer against none: what is there before quarter 0, and what of it goes where nobody learns."""
    rows = []
    for sigma in (None, 0.5, 1.5, 4.0):
        extra = () if sigma is None else (f"levers.sigma={sigma:g}",)
        none, full, *still = (fetch(lab, (transfer, *extra, *frozen)) for frozen in ((), FROZEN) for transfer in (NONE, FULL))
        if none is None or full is None or still[0] is None or still[1] is None:
            continue
        without, with_it = still
        harm = (full.before("harm_rate") - none.before("harm_rate"), full.last("harm_rate") - none.last("harm_rate"))
        learned = []
        for name in ("harm_rate", "constraint_budget_share", "label_spend"):
            # In both, since a spread of beliefs alone moves outcomes where there is nothing to learn.
            more = full.last(name) - none.last(name) - (with_it.last(name) - without.last(name))
            learned.append(estimate(more, *UNITS[name]))
        label = "fitted surfaces" if sigma is None else f"σ = {sigma:g}, imposed on a CES"
        rows.append([label, *(estimate(x, 1, 4) for x in harm), *learned])
    heads = ["surface", "harm, full against none, in quarter -1", "the same, last eight quarters"]
    return [*heads, "of it by learning: harm", "share, points", "label spending, mn"], rows


def margin(lab: Lab) -> tuple[list[str], Rows]:
    """What a further dollar on constraints takes off harm at the status-quo outlays, over one on preferences."""
    if not lab.done:
        return [], []
    rows = []
    for transfer in (0.0, 0.5, 1.0):
        ratio = dollars(transfer, max(lab.replicates, 64))
        low, middle, high = np.quantile(ratio, (0.05, 0.5, 0.95))
        rows.append([f"{transfer:g}", f"{middle:,.0f}", f"{low:,.1f} to {high:,.0f}", f"{np.mean(ratio > 1):.2f}"])
    return ["transfer", "median", "90 % of replicates", "share of replicates above 1"], rows


@cache
def status_quo(replicates: int, settings: Settings = ()) -> tuple[Any, Any]:
    """The setting and status quo of the baseline with some settings."""
    from econ.market.simulate import at_rest
    from econ.scenario import load_scenario
    from econ.surfaces import load_surfaces

    seed, changes = drawn(settings)
    scenario = load_scenario("baseline")
    scenario = scenario.with_settings(*changes) if changes else scenario
    return at_rest(scenario, load_surfaces(), seed, range(replicates), 1)[:2]


def responses(transfer: float | Array, replicates: int) -> tuple[Array, Array, Array]:
    """Relative harm over requests, and what it loses per relative rise of constraint and of preference labels [S], at the status quo's outlays.

    Parameters
    ----------
    transfer : float or [S]
        At which constraint labels stand on the surface.
    replicates : int
    """
    _, quo = status_quo(replicates)
    at = quo.response
    x = at.position_x[:, None] * np.exp(np.reshape(transfer, (-1, 1)) * at.advantage)
    weight = quo.request_frequency / quo.request_frequency.sum(axis=1, keepdims=True)
    harm, by_constraints, by_preferences = ((weight * found).sum(axis=1) for found in at.surface.evaluate(x, at.position_y[:, None]))
    return harm, by_constraints, by_preferences


def dollars(transfer: float, replicates: int) -> Array:
    """Relative harm that a dollar on constraint labels removes over what one on preference labels does [S].

    At the outlays of the status quo, true surface, over requests; stocks are worth outlay over depreciation.
    """
    s, quo = status_quo(replicates)
    _, by_constraints, by_preferences = responses(transfer, replicates)
    stocks = quo.outlay_constraint.sum(axis=1) / s.p["depreciation_constraint"], quo.outlay_preference / s.p["depreciation_preference"]
    return by_constraints / stocks[0] / (by_preferences / stocks[1])


def elasticities(lab: Lab) -> tuple[list[str], Rows]:
    """Elasticity of harm in labels of either kind at the status quo's outlays, by transfer."""
    if not lab.done:
        return [], []
    size = max(lab.replicates, 64)
    cases = {"0, which all firms believe on average at first": 0.0, "by its prior, as in the baseline": status_quo(size)[1].response.transfer, "1": 1.0}
    rows = []
    for label, transfer in cases.items():
        harm, *falls = responses(transfer, size)
        found = [np.quantile(fall / harm, (0.5, 0.05, 0.95)) for fall in falls]
        rows.append([label, *(f"{middle:{form}} ({low:{form}} to {high:{form}})" for (middle, low, high), form in zip(found, (".2f", ".1g"), strict=True))])
    return ["transfer", "in constraint labels, median (90 % of replicates)", "in preference labels"], rows


def by_sigma(lab: Lab) -> tuple[list[str], Rows]:
    """The first link by the elasticity of substitution of the surface drawn, where the replicate stands on it, over three seeds."""
    pairs = [(fetch(lab, (FULL, *seed)), fetch(lab, (NONE, *seed))) for seed in SEEDS]
    known = [(here, there) for here, there in pairs if here is not None and there is not None]
    if len(known) < len(pairs):
        return [], []
    sigma = np.concatenate([elasticity_of_substitution(lab.replicates, seed) for seed in SEEDS])
    effects = {name: np.concatenate([here.last(name) - there.last(name) for here, there in known]) for name in LINK}
    groups = {"below 1": sigma < 1, "1 or more": (sigma >= 1) & np.isfinite(sigma), "none: the isoquant is flat or bends outward": np.isinf(sigma)}
    rows = []
    for label, mine in groups.items():
        falls = effects["constraint_budget_share"][mine] < 0
        rows.append([label, str(int(mine.sum())), str(int(falls.sum())), *(estimate(effects[name][mine], *UNITS.get(name, (1.0, 3))) for name in LINK)])
    return ["σ where the replicate stands", "replicates", "of them the share falls in", *(WORDS[name] for name in LINK)], rows


def elasticity_of_substitution(replicates: int, settings: Settings) -> Array:
    """σ at the status quo, median over categories [S]; infinite where no mix is cheapest, NaN where there is no status quo."""
    s, quo = status_quo(replicates, settings)
    at = quo.response
    found = np.full(replicates, np.nan)
    found[s.replicates] = np.median(at.surface.elasticity_of_substitution(at.position_x[:, None], at.position_y[:, None]), axis=1)
    return found


def positions(lab: Lab) -> tuple[list[str], Rows]:
    """The first link by where the industry stands, and by the bound of the advantage."""
    values = (("position_constraints", (0.5, 2)), ("position_preferences", (2, 8)), ("advantage_bound", (2.3, 9.2)))
    cases: dict[str, Settings] = {"as shipped": ()}
    cases |= {f"`parameters.{name}={value:g}`": (f"parameters.{name}={value:g}",) for name, pair in values for value in pair}
    rows = []
    for label, extra in cases.items():
        found = against(lab, {label: (FULL, *extra)}, LINK, (NONE, *extra))
        rows += [[label, f"{100 * bounded(max(lab.replicates, 64), extra):.0f}", *row[1:]] for row in found]
    return ["both runs with", "log advantage at its bound, % of categories and of 64 replicates", *(WORDS[name] for name in LINK)], rows


def bounded(replicates: int, settings: Settings) -> float:
    """Share of categories and replicates whose log advantage lies at its assumed bound."""
    s, quo = status_quo(replicates, settings)
    return float((np.abs(quo.response.advantage) >= s.p["advantage_bound", 1]).mean())


def opening(lab: Lab) -> tuple[list[str], Rows]:
    """Change of budgets since the last quarter before the licence market opened."""
    rows = []
    cases = {
        "no transfer": (NONE,), "no transfer, nobody may license": (NONE, "parameters.library_reconsideration=0"),
        "no transfer, without growth": (NONE, "parameters.growth_start=0", "parameters.growth_long_run=0"),
        "full transfer": (FULL,),
    }  # fmt: skip
    for label, settings in cases.items():
        here = fetch(lab, settings)
        if here is not None:
            names = ("constraint_budget_share", "bespoke_share", "spend_per_revenue")
            rows.append([label, *(estimate(here.last(name) - here.before(name), 100, 1) for name in names)])
    return ["scenario", "constraint share", "constraints' share of labels alone", "spending per revenue"], rows


def harbour(lab: Lab) -> tuple[list[str], Rows]:
    """Liability, safe harbour and certification."""
    cases = {
        "`levers.safe_harbour=0`": ("levers.safe_harbour=0",), "`levers.safe_harbour=0.8`": ("levers.safe_harbour=0.8",),
        "`levers.strict=1`": ("levers.strict=1",), "`levers.strict=1 levers.safe_harbour=0`": ("levers.strict=1", "levers.safe_harbour=0"),
        "`levers.cert_mode=none`": ("levers.cert_mode=none",),
    }  # fmt: skip
    columns = ("hhi_licence", "licence_payers", "licence_spend", "constraint_budget_share", "harm_rate", "capture_index")
    return ["setting", "HHI of licences", "payers", "licence spending, mn", "share, points", "relative harm", "capture"], against(lab, cases, columns)


def harbour_variants(lab: Lab) -> tuple[list[str], Rows]:
    """Whether strict liability moves the index of licences the same way in the structural alternatives."""
    bases: dict[str, Settings] = {"baseline": (), **{name: STRUCTURES[name] for name in STRUCTURES if name != "heavy_tailed_damage"}}
    bases |= {f"σ = {sigma:g}": (f"levers.sigma={sigma:g}",) for sigma in (0.5, 1.5, 3)}
    rows = []
    for label, base in bases.items():
        there, with_it, without = (fetch(lab, (*base, *more)) for more in ((), ("levers.strict=1",), ("levers.strict=1", "levers.safe_harbour=0")))
        if there is not None and with_it is not None and without is not None:
            rows.append([label, *(change(here, there, name) for here in (with_it, without) for name in ("hhi_licence", "licence_payers", "constraint_budget_share"))])
    heads = [f"strict 1{how}: {what}" for how in ("", ", no safe harbour") for what in ("HHI of licences", "payers", "share, points")]
    return ["strict liability in", *heads], rows


def stakes(lab: Lab) -> tuple[list[str], Rows]:
    """What capture goes with across replicates of the baseline."""
    here = fetch(lab, ())
    if here is None:
        return [], []
    rows = []
    for name in ("stake_ratio", "industry_influence", "licence_spend", "hhi_licence", "hhi_normative"):
        x, y = here.last(name), here.last("capture_index")
        known = np.isfinite(x) & np.isfinite(y)
        found = np.corrcoef(x[known], y[known])[0, 1]
        low, high = correlation_interval(found, int(known.sum()))
        rows.append([f"`{name}`", f"{found:.2f} [{low:.2f}, {high:.2f}]", str(int(known.sum()))])
    return ["outcome", "correlation with `capture_index` over replicates, 95 % interval", "replicates"], rows


def correlation_interval(found: float, count: int) -> tuple[float, float]:
    """95 % interval of a correlation (Fisher 1921); all there is below four pairs."""
    if count < 4:
        return -1.0, 1.0
    half = 1.959964 / np.sqrt(count - 3)
    return float(np.tanh(np.arctanh(found) - half)), float(np.tanh(np.arctanh(found) + half))


def lobbying(lab: Lab) -> tuple[list[str], Rows]:
    """Transfer's effect on capture with and without lobbying; fee inflation."""
    rows = against(lab, {"full against no transfer": (FULL,)}, CAPTURED, (NONE,))
    rows += against(lab, {"the same without lobbying": (FULL, *NO_LOBBY)}, CAPTURED, (NONE, *NO_LOBBY))
    cases = {f"`parameters.fee_inflation={x}` against the baseline": (f"parameters.fee_inflation={x}",) for x in (0, 10, 30)}
    rows += against(lab, cases, CAPTURED)
    return ["", "capture", "its displacement part", "curators", "licence payers", "HHI of licences"], rows


CAPTURED = ("capture_index", "capture_displacement", "curators_active", "licence_payers", "hhi_licence")


def noise(lab: Lab) -> tuple[list[str], Rows]:
    """Demand for libraries that are worth something and worth nothing."""
    useless = ("parameters.generic_share_base=0", "parameters.generic_share_slope=0", "levers.safe_harbour=0", "parameters.network_benefit=0")
    cases: dict[str, Settings] = {}
    for value in (0, 0.7, 1):
        cases[f"as they are, correction {value}"] = (f"parameters.variety_correction={value}",)
    for value in (0, 0.7, 1):
        cases[f"of no use to anyone, correction {value}"] = (*useless, f"parameters.variety_correction={value}")
    rows = []
    for label, settings in cases.items():
        here = fetch(lab, settings)
        if here is not None:
            tipped = here.outcomes["tipped"][:, 8:].max(axis=1)
            names = ("firms_without_library", "licence_payers", "licence_spend", "hhi_licence")
            rows.append([label, *(level(here, name) for name in names), f"{tipped.mean():.2f}"])
    return ["libraries", "firms without one, %", "payers", "licence spending, mn", "HHI of licences", "share of replicates ever tipped"], rows


def commons(lab: Lab) -> tuple[list[str], Rows]:
    """Public rules of several sizes, against none."""
    cases: dict[str, Settings] = {f"`levers.commons={x:g}`": (f"levers.commons={x:g}",) for x in (0.001, 0.01, 0.03, 0.1, 0.3)}
    columns = ("commons_use", "constraint_budget_share", "bespoke_share", "harm_rate", "licence_payers", "hhi_licence", "licence_price", "capture_index")
    heads = ["setting", "commons' users, % of firms", "share, points", "share of labels, points", "relative harm", "payers", "HHI of licences", "posted fee, mn", "capture"]
    return heads, against(lab, cases, columns)


def fees_and_payers(lab: Lab) -> tuple[list[str], Rows]:
    """Whether a commons raises fees because few still pay: posted fees and fees paid."""
    cases: dict[str, Settings] = {
        "baseline": (), "`levers.commons=0.1`": ("levers.commons=0.1",), "equal firms, `parameters.brand_sd=0`": ("parameters.brand_sd=0",),
        "equal firms, `levers.commons=0.1`": ("parameters.brand_sd=0", "levers.commons=0.1"),
    }  # fmt: skip
    rows = []
    for label, settings in cases.items():
        here = fetch(lab, settings)
        if here is None:
            continue
        paid = here.last("licence_spend") / here.last("licence_payers")
        rows.append([label, level(here, "licence_price"), estimate(np.where(np.isfinite(paid), paid, np.nan), 1e-6, 2), level(here, "licence_payers"), level(here, "licence_spend"), level(here, "curators_active")])
    return ["", "posted fee, mn", "fee paid per payer, mn", "payers", "licence spending, mn", "curators"], rows


def certificates(lab: Lab) -> tuple[list[str], Rows]:
    """Mandates and fees, and what the test's limit does."""
    cases = {
        "`levers.cert_mode=mandatory`": ("levers.cert_mode=mandatory",), "`levers.cert_fee=5`": ("levers.cert_fee=5",),
        "`levers.cert_mode=mandatory levers.cert_fee=5`": ("levers.cert_mode=mandatory", "levers.cert_fee=5"),
        "`levers.cert_max_violation=0.35`": ("levers.cert_max_violation=0.35",), "`levers.cert_max_violation=0.25`": ("levers.cert_max_violation=0.25",),
    }  # fmt: skip
    columns = ("harm_rate", "capture_index", "hhi_licence", "licence_payers", "cert_refused_position", "cert_refused_test")
    return ["setting", "relative harm", "capture", "HHI of licences", "payers", "tests refused for position", "tests refused for harm"], against(lab, cases, columns)


def without_certificates(lab: Lab) -> tuple[list[str], Rows]:
    """Replicates in which no certificate was ever given."""
    rows = []
    for limit in (0.45, 0.35, 0.25):
        settings = () if limit == 0.45 else (f"levers.cert_max_violation={limit:g}",)
        here = fetch(lab, settings)
        if here is not None:
            passed = np.nan_to_num(here.outcomes["cert_pass_rate"][:, 8:]).max(axis=1) > 0
            rows.append([f"{limit:g}", f"{1 - passed.mean():.2f}", level(here, "cert_violation")])
    return ["`levers.cert_max_violation`", "share of replicates that never pass a test", "mean violation probability of tested libraries"], rows


def channel(lab: Lab) -> tuple[list[str], Rows]:
    """How much norms can do to harm at most."""
    cases: dict[str, Settings] = {
        "no capture at all (`capture_by_effort`, `capture_by_dependence` 0)": NO_CAPTURE, "`levers.conform=0`": ("levers.conform=0",), "`levers.conform=1`": ("levers.conform=1",),
        "captured regulator, `levers.conform=1`": (
            "levers.conform=1", "parameters.lobby_stake_curators=0.3", "parameters.lobby_stake_firms=0.08", "parameters.lobby_stake_public=0.00325", "parameters.regulator_capacity=0.00001",
        ),
        "all rules fit everywhere (`norm_fit_width` 100)": ("parameters.norm_fit_width=100",), "contested rules fit nowhere (`norm_fit_width` 0.01)": ("parameters.norm_fit_width=0.01",),
        "nobody may license (`library_reconsideration` 0)": ("parameters.library_reconsideration=0",),
    }  # fmt: skip
    columns = ("capture_displacement", "norm_misfit", "harm_rate", "fee_inflation", "licence_payers")
    return ["against the baseline", "displacement", "misfit of rules", "relative harm", "fee inflation", "payers"], against(lab, cases, columns)


def entry(lab: Lab) -> tuple[list[str], Rows]:
    """Labor supply and variety; fixed qualities and entry."""
    cases = {
        "`parameters.labor_variety_correction=1`": ("parameters.labor_variety_correction=1",), "`parameters.entry_max=0`": ("parameters.entry_max=0",),
        "`parameters.curator_quality_persistence=0.95`": ("parameters.curator_quality_persistence=0.95",),
        "the same and `parameters.entry_max=0`": ("parameters.curator_quality_persistence=0.95", "parameters.entry_max=0"),
    }  # fmt: skip
    columns = ("curators_active", "hhi_service", "top_share_service", "wage_judge", "wage_constrain", "employment_constrain", "constraint_budget_share", "harm_rate")
    return ["against the baseline", "curators", "HHI of services", "largest share, points", "wage, judging", "wage, constraints", "employment, constraints", "share, points", "relative harm"], against(lab, cases, columns)


def exits(lab: Lab) -> tuple[list[str], Rows]:
    """What makes curators leave, over all forty quarters."""
    suits = ("levers.legal_risk=0", "levers.provenance_audit=0")
    cases: dict[str, Settings] = {
        "baseline": (), "no suits": suits[:1], "no audits": suits[1:], "neither": suits,
        "neither, no investment in libraries": (*suits, *NO_INVESTMENT),
        "`parameters.exit_patience=4`": ("parameters.exit_patience=4",),
    }  # fmt: skip
    rows = []
    for label, settings in cases.items():
        here = fetch(lab, settings)
        if here is not None:
            rows.append([label, *(estimate(here.outcomes[name][:, 8:].sum(axis=1), 1, 2) for name in ("exits", "entries")), level(here, "curators_active"), level(here, "hhi_licence")])
    return ["", "exits in ten years", "entries", "curators at the end", "HHI of licences"], rows


def hump(lab: Lab) -> tuple[list[str], Rows]:
    """Harm over the years, with and without growth that jumps."""
    flat = ("parameters.growth_start=0.012",)
    cases: dict[str, Settings] = {
        "baseline": (), "`parameters.growth_ramp_quarters=12`": ("parameters.growth_ramp_quarters=12",), "`parameters.growth_ramp_quarters=24`": ("parameters.growth_ramp_quarters=24",),
        "long-run growth alone, `parameters.growth_start=0.012`": flat, "no growth": ("parameters.growth_start=0", "parameters.growth_long_run=0"),
        "growth, but stocks need not grow with it, `parameters.growth_scope=0`": ("parameters.growth_scope=0",),
    }  # fmt: skip
    rows = []
    for label, settings in cases.items():
        here = fetch(lab, settings)
        if here is not None:
            path = here.outcomes["harm_rate"] - here.before("harm_rate")[:, None]
            peak = int(path.mean(axis=0).argmax()) - 8
            rows.append([label, *(estimate(path[:, 8 + q], 1, 4) for q in (4, 8, 16, 39)), str(peak)])
    return ["", *(f"quarter {q}" for q in (4, 8, 16, 39)), "quarter of the highest mean"], rows


def variants(lab: Lab) -> tuple[list[str], Rows]:
    """The structural alternatives that are shipped as scenarios: whether the first link keeps its sign."""
    cases: dict[str, Settings] = {
        "baseline": (), **STRUCTURES, "market scale 4": ("levers.market_scale=4",), "η = 2 (`curator_elasticity`)": ("parameters.curator_elasticity=2",), "η = 12": ("parameters.curator_elasticity=12",),
    }  # fmt: skip
    rows: Rows = []
    for label, settings in cases.items():
        rows += against(lab, {label: (FULL, *settings)}, (*LINK, "hhi_service", "wage_constrain"), (NONE, *settings))
    return ["full against no transfer in", "share, points", "HHI of licences", "payers", "relative harm", "capture", "HHI of services", "wage, constraints"], rows


def substitution(lab: Lab) -> tuple[list[str], Rows]:
    """AI labels take over: human work in both kinds."""
    cases = {"`levers.ai_price=0.1 levers.ai_quality=1.1`": ("levers.ai_price=0.1", "levers.ai_quality=1.1"), "`parameters.ai_share=0.6`": ("parameters.ai_share=0.6",), "`parameters.source_substitution=2`": ("parameters.source_substitution=2",)}
    columns = ("employment_judge", "employment_constrain", "label_spend", "constraint_budget_share", "harm_rate")
    UNITS.setdefault("employment_judge", (1.0, 0))
    return ["against the baseline", "employment, judging", "employment, constraints", "label spending, mn", "share, points", "relative harm"], against(lab, cases, columns)


def builders(lab: Lab) -> tuple[list[str], Rows]:
    """Strict liability against the baseline, with investment in libraries and without."""
    columns = ("wage_constrain", "employment_constrain", "bespoke_share", "licence_payers")
    rows = []
    for label, extra in (("as shipped", ()), ("no investment in libraries", NO_INVESTMENT)):
        rows += against(lab, {label: ("levers.strict=1", *extra)}, columns, extra)
    return ["strict liability", "wage of constraint work, USD/h", "employment in constraint work", "share of labels, points", "payers"], rows


def minimums(lab: Lab) -> tuple[list[str], Rows]:
    """Legal minima of low-income regions against the baseline, in multiples of today's."""
    columns = ("wage_judge_low_income", "employment_judge_low_income", "hours_unpaid_share", "markdown", "preference_label_price", "labeler_surplus")
    cases = {f"{0.6 * times:.1f} USD/h": (f"levers.minimum_wage={{low_income: {times:g}, us_generalist: 1, expert: 1}}",) for times in (2.5, 3, 3.5, 4, 6)}
    cases["minimum_wage: 1.8, elsewhere 17.4 USD/h"] = ("levers.minimum_wage={low_income: 3, us_generalist: 2.4, expert: 2.4}",)

    def paid_hours(m: Market) -> Array:
        """Persons who offer hours times the paid share of their hours, which are as many for each of them."""
        persons = m.outcomes["employment_judge"] + m.outcomes["employment_constrain"]
        return mean((persons * (1 - m.outcomes["hours_unpaid_share"]))[:, -LAST:])

    there, rows = fetch(lab, ()), against(lab, cases, columns)
    for row, settings in zip(rows, cases.values(), strict=False):
        here = fetch(lab, settings)
        if here is not None and there is not None:
            row.insert(4, estimate(paid_hours(here) / paid_hours(there) - 1, 100, 1))
    heads = ["minimum where incomes are low", "wage of judging there, USD/h", "persons who offer hours there", "unpaid share of all hours", "paid hours of all, %", "markdown"]
    return [*heads, "price of a pair, USD", "labelers' surplus, mn"], rows


def seeds(lab: Lab) -> tuple[list[str], Rows]:
    """Effects that were in doubt with three seeds, each alone and together, with p-values that allow for the number of rows."""
    from scipy.stats import ttest_1samp

    from econ.claims.resampling import holm

    rows, p_values = [], []
    for label, settings, base, outcomes in DOUBTED:
        pairs = [(fetch(lab, (*settings, *seed)), fetch(lab, (*base, *seed))) for seed in SEEDS]
        for name in outcomes:
            found = [here.last(name) - there.last(name) for here, there in pairs if here is not None and there is not None]
            if len(found) == len(pairs):
                together, fresh = np.concatenate(found), np.concatenate(found[1:])
                rows.append([label, WORDS[name], *(estimate(x, *UNITS.get(name, (1.0, 3))) for x in (*found, together, fresh))])
                p_values.append(ttest_1samp(together[np.isfinite(together)], 0).pvalue)
    adjusted = holm(p_values) if p_values else []
    heads = ["", "outcome", "seed 1", "seed 2", "seed 3", "all three", "seeds 2 and 3 alone", "p of all three, Holm over this table"]
    return heads, [[*row, "< 0.001" if p < 0.001 else f"{p:.3f}"] for row, p in zip(rows, adjusted, strict=True)]


def liability(lab: Lab) -> tuple[list[str], Rows]:
    """Strict liability with and without the safe harbour, and the harbour's removal at either liability, over three seeds."""
    strict, bare = "levers.strict=1", "levers.safe_harbour=0"
    cases: dict[str, tuple[Settings, Settings]] = {
        "strict liability, safe harbour kept": ((strict,), ()), "strict liability, where there is no safe harbour": ((strict, bare), (bare,)),
        "safe harbour taken away, liability as it is": ((bare,), ()), "safe harbour taken away under strict liability": ((strict, bare), (strict,)),
    }  # fmt: skip
    columns = ("hhi_licence", "licence_payers", "constraint_budget_share", "harm_rate", "capture_index", "industry_influence")
    rows = []
    for label, (settings, base) in cases.items():
        pairs = [(fetch(lab, (*settings, *seed)), fetch(lab, (*base, *seed))) for seed in SEEDS]
        known = [(here, there) for here, there in pairs if here is not None and there is not None]
        if len(known) == len(pairs):
            parts = (np.concatenate([here.last(name) - there.last(name) for here, there in known]) for name in columns)
            rows.append([label, *(estimate(part, *UNITS.get(name, (1.0, 3))) for name, part in zip(columns, parts, strict=True))])
    return ["effect of", "HHI of licences", "payers", "share, points", "relative harm", "capture", "industry's influence"], rows


def late_entry(lab: Lab) -> tuple[list[str], Rows]:
    """Entry, exit and concentration over all ten years, where two years at the end hold few events."""
    cases: dict[str, Settings] = {
        "expensive_certification": ("levers.cert_fee=5",), "no_certification": ("levers.cert_mode=none",),
        "provenance_audits": ("levers.provenance_audit=0.1", "levers.legal_risk=0.03"),
    }  # fmt: skip
    there, rows = fetch(lab, ()), []
    for label, settings in cases.items():
        here = fetch(lab, settings)
        if here is None or there is None:
            continue
        counts = [estimate((here.outcomes[name] - there.outcomes[name])[:, 8:].sum(axis=1), 1, 2) for name in ("entries", "exits")]
        whole = estimate(mean(here.outcomes["hhi_licence"][:, 8:]) - mean(there.outcomes["hhi_licence"][:, 8:]), 1, 0)
        rows.append([label, *counts, whole, change(here, there, "curators_active"), change(here, there, "licence_spend")])
    return ["against the baseline", "entries in ten years", "exits in ten years", "HHI of licences, mean of ten years", "curators at the end", "licence spending, mn"], rows


def standards(lab: Lab) -> tuple[list[str], Rows]:
    """What strict standards cost governments and bring in, per quarter."""
    here, there = fetch(lab, ("levers.max_harm=0.15", "levers.audit=2", "levers.fine=0.05")), fetch(lab, ())
    if here is None or there is None:
        return [], []
    more = {name: (here.flows[name] - there.flows[name])[:, -LAST:].mean(axis=1) for name in ("audit_cost", "fines")}
    cost = here.last("public_cost") - there.last("public_cost")
    return ["", "audits, mn", "fines received, mn", "public cost, net, mn"], [["strict_standards against the baseline", *(estimate(x, 1e-6, 1) for x in (*more.values(), cost))]]


def passed_on(lab: Lab) -> tuple[list[str], Rows]:
    """What firms pay for damage and harm, for each user, what they add to their price, and what that does to users and labels."""
    cases: dict[str, Settings] = {
        "`levers.fine=0.1`": ("levers.fine=0.1",), "strict_standards": ("levers.max_harm=0.15", "levers.audit=2", "levers.fine=0.05"),
        "`levers.strict=1`": ("levers.strict=1",), "`levers.strict=1 levers.safe_harbour=0`": ("levers.strict=1", "levers.safe_harbour=0"),
    }  # fmt: skip

    def users(m: Market) -> Array:
        return (m.flows["product"] / m.outcomes["product_price"])[:, -LAST:]

    def paid(m: Market) -> Array:
        return sum(m.flows[name][:, -LAST:] / users(m) for name in ("premium", "retained_liability", "fines")).mean(axis=1)

    def per_user(m: Market) -> Array:
        return (m.outcomes["label_spend"][:, -LAST:] / users(m)).mean(axis=1)

    there, rows = fetch(lab, ()), []
    for label, settings in cases.items():
        here = fetch(lab, settings)
        if here is not None and there is not None:
            fewer = users(here).mean(axis=1) / users(there).mean(axis=1) - 1
            more = per_user(here) / per_user(there) - 1
            rows.append([
                label, estimate(paid(here) - paid(there)), change(here, there, "product_price"), estimate(fewer, 100, 1), estimate(more, 100, 1),
                change(here, there, "label_spend"),
            ])  # fmt: skip
    heads = ["against the baseline", "paid for each user (premium, damages, fines), USD a quarter", "price, USD a quarter"]
    return [*heads, "users, %", "label spending per user, %", "label spending, mn"], rows


def burn_in(lab: Lab) -> tuple[list[str], Rows]:
    """Wages of the burn-in: start, and its last quarter, by what is switched off."""
    same = {"curator_quality_sd": 0, "entry_max": 0}
    cases: dict[str, tuple[dict[str, float], int]] = {
        "as shipped": ({}, 3000), "curators of equal quality, no entry": (same, 3000), "as shipped, 12,000 labelers": ({}, 12000),
        "curators of equal quality, no entry, 12,000 labelers": (same, 12000),
    }  # fmt: skip
    if not lab.done:
        return [], []
    rows = []
    for label, (values, labelers) in cases.items():
        start, end, premium = burn(values, labelers, lab.replicates)
        rows.append([label, *(f"{x:+.1f} %" for x in 100 * (end / start - 1)), f"{100 * premium:+.1f} %"])
    return ["", "judging", "constraints", "what unequal vendors alone predict, both"], rows


def burn(values: dict[str, float], labelers: int, replicates: int) -> tuple[Array, Array, float]:
    """Wages [judging, constraints] of the status quo and of quarter -1, and the premium of unequal vendors."""
    from econ.market.quarter import advance
    from econ.market.record import record
    from econ.market.simulate import at_rest
    from econ.market.start import start
    from econ.scenario import load_scenario
    from econ.surfaces import load_surfaces

    scenario = load_scenario("baseline").with_settings("quarters=1").with_population(labelers=labelers)
    scenario = scenario.with_parameters(**values) if values else scenario
    s, quo, intercepts, _ = at_rest(scenario, load_surfaces(), SEED, range(replicates), 1)
    state = start(s, quo, intercepts)
    for quarter in range(-s.burn_in, 0):
        state, events = advance(s, quo, intercepts, state, quarter)
        state, columns = record(s, quo, state, events)
    end = np.array([columns[name].mean() for name in ("wage_judge", "wage_constrain")])
    eta = s.p["curator_elasticity"][:, None]
    hours = events.work.wanted.sum(axis=(2, 3))
    share = hours / hours.sum(axis=1, keepdims=True)
    # At equal utilisation shares of supply are shares of demand, so wages go as share^(1/η) around those of equal vendors.
    active = events.active.sum(axis=1)
    premium = (share ** (1 + 1 / eta)).sum(axis=1) * active ** (1 / eta[:, 0]) - 1
    return quo.technology.index_start.mean(axis=0), end, float(premium.mean())


TABLES: dict[str, Callable[[Lab], tuple[list[str], Rows]]] = {
    table.__name__: table
    for table in (
        first_link, response, margin, elasticities, by_sigma, positions, opening, harbour, harbour_variants, stakes, lobbying, noise, commons, fees_and_payers, certificates, without_certificates,
        channel, entry, exits, hump, variants, substitution, late_entry, standards, passed_on, builders, minimums, seeds, liability, burn_in,
    )
}  # fmt: skip


def markdown(heads: list[str], rows: Rows) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def replaced(page: str, tables: dict[str, str]) -> Iterator[str]:
    """The page's parts with some tables replaced."""
    marks = [*re.finditer(r"<!-- table: (\w+) -->\n.*?<!-- end -->", page, flags=re.DOTALL)]
    missing = set(tables) - {mark[1] for mark in marks}
    if missing:
        raise SystemExit(f"the page has no place for {', '.join(sorted(missing))}")
    ends = [0, *(edge for mark in marks for edge in mark.span()), len(page)]
    for place, (first, last) in enumerate(pairwise(ends)):
        name = marks[place // 2][1] if place % 2 else ""
        yield f"<!-- table: {name} -->\n{tables[name]}\n<!-- end -->" if name in tables else page[first:last]


def main() -> None:
    """Collect what is wanted, run it, write the tables."""
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}; all unless named")
    parser.add_argument("--replicates", type=int, default=32)
    asked = parser.parse_args()
    from econ.core.files import write_text
    from econ.core.provenance import now, provenance

    lab, names = Lab(asked.replicates), asked.tables or list(TABLES)
    for name in names:
        TABLES[name](lab)
    lab.run()
    found = {name: markdown(*TABLES[name](lab)) for name in names}
    facts = provenance("cpu")
    found["origin"] = f"{now()[:10]}, econ {facts['econ_version']}, commit {str(facts['git_commit'])[:12]}, {asked.replicates} replicates, seed {SEED}."
    write_text(PAGE, "".join(replaced(PAGE.read_text(encoding="utf-8"), found)))


if __name__ == "__main__":
    main()
