"""Figures and tables of a directory of measurements and surfaces: those that its data allow, and why others are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import econ
from econ.core.csv_files import write_csv
from econ.core.files import content_hash, write_json
from econ.core.manifests import write_manifest
from econ.core.measurements import DISTRIBUTION_NAMES
from econ.core.provenance import now, provenance
from econ.core.results import refuse_existing, result_directory
from econ.report.laboratory.arms import (
    curves_alt_text,
    filled_outcomes,
    harm_helpfulness_plane,
    learning_curves,
    plane_alt_text,
    plane_table,
)
from econ.report.laboratory.configurations import (
    configuration_alt_text,
    configuration_figure,
    configuration_groups,
    configuration_table,
    median_rows,
)
from econ.report.laboratory.divergence import divergence_alt_text, divergence_figure, divergence_table
from econ.report.laboratory.drawing import LeftOut
from econ.report.laboratory.fits import curve_table
from econ.report.laboratory.maps import DIAGRAMS, full_grid, phase_cells, phase_table
from econ.report.laboratory.methods import (
    method_groups,
    method_learning_curves,
    method_plane,
    method_table,
    methods_alt_text,
    with_median,
)
from econ.report.laboratory.pass_at_k import pass_alt_text, pass_at_k_figure, pass_table
from econ.report.laboratory.phase import phase_alt_text, phase_diagram
from econ.report.laboratory.published import published_table
from econ.report.laboratory.signs import sign_groups, sign_map, sign_table, signs_alt_text
from econ.report.laboratory.slices import slice_alt_text, slice_table, surface_slices
from econ.report.laboratory.tables import (
    Laboratory,
    cell_table,
    form_table,
    pure_arms,
    sigma_table,
)
from econ.report.laboratory.upper_bounds import bound_alt_text, bound_figure, bound_table
from econ.report.rendered import Rendered
from econ.report.style import save_figure

if TYPE_CHECKING:
    from econ.claims.evidence import Evidence
    from econ.surfaces.posterior import Surfaces

Found = Rendered | LeftOut


def laboratory_figures(laboratory: Laboratory) -> tuple[list[Rendered], list[LeftOut]]:
    """Every figure that the data allow, and every other with the reason why it is left out."""
    found = list(_all(laboratory))
    return [f for f in found if isinstance(f, Rendered)], [f for f in found if isinstance(f, LeftOut)]


def _all(laboratory: Laboratory) -> Iterator[Found]:
    measurements, evidence = laboratory.measurements, laboratory.evidence()
    cells = None
    if measurements is None or evidence is None:
        yield LeftOut("figures of measurements", "the directory holds no measurements.parquet")
    else:
        cells = cell_table(measurements)
        for distribution in DISTRIBUTION_NAMES:
            yield from _measured(laboratory, measurements, evidence, cells, distribution)
    if laboratory.surfaces is None:
        yield LeftOut("surface slices", "the directory holds no fitted surfaces (`econ lab fit`)")
    else:
        for distribution in laboratory.surfaces.distributions:
            yield from _slices(laboratory.surfaces, distribution, cells)


def _measured(
    laboratory: Laboratory, measurements: pd.DataFrame, evidence: Evidence, cells: pd.DataFrame, distribution: str
) -> Iterator[Found]:
    if not (measurements["distribution"] == distribution).any():
        yield LeftOut(f"all of {distribution}", f"nothing was measured {DISTRIBUTION_NAMES[distribution]}")
        return
    yield from _arms(cells, distribution)
    configurations = configuration_table(measurements, distribution)
    methods = method_table(evidence, measurements, distribution)
    yield from _methods(methods, configurations, distribution)
    yield _upper_bounds(measurements, methods, distribution)
    yield from _configurations(configurations, distribution)
    for diagram in DIAGRAMS:
        name = f"{diagram.name}_{distribution}"
        points = phase_cells(evidence, diagram, distribution)
        grid = full_grid(points)
        if grid is None:
            why = f"needs both arms over at least 3 x 3 values of {diagram.x} and {diagram.y} (grid maps)"
            yield LeftOut(name, why)
            continue
        shown = grid[2]
        yield Rendered(
            name, phase_table(shown, diagram, distribution),
            _later(phase_diagram, shown, diagram, distribution), phase_alt_text(shown, diagram, distribution),
        )  # fmt: skip
    yield _divergence(divergence_table(measurements, distribution), distribution)
    signs = sign_table(evidence, distribution)
    if signs.empty:
        why = "needs an arm on flags of what is wrong and another method at the same knobs, on 4 confirmatory worlds"
        yield LeftOut(f"signs_{distribution}", why)
    else:
        yield from _signs(signs, distribution)
    yield _pass_at_k(pass_table(measurements, laboratory.curves, distribution), distribution)


def _arms(cells: pd.DataFrame, distribution: str) -> Iterator[Found]:
    """Figures of the surface design: one kind of label alone, and the plane with the mixes."""
    curves, plane = pure_arms(cells, distribution), plane_table(cells, distribution)
    name = f"learning_curves_{distribution}"
    trained = curves[curves["n"] > 0]
    # There the joint method on one kind of label is that kind's arm.
    design = trained["method"].eq("hybrid").any()
    varied = "the knobs vary between runs: see the phase diagrams and the sign map"
    if trained.empty:
        yield LeftOut(name, "no arm was trained on flags alone or pairs alone")
    elif trained["setting"].nunique() > 1:
        yield LeftOut(name, varied)
    elif not design and trained["method"].nunique() > MOST_ARMS:
        yield LeftOut(name, "many methods of one kind of label: see the learning curves of the methods")
    else:
        yield Rendered(name, curves, _later(learning_curves, curves), curves_alt_text(curves))
    # Harm and helpfulness alone would hide what was paid for them.
    name = f"harm_helpfulness_{distribution}"
    if not plane.loc[plane["n"] > 0, "helpfulness"].notna().any() or not filled_outcomes(plane):
        yield LeftOut(name, "helpfulness and what was paid for it (sycophancy or over-refusal) were not measured")
    elif plane.loc[plane["n"] > 0, "setting"].nunique() > 1:
        yield LeftOut(name, varied)
    elif plane.loc[plane["n"] > 0, "method"].nunique() > MOST_ARMS:
        yield LeftOut(name, "many methods of one kind of label: see the plane of the methods")
    else:
        yield Rendered(name, plane, _later(harm_helpfulness_plane, plane), plane_alt_text(plane))


#: Methods that the figures of the surface design can hold.
MOST_ARMS = 4


def _methods(table: pd.DataFrame, configurations: pd.DataFrame, distribution: str) -> Iterator[Found]:
    human = table[table["panel"] == "human"] if len(table) else table
    if human.empty or human["method"].nunique() < 2:
        why = "needs two methods over 3 budgets at the same knobs, on 4 confirmatory worlds"
        yield LeftOut(f"methods_{distribution}", why)
        return
    groups = method_groups(human)
    for number, group in enumerate(groups, start=1):
        part = f"_{number}" if len(groups) > 1 else ""
        median = median_rows(configurations, group)
        data, alt = with_median(group, median), methods_alt_text(group, median)
        yield Rendered(f"methods_{distribution}{part}", data, _later(method_learning_curves, group, median), alt)
        if group["helpfulness"].notna().any() and filled_outcomes(group):
            alt = methods_alt_text(group, median, plane=True)
            yield Rendered(f"methods_plane_{distribution}{part}", data, _later(method_plane, group, median), alt)


def _upper_bounds(measurements: pd.DataFrame, table: pd.DataFrame, distribution: str) -> Found:
    """Oracle arms over their budgets, or at the one that they have."""
    name = f"upper_bounds_{distribution}"
    curves = table[table["panel"] == "oracle"] if len(table) else table
    if len(curves):
        alone = median_rows(pd.DataFrame(), curves)
        return Rendered(name, curves, _later(method_learning_curves, curves, alone), methods_alt_text(curves, alone))
    points = bound_table(measurements, distribution)
    if len(points):
        return Rendered(name, points, _later(bound_figure, points), bound_alt_text(points))
    return LeftOut(name, "no oracle arm (a program verifies, or the truth is known) was measured in world A on 4 confirmatory worlds")


def _configurations(table: pd.DataFrame, distribution: str) -> Iterator[Found]:
    name = f"configurations_{distribution}"
    if table.empty:
        yield LeftOut(name, "no method was run with three configurations on 4 worlds under this distribution")
        return
    groups = configuration_groups(table)
    for number, group in enumerate(groups, start=1):
        part = f"_{number}" if len(groups) > 1 else ""
        yield Rendered(f"{name}{part}", group, _later(configuration_figure, group), configuration_alt_text(group))


def _signs(table: pd.DataFrame, distribution: str) -> Iterator[Rendered]:
    """The sign map in as many figures as it needs."""
    groups = sign_groups(table)
    for number, group in enumerate(groups, start=1):
        name, part = (f"_{number}", f"{number} of {len(groups)}") if len(groups) > 1 else ("", "")
        yield Rendered(f"signs_{distribution}{name}", group, _later(sign_map, group, part), signs_alt_text(group))


def _divergence(table: pd.DataFrame, distribution: str) -> Found:
    name = f"divergence_{distribution}"
    if table.empty:
        return LeftOut(name, "needs an arm at three weights of divergence (beta_kl) on 4 confirmatory worlds (grid stress)")
    return Rendered(name, table, _later(divergence_figure, table, distribution), divergence_alt_text(table, distribution))


def _pass_at_k(table: pd.DataFrame, distribution: str) -> Found:
    name = f"pass_at_k_{distribution}"
    if table.empty or (table["panel"] == "base").all():
        return LeftOut(name, "no method was measured in world B (pass_1 to pass_256) on 4 confirmatory worlds")
    return Rendered(
        name, table, _later(pass_at_k_figure, table, distribution), pass_alt_text(table, distribution)
    )


def _slices(surfaces: Surfaces, distribution: str, cells: pd.DataFrame | None) -> Iterator[Rendered]:
    levels: Sequence[float] = surfaces.diagnostics.get("design", {}).get("v", [0.5])
    for v in map(float, levels):
        table = slice_table(surfaces, distribution, v)
        yield Rendered(
            f"surface_{distribution}_v{v:.2f}", table, _later(surface_slices, table, cells, surfaces.kind),
            slice_alt_text(table, cells, surfaces.kind),
        )  # fmt: skip


def _later(draw: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    """Draw when asked, with what is known now."""
    return lambda: draw(*arguments)


def laboratory_tables(laboratory: Laboratory) -> dict[str, pd.DataFrame]:
    """Tables beside the figures, by name; empty ones are left out."""
    tables: dict[str, pd.DataFrame] = {}
    evidence = laboratory.evidence()
    if laboratory.measurements is not None and evidence is not None:
        tables["cells"] = cell_table(laboratory.measurements)
        tables["curves"] = curve_table(evidence)
        tables["published"] = published_table(
            pass_table(laboratory.measurements, laboratory.curves, "ood"),
            method_table(evidence, laboratory.measurements, "ood"),
        )
    if laboratory.surfaces is not None:
        tables |= {"forms": form_table(laboratory.surfaces), "sigma": sigma_table(laboratory.surfaces)}
    return {name: table for name, table in tables.items() if not table.empty}


def provenance_of(laboratory: Laboratory) -> str:
    """Where the numbers of a figure come from: version, table, surfaces. The same for the same data."""
    parts = [f"econ {econ.__version__}", f"laboratory {laboratory.source}"]
    if laboratory.measurements is not None:
        configs = sorted(laboratory.measurements["config_hash"].dropna().unique())
        parts.append(
            f"{len(laboratory.measurements)} measurements, grids {', '.join(c[:12] for c in configs) or 'unknown'}"
        )
        parts.append(f"runs {content_hash(sorted(map(str, laboratory.measurements['run_id'].unique())))[:16]}")
    if laboratory.surfaces is not None:
        parts.append(f"surfaces {laboratory.surfaces.hash[:16]} ({laboratory.surfaces.kind})")
    return "; ".join(parts)


def write_laboratory(laboratory: Laboratory, out: Path, *, force: bool = False) -> tuple[list[str], list[LeftOut]]:
    """Write every figure (PNG, SVG, its data as CSV, alt texts) and the tables (CSV) into a new directory.

    Returns
    -------
    files : list of str
    left_out : list of LeftOut
        Figures that the data do not allow, with reasons; also in ``left_out.json``.

    Raises
    ------
    InputError
        If `out` exists and `force` is off, or is no result of ours.
    """
    refuse_existing(out, force=force)
    tables = laboratory_tables(laboratory)
    drawings, left_out = laboratory_figures(laboratory)
    source = provenance_of(laboratory)
    with result_directory(out, force=force, resume=False) as directory:
        write_json(directory / "alt_text.json", {drawing.name: drawing.alt_text for drawing in drawings})
        write_json(directory / "left_out.json", {left.name: left.why for left in left_out})
        for drawing in drawings:
            facts = {"Title": drawing.name, "Description": drawing.alt_text, "Source": source}
            save_figure(drawing.draw(), directory, drawing.name, facts)
            tables[drawing.name] = drawing.data
        for name, table in tables.items():
            write_csv(directory / f"{name}.csv", table)
        write_manifest(directory, provenance() | {"source": source, "finished": now(), "status": "finished"})
    return sorted(path.name for path in out.iterdir()), left_out
