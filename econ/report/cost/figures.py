"""Figures of the cost model: cost curves, isoquants, break-even points, shares against σ, hours against dollars."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.core.measurements import DISTRIBUTION_NAMES
from econ.cost.breakeven import price_ratio_for, share_by_elasticity
from econ.cost.case import Case
from econ.cost.critic import Written
from econ.cost.levels import Level
from econ.cost.mix import mix_for, pipeline_for
from econ.cost.pipelines import measured_pipelines, purchase_for
from econ.cost.purchase import CRITIC, HYBRID, NEGATIVE, PIPELINES, PREFERENCE
from econ.cost.summary import quantiles
from econ.report.cost.question import START_NAMES, Question
from econ.report.numbers import short
from econ.report.rendered import Rendered
from econ.report.style import (
    BAND_50,
    BAND_90,
    COLOURS,
    GREY,
    LINES,
    figure_style,
    finish_figure,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVE_TARGETS = tuple(np.round(np.arange(0.20, 0.96, 0.025), 3))
MARKED_TARGETS = (0.8, 0.65, 0.5, 0.35)
#: The path of cheapest mixes ends where fewer draws than this attain the target.
MOST = 0.8
#: Draws of the figures that solve for many mixes.
FEW, FEWER = 150, 80
RATIOS = tuple(float(r) for r in 2.0 ** np.arange(-5.0, 5.1, 1.0))
TRANSFERS = tuple(float(t) for t in np.linspace(0.0, 1.0, 7))
SIGMAS = (0.3, 0.5, 0.7, 0.9, 1.2, 1.5, 2.0, 3.0, 5.0)
PRICE_FACTORS = (1 / 3, 1.0, 3.0)
STYLE = {PREFERENCE: 0, NEGATIVE: 1, HYBRID: 2, CRITIC: 3}
#: Characters of a note's line.
NOTE_WIDTH = 132
#: Where the number beside a mark stands, in points.
BESIDE = {PREFERENCE: (6, -10), NEGATIVE: (-20, 6), CRITIC: (-4, -12), HYBRID: (5, -11)}
CONDITIONAL = "Conditional on laboratory curves and assumed prices and transfer."


def cost_figures(question: Question) -> list[Rendered]:
    """All figures of a question; from the untrained model unless it names a start."""
    start = question.start or "untrained"
    case = question.case(start=start)
    curves = curve_data(question, start)
    figures = [
        Rendered("cost_curves", curves, lambda: cost_curves_figure(curves), curves_alt_text(curves)),
        Rendered("hours_against_dollars", curves, lambda: hours_figure(curves), hours_alt_text(curves)),
    ]
    isoquants, path = isoquant_data(case), path_data(curves, case)
    both = pd.concat([isoquants, path], ignore_index=True)
    figures.append(Rendered("isoquants", both, lambda: isoquant_figure(isoquants, path, case), isoquant_alt_text(path)))
    target = target_of(question, case)
    shares = elasticity_data(question, case, target)
    figures.append(
        Rendered("share_by_elasticity", shares, lambda: elasticity_figure(shares, target), elasticity_alt_text(shares, target))
    )
    if case.units == "commercial":
        grid = map_data(case, target)
        figures.append(Rendered("break_even_map", grid, lambda: map_figure(grid, target, case), map_alt_text(grid, target)))
    return figures


def target_of(question: Question, case: Case) -> Any:
    """The target of figures that show one: the one asked for, else the lowest marked one that most draws attain by either kind alone.

    Where preferences alone attain none, the lowest that most draws attain with any mix; shares of the
    start's harm are tried where the start is below them all.
    """
    if question.target is not None:
        return question.target
    marked: list[Level] = [t for t in sorted(MARKED_TARGETS) if t < np.median(case.start_harm)] or ["80%", "90%", "95%"]
    for pipelines in ((PREFERENCE, NEGATIVE), (HYBRID,)):
        attained = np.min([pipeline_for(case, name, marked).attainable.mean(axis=0) for name in pipelines], axis=0)
        if attained.max() > 0.5:
            return marked[int(np.argmax(attained > 0.5))]
    return marked[-1]


def curve_data(question: Question, start: str) -> pd.DataFrame:
    """Cost and hours by pipeline, distribution and target: quantiles over draws, one row each."""
    rows = []
    for distribution in question.distributions:
        case = question.case(distribution, start)
        targets = [t for t in CURVE_TARGETS if t < np.median(case.start_harm)]
        for pipeline in measured_pipelines(case):
            bought = purchase_for(case, pipeline, targets)
            labels = {"critic_labels": bought.labels} if isinstance(bought, Written) else {"constraints": bought.a, "preferences": bought.b}
            for m, target in enumerate(targets):
                common = {"start": start, "distribution": distribution, "pipeline": pipeline, "target_harm": float(target)}
                share = float(bought.attainable[:, m].mean())
                for quantity, values in {"cost": bought.cost, "hours": bought.hours, **labels}.items():
                    rows.append({**common, "quantity": quantity, **quantiles(values[:, m]), "share_attainable": share})
    return pd.DataFrame(rows)


def _part(data: pd.DataFrame, **where: Any) -> pd.DataFrame:
    keep = np.ones(len(data), bool)
    for column, value in where.items():
        keep &= (data[column] == value).to_numpy()
    return data.loc[keep]


def cost_curves_figure(data: pd.DataFrame) -> Figure:
    """Cost of a target: a row of panels for each distribution, a panel for each measured pipeline."""
    distributions, pipelines = (list(dict.fromkeys(data[column])) for column in ("distribution", "pipeline"))
    cost = _part(data, quantity="cost")
    ends = cost[["p05", "p50"]].to_numpy()
    ends = ends[np.isfinite(ends) & (ends > 0.0)]
    # A few draws near their floor would stretch the axis without end.
    bottom, top = 0.5 * float(ends.min()), 10.0 * float(ends.max())
    with figure_style():
        figure, axes = new_figure(0.9 + 1.9 * len(distributions), len(distributions), len(pipelines))
        for number, pane in enumerate(axes):
            distribution, pipeline = distributions[number // len(pipelines)], pipelines[number % len(pipelines)]
            for other in (name for name in pipelines if name != pipeline):
                part = _part(cost, distribution=distribution, pipeline=other)
                pane.plot(part["target_harm"], part["p50"].where(np.isfinite(part["p50"])), color=GREY, linewidth=0.7)
            _band(pane, _part(cost, distribution=distribution, pipeline=pipeline), pipeline, top)
            pane.set_yscale("log")
            pane.set_ylim(bottom, top)
            if number < len(pipelines):
                pane.set_title(pipeline, fontsize=8.5)
            if number % len(pipelines) == 0:
                pane.set_ylabel(f"Cost, USD of 2025,\n{DISTRIBUTION_NAMES.get(distribution, distribution)}")
            else:
                pane.set_yticklabels([])
            if number >= len(axes) - len(pipelines):
                pane.set_xlabel("Harm to reach")
        axes[0].set_xlim(1.0, min(CURVE_TARGETS) - 0.02)
        start = START_NAMES.get(data["start"].iloc[0], data["start"].iloc[0])
        note = (
            "Harm relative to the untrained model. Line: median; bands: 50 % and 90 % of draws; grey: medians of the other pipelines. A line ends "
            f"where most draws do not attain the target, a band reaches the top where its end does not.{_unmeasured(data)}{_undiscounted(data)} {CONDITIONAL}"
        )
        finish_figure(figure, f"What a reduction of harm costs, {start}", wrapped(note))
        return figure


def wrapped(note: str) -> str:
    """A note in lines that fit the page."""
    return textwrap.fill(note, NOTE_WIDTH)


def _band(pane: Axes, part: pd.DataFrame, pipeline: str, top: float) -> None:
    """A median with its bands; infinite ends of bands reach the top."""
    part = part.loc[np.isfinite(part["p05"]) & (part["p05"] > 0.0)]
    colour = COLOURS[STYLE[pipeline]]
    x = part["target_harm"].to_numpy()
    for names, opacity in ((("p05", "p95"), BAND_90), (("p25", "p75"), BAND_50)):
        low, high = (np.minimum(part[name].to_numpy(), 10.0 * top) for name in names)
        pane.fill_between(x, low, high, color=colour, alpha=opacity, linewidth=0)
    middle = part.loc[np.isfinite(part["p50"])]
    pane.plot(middle["target_harm"], middle["p50"], color=colour, linestyle=LINES[STYLE[pipeline]])
    if middle.empty:
        pane.text(0.5, 0.5, "not attainable\nin most draws", transform=pane.transAxes, ha="center", color=colour)


def curves_alt_text(data: pd.DataFrame) -> str:
    """Alt text: median cost at the marked targets."""
    cost = _part(data, quantity="cost")
    said = []
    for (distribution, pipeline), part in cost.groupby(["distribution", "pipeline"], sort=False):
        points = [
            f"{row['target_harm']:g}: {short(row['p50']) if np.isfinite(row['p50']) else 'not attainable'}"
            for _, row in part[part["target_harm"].isin(MARKED_TARGETS)].sort_values("target_harm").iterrows()
        ]
        said.append(f"{pipeline}, {distribution}: " + ", ".join(points))
    return "Cost curves, median USD by target of relative harm. " + "; ".join(said) + f".{_unmeasured(data)}"


def _unmeasured(data: pd.DataFrame) -> str:
    """A sentence about the pipelines that have no curve."""
    return "".join(f" {name}: not measured." for name in PIPELINES if name not in set(data["pipeline"]))


def _undiscounted(data: pd.DataFrame) -> str:
    """A sentence about what favours the critic where it is shown."""
    return f" {CRITIC}: discounted neither by transfer nor by verifiability; flags by both." if CRITIC in set(data["pipeline"]) else ""


def hours_figure(data: pd.DataFrame) -> Figure:
    """Hours against dollars by pipeline, marked where targets are reached; bars are the middle half of draws."""
    distribution = data["distribution"].iloc[0]
    own = _part(data, distribution=distribution)
    with figure_style():
        figure, (pane,) = new_figure(3.8)
        for pipeline in dict.fromkeys(own["pipeline"]):
            both = _paired(own, pipeline)
            if both.empty:
                pane.plot([], [], color=COLOURS[STYLE[pipeline]], label=f"{pipeline}: not attainable in most draws")
                continue
            colour = COLOURS[STYLE[pipeline]]
            pane.plot(both["p50_cost"], both["p50_hours"], color=colour, linestyle=LINES[STYLE[pipeline]], label=pipeline)
            for _, row in both[both["target_harm"].isin(MARKED_TARGETS)].iterrows():
                for x, y in (((row["p25_cost"], row["p75_cost"]), (row["p50_hours"],) * 2), ((row["p50_cost"],) * 2, (row["p25_hours"], row["p75_hours"]))):
                    if np.all(np.isfinite([*x, *y])):
                        pane.plot(x, y, color=colour, linewidth=0.8, alpha=0.7)
                pane.plot(row["p50_cost"], row["p50_hours"], marker="o", color=colour, markersize=4.5)
                pane.annotate(f"{row['target_harm']:g}", (row["p50_cost"], row["p50_hours"]), xytext=BESIDE[pipeline], textcoords="offset points",
                              fontsize=7.5, color=colour)  # fmt: skip
        pane.set_xscale("log")
        pane.set_yscale("log")
        pane.set_xlabel("Cost, USD of 2025")
        pane.set_ylabel("Human work, hours")
        pane.legend(loc="upper left")
        start = START_NAMES.get(own["start"].iloc[0], own["start"].iloc[0])
        note = f"Medians; dots: harm reached, relative to the untrained model; bars: middle half of draws, none where an end is not attainable.{_unmeasured(data)}{_undiscounted(data)} {CONDITIONAL}"
        finish_figure(figure, f"Hours against dollars, {DISTRIBUTION_NAMES.get(distribution, distribution)}, {start}", wrapped(note))
        return figure


def _paired(own: pd.DataFrame, pipeline: str) -> pd.DataFrame:
    """Cost and hours of a pipeline side by side, where both medians are finite and something is bought."""
    cost, hours = (_part(own, pipeline=pipeline, quantity=name) for name in ("cost", "hours"))
    both = cost.merge(hours, on="target_harm", suffixes=("_cost", "_hours"))
    found: pd.DataFrame = both.loc[np.isfinite(both["p50_cost"]) & (both["p50_cost"] > 0.0)]
    return found


def hours_alt_text(data: pd.DataFrame) -> str:
    """Alt text: median cost and hours at the marked targets."""
    own = _part(data, distribution=data["distribution"].iloc[0])
    said = [
        f"{pipeline} at {row['target_harm']:g}: {short(row['p50_cost'])} USD, {short(row['p50_hours'])} hours"
        for pipeline in dict.fromkeys(own["pipeline"])
        for _, row in _paired(own, pipeline).iterrows()
        if row["target_harm"] in MARKED_TARGETS
    ]
    return "Hours of work against dollars on logarithmic axes, one line for each pipeline. " + "; ".join(said) + "."


def isoquant_data(case: Case) -> pd.DataFrame:
    """Posterior median of harm over constraint and preference labels held."""
    few = case.take(np.arange(min(FEW, len(case))))
    edges = (-3.0, 3.0)
    log_a = np.linspace(*edges, 41) + np.median(np.log10(1.0 / (few.per_a @ few.share)))
    log_b = np.linspace(*edges, 41) + np.median(np.log10(1.0 / few.per_b))
    a, b = (grid.ravel() for grid in np.meshgrid(10.0**log_a, 10.0**log_b, indexing="ij"))
    harm = np.empty((len(few), len(a)))
    for rows, part in few.blocks(len(a)):
        shape = (len(part), len(a))
        harm[rows] = part.harm(np.broadcast_to(a, shape), np.broadcast_to(b, shape))[0]
    return pd.DataFrame({"what": "median harm", "constraints": a, "preferences": b, "harm": np.median(harm, axis=0)})


def path_data(curves: pd.DataFrame, case: Case) -> pd.DataFrame:
    """Expansion path: median labels of the cheapest mix by target."""
    own = _part(curves, pipeline=HYBRID, distribution=case.distribution)
    a, b = (_part(own, quantity=name).set_index("target_harm")["p50"] for name in ("constraints", "preferences"))
    start_a, start_b = float(np.median(case.start_a)), float(np.median(case.start_b))
    # Where many draws do not attain a target, those that do are the ones in which labels do most.
    known = _part(own, quantity="cost").set_index("target_harm")["share_attainable"] >= MOST
    return pd.DataFrame(
        {"what": "cheapest mix", "constraints": a[known] + start_a, "preferences": b[known] + start_b, "harm": a[known].index}
    ).reset_index(drop=True)


def isoquant_figure(data: pd.DataFrame, path: pd.DataFrame, case: Case) -> Figure:
    """Isoquants of median harm with the expansion path of cheapest mixes."""
    a, b = np.unique(data["constraints"]), np.unique(data["preferences"])
    harm = data["harm"].to_numpy().reshape(len(a), len(b))
    with figure_style():
        figure, (pane,) = new_figure(4.2)
        pane.set_xscale("log")
        pane.set_yscale("log")
        levels = [level for level in (0.3, 0.35, 0.4, 0.5, 0.65, 0.8, 0.9) if harm.min() < level < harm.max()]
        lines = pane.contour(a, b, harm.T, levels=levels, colors=GREY, linewidths=0.9)
        pane.clabel(lines, fmt="%g", fontsize=7.5)
        # A mix with none of one kind stands on the edge of the logarithmic axes.
        inside = path.assign(constraints=path["constraints"].clip(a[0], a[-1]), preferences=path["preferences"].clip(b[0], b[-1]))
        pane.plot(inside["constraints"], inside["preferences"], clip_on=False, color=COLOURS[STYLE[HYBRID]], marker="o", markersize=3, label="cheapest mixes (medians)")
        marked = inside[inside["harm"].isin(MARKED_TARGETS)]
        for _, row in marked.iterrows():
            pane.annotate(f"{row['harm']:g}", (row["constraints"], row["preferences"]), xytext=(-14, 6), textcoords="offset points",
                          fontsize=8)  # fmt: skip
        pane.set_xlabel(f"Constraint labels held ({case.units})")
        pane.set_ylabel(f"Preference labels held ({case.units})")
        pane.legend(loc="upper right")
        note = (
            "Grey: equal posterior median of harm relative to the untrained model. Dots: medians of the cheapest mix for each target, taken "
            f"label by label over draws, so they need not lie on the median's isoquant; mixes beyond the axes, or with none of one kind, stand on their edge. The path ends where a fifth of draws do not attain the target. {CONDITIONAL}"
        )
        finish_figure(figure, f"Isoquants and expansion path, {DISTRIBUTION_NAMES.get(case.distribution, case.distribution)}", wrapped(note))
        return figure


def isoquant_alt_text(path: pd.DataFrame) -> str:
    """Alt text: the cheapest mixes."""
    said = [
        f"harm {row['harm']:g}: {short(row['constraints'])} constraint and {short(row['preferences'])} preference labels"
        for _, row in path[path["harm"].isin(MARKED_TARGETS)].iterrows()
    ]
    return "Isoquants of relative harm over constraint and preference labels with the path of cheapest mixes. " + "; ".join(said) + "."


def elasticity_data(question: Question, case: Case, target: Any) -> pd.DataFrame:
    """Constraints' share of the outlay by imposed σ and price of constraints relative to the book's."""
    options: Any = {**question.options, "distribution": case.distribution, "start": case.start_name, "draws": min(FEW, len(case))}
    rows = []
    for factor in PRICE_FACTORS:
        share = share_by_elasticity(
            question.surfaces, question.book, target_harm=target, sigmas=SIGMAS, ratio_factor=factor, **options
        )
        for s, sigma in enumerate(SIGMAS):
            known = float(np.isfinite(share[:, s]).mean())
            rows.append({"sigma": sigma, "price_factor": factor, **quantiles(share[:, s]), "share_of_draws": known})
    return pd.DataFrame(rows)


def elasticity_figure(data: pd.DataFrame, target: Any) -> Figure:
    """Share of constraints against σ, one line for each price."""
    names = {1 / 3: "a third of the book's price of constraints", 1.0: "the book's price", 3.0: "three times it"}
    with figure_style():
        figure, (pane,) = new_figure(3.6)
        for number, factor in enumerate(PRICE_FACTORS):
            part = _part(data, price_factor=factor)
            x = part["sigma"].to_numpy()
            if factor == 1.0:
                pane.fill_between(x, part["p05"], part["p95"], color=COLOURS[number], alpha=BAND_90, linewidth=0)
                pane.fill_between(x, part["p25"], part["p75"], color=COLOURS[number], alpha=BAND_50, linewidth=0)
            pane.plot(x, part["p50"], color=COLOURS[number], linestyle=LINES[number], marker="o", markersize=3, label=f"at {names[factor]}")
        pane.axvline(1.0, color=GREY, linewidth=0.8)
        pane.set_xscale("log")
        pane.set_xticks(SIGMAS, [f"{sigma:g}" for sigma in SIGMAS])
        pane.minorticks_off()
        pane.set_ylim(0.0, 1.0)
        pane.set_xlabel("Elasticity of substitution σ, imposed; all else as measured at the status quo")
        pane.set_ylabel("Constraints' share of the outlay")
        pane.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)
        note = (
            "Line: median over draws; bands, at the book's price: 50 % and 90 %. Left of σ = 1 a dearer label takes a larger share of the "
            f"outlay, right of it a smaller one. {CONDITIONAL}"
        )
        finish_figure(figure, f"Share of constraints in the cheapest mix for harm {target}", wrapped(note))
        return figure


def elasticity_alt_text(data: pd.DataFrame, target: Any) -> str:
    """Alt text: medians at the book's price."""
    own = _part(data, price_factor=1.0)
    said = ", ".join(f"{row['sigma']:g}: {short(row['p50'])}" for _, row in own.iterrows())
    return f"Median share of constraints in the outlay of the cheapest mix for harm {target}, by imposed elasticity of substitution: {said}."


def map_data(case: Case, target: Any) -> pd.DataFrame:
    """Median share of constraints in the cheapest mix, and the pipelines' break-even, by price ratio and transfer."""
    few = case.take(np.arange(min(FEWER, len(case))))
    rows = []
    for transfer in TRANSFERS:
        moved = few.with_transfer(transfer)
        even = quantiles(price_ratio_for(moved, target))["p50"]
        for ratio in RATIOS:
            mix = mix_for(moved.with_price_ratio(ratio), [target])
            share = mix.share[:, 0]
            known = share[np.isfinite(share)]
            middle = float(np.median(known)) if len(known) else np.nan
            rows.append({"transfer": transfer, "price_ratio": ratio, "share_constraints": middle, "pipelines_break_even": even})
    return pd.DataFrame(rows)


def map_figure(data: pd.DataFrame, target: Any, case: Case) -> Figure:
    """Map of the share of constraints over price ratio and transfer, with both break-even lines."""
    ratios, transfers = np.unique(data["price_ratio"]), np.unique(data["transfer"])
    share = data.pivot_table(index="transfer", columns="price_ratio", values="share_constraints", dropna=False).to_numpy()
    with figure_style():
        figure, (pane,) = new_figure(3.9)
        step = transfers[1] - transfers[0]
        edges = np.append(ratios, 2.0 * ratios[-1]) / np.sqrt(2.0), np.append(transfers, 1.0 + step) - 0.5 * step
        mesh = pane.pcolormesh(*edges, share, cmap="cividis", vmin=0.0, vmax=1.0)
        equal = f"Nowhere are outlays equal: the median share lies between {short(float(np.nanmin(share)))} and {short(float(np.nanmax(share)))};"
        if np.nanmin(share) < 0.5 < np.nanmax(share):
            pane.contour(ratios, transfers, share, levels=[0.5], colors="white", linewidths=1.8)
            equal = "White line: equal outlays in the cheapest mix;"
        figure.colorbar(mesh, ax=pane, label="Constraints' share of the outlay (median)")
        even = data.drop_duplicates("transfer").set_index("transfer")["pipelines_break_even"]
        inside = even[np.isfinite(even) & (even >= ratios[0]) & (even <= ratios[-1])]
        said = "dashed: preferences alone cost as much as constraints alone"
        if len(inside):
            pane.plot(inside.to_numpy(), inside.index, color="white", linestyle="--", linewidth=1.4)
        else:
            said = _off_the_map(even, ratios)
        book = float(np.median(case.price_a / case.price_b))
        pane.plot([book, book], [0.0, 1.0], color=COLOURS[1], linestyle=":", linewidth=1.6)
        pane.set_xscale("log", base=2)
        pane.set_xticks(RATIOS, [f"1/{1 / r:g}" if r < 1 else f"{r:g}" for r in RATIOS])
        pane.set_ylim(0.0, 1.0)
        pane.grid(visible=False)
        pane.set_xlabel("Price of a constraint label over that of a preference label")
        pane.set_ylabel("Transfer τ of the laboratory's advantage")
        note = f"{equal} {said}; dotted: the price book's median ratio. {CONDITIONAL}"
        finish_figure(figure, f"When constraints are worth their price, for harm {target}", wrapped(note))
        return figure


def _off_the_map(even: pd.Series[float], ratios: Any) -> str:
    """Why the pipelines' break-even line is not drawn."""
    if np.isinf(even).all():
        return "preferences alone do not attain the target in most draws, whatever the price"
    if even.isna().all():
        return "neither kind alone attains the target in most draws"
    return f"the pure pipelines break even outside this map (ratio {short(float(even.min()))} to {short(float(even.max()))})"


def map_alt_text(data: pd.DataFrame, target: Any) -> str:
    """Alt text: the share in the corners and where it passes one half."""
    corners = [
        f"transfer {t:g}, ratio {r:g}: {short(float(_part(data, transfer=t, price_ratio=r)['share_constraints'].iloc[0]))}"
        for t in (TRANSFERS[0], TRANSFERS[-1])
        for r in (RATIOS[0], RATIOS[-1])
    ]
    return f"Map of the median share of constraints in the cheapest mix for harm {target}. " + "; ".join(corners) + "."
