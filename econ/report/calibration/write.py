"""A calibration as readers see it: one screen on a terminal, a page in Markdown, figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.analysis.calibration.write import StoredCalibration, write_calibration
from econ.report.numbers import short
from econ.report.text import fact_words

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from econ.analysis.calibration.execute import CalibrationResult

#: A direction is called identified from this singular value on: a standard deviation over the whole interval.
IDENTIFIED = 1.0


def write_all(result: CalibrationResult, directory: Path, *, csv: bool = False) -> None:
    """Write tables, fragments, manifest and figures into a working directory; `csv` writes the Parquet tables as CSV too."""
    from econ.analysis.calibration.write import read_calibration
    from econ.report.calibration.figures import calibration_figures
    from econ.report.runs import write_figures

    write_calibration(result, directory, csv=csv)
    write_figures(calibration_figures(read_calibration(directory)), directory)


def missed_facts(moments: pd.DataFrame, which: str, fitted: bool) -> list[str]:
    """Ids of facts outside their band, ``before`` or ``after``, among those fitted or the others."""
    rows = moments[(moments["fitted"] == fitted) & moments[which].notna()]
    return list(rows.loc[~rows[f"{which}_met"], "id"])


def moment_rows(moments: pd.DataFrame, fitted: bool) -> list[list[str]]:
    """Facts as text, those missed after calibration first: id, name, target and band, before, after, reach, share of points that meet it."""
    rows = moments[(moments["fitted"] == fitted) & moments["after"].notna()]
    order = np.lexsort((np.arange(len(rows)), rows["after_met"].to_numpy(dtype=bool)))
    return [_moment_row(row) for _, row in rows.iloc[order].iterrows()]


def _moment_row(row: pd.Series[Any]) -> list[str]:
    low, high = float(row["low"]), float(row["high"])
    band = f" ({short(low)} to {short(high)})" if np.isfinite(low) and np.isfinite(high) and low < high else ""

    def value(which: str) -> str:
        error = row[f"{which}_error"]
        return short(row[which]) + (f" ± {short(error)}" if np.isfinite(error) else "") + ("" if row[f"{which}_met"] else " MISSED")

    return [
        str(row["id"]), fact_words(str(row["name"])), str(row["use"]), short(row["target"]) + band, value("before"), value("after"),
        f"{short(row['lowest'])} to {short(row['highest'])}", f"{100 * row['met_share']:.0f} %",
    ]  # fmt: skip


MOMENT_HEADINGS = ("fact", "name", "use", "target (band)", "before", "after", "reached in the box", "points that meet it")
PARAMETER_HEADINGS = ("parameter", "before", "interval", "after", "posterior median [90 %]", "contraction", "recovered: 90 % cover, correlation")


def parameter_rows(stored: StoredCalibration) -> list[list[str]]:
    """Parameters as text: before, interval, after, posterior, contraction, recovery."""
    recovered = stored.tables["recovery_summary"].set_index("parameter")
    rows = []
    for _, row in stored.tables["parameters"].iterrows():
        known = recovered.loc[row["parameter"]] if len(recovered) else None
        own = row["own"] if isinstance(row["own"], str) else short(row["own"])
        moved = "" if isinstance(row["own"], str) or not np.isclose(row["own"], row["point"], rtol=1e-4) else " (kept)"
        rows.append(
            [
                str(row["parameter"]).removeprefix("parameters."), own, f"{short(row['low'])} to {short(row['high'])}",
                short(row["point"]) + moved + (" at the end" if row["at_end"] else ""),
                f"{short(row['p50'])} [{short(row['p05'])}, {short(row['p95'])}]", f"{100 * row['contraction']:.0f} %",
                "–" if known is None else f"{100 * known['coverage']:.0f} %, {short(known['correlation'])}",
            ]
        )  # fmt: skip
    return rows


def summary_lines(stored: StoredCalibration) -> list[str]:
    """Misses first, then the distance, what is identified, recovery, emulation, simulations."""
    numbers, moments = stored.manifest["numbers"], stored.tables["moments"]
    lines = []
    for fitted, name in ((True, "fitted"), (False, "not fitted")):
        before, after = (missed_facts(moments, which, fitted) for which in ("before", "after"))
        lines.append(f"Facts {name} that are missed: {_names(before)} before, {_names(after)} after.")
    lines.append(
        f"Distance J (sum of squared half bands, on fresh random numbers): {short(numbers['objective_before'])} before, "
        f"{short(numbers['objective_after'])} after, over {numbers['facts']} facts. The emulator had promised {short(numbers['objective_point_emulated'])} there, and "
        f"{short(numbers['objective_least'])} at the least in the box: a minimum over noisy points flatters itself."
    )
    if numbers["probability"] is not None:
        lines.append(
            f"As a J statistic with {numbers['freedom']} degrees of freedom: p = {numbers['probability']:.2f}, if the facts' errors are "
            "independent normals with the half band as standard deviation. Several facts come from one table, so they are not."
            + _never_missed(moments, len(stored.tables["parameters"]))
        )
    values = stored.tables["directions"]["singular_value"]
    lines.append(
        f"Identified directions: {int((values >= IDENTIFIED).sum())} of {len(values)} (singular values {', '.join(short(x) for x in values)}; "
        "below 1 the whole interval moves the facts by less than their standard deviation)."
    )
    recovery = stored.tables["recovery"]
    if len(recovery):
        lines.append(
            f"Recovery of {recovery['truth'].nunique()} known parameter sets: 90 % intervals hold {100 * recovery['inside'].mean():.0f} % of the values."
        )
    worst = stored.tables["emulation"].sort_values("error").iloc[-1]
    lines.append(
        f"Emulator, each point from all others: largest error {short(worst['error'])} half bands ({worst['id']}, which varies by {short(worst['sd'])}). "
        f"{numbers['simulated_points']} simulated points, {numbers['effective_draws']:,.0f} effective draws."
    )
    return lines


def _never_missed(moments: pd.DataFrame, parameters: int) -> str:
    """Fitted facts that every simulated point meets: they raise the degrees of freedom and cannot raise J."""
    fitted = moments[moments["fitted"]]
    always = list(fitted.loc[fitted["met_share"] == 1, "id"])
    if not always:
        return ""
    left = len(fitted) - len(always)
    more = f", and the other {left} are too few to test {parameters} parameters: read no fit from p" if left <= parameters else ""
    return f" Every simulated point meets {_names(always)}, so that these test nothing{more}."


def _names(ids: list[str]) -> str:
    return ", ".join(ids) if ids else "none"


def print_calibration(stored: StoredCalibration, console: Console, place: str) -> None:
    """Print parameters, facts fitted and held out, and the summary."""
    for title, headings, rows in (
        ("Parameters", PARAMETER_HEADINGS, parameter_rows(stored)),
        ("Facts fitted", MOMENT_HEADINGS, moment_rows(stored.tables["moments"], True)),
        ("Facts not fitted, reported alone", MOMENT_HEADINGS, moment_rows(stored.tables["moments"], False)),
    ):
        console.print(_grid(title, headings, rows))
    for line in summary_lines(stored):
        console.print(line, highlight=False)
    console.print(f"Tables, draws, figures and the scenario files calibrated.yaml and calibrated_priors.yaml: {place}", highlight=False)


def _grid(title: str, headings: tuple[str, ...], rows: list[list[str]]) -> Any:
    from rich.table import Table

    grid = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1), pad_edge=False)
    for number, heading in enumerate(headings):
        grid.add_column(heading, justify="left" if number == 0 else "right")
    for row in rows:
        grid.add_row(*row)
    return grid


def markdown_table(headings: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table for a page; what is missed is bold."""
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    lines += ["| " + " | ".join(f"**{cell}**" if cell.endswith("MISSED") else cell for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def key_facts(stored: StoredCalibration, place: str) -> dict[str, Any]:
    """The result as one JSON object."""
    parameters, moments = stored.tables["parameters"], stored.tables["moments"]
    return {
        "out": place, "point": dict(zip(parameters["parameter"], parameters["point"], strict=True)), **stored.manifest["numbers"],
        "missed_before": missed_facts(moments, "before", True), "missed_after": missed_facts(moments, "after", True),
        "held_out_missed_before": missed_facts(moments, "before", False), "held_out_missed_after": missed_facts(moments, "after", False),
        "config_hash": stored.manifest["config_hash"],
    }  # fmt: skip
