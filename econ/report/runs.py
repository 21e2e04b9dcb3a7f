"""Running and opening: what `econ.run` and `econ.open_run` return.

A run computed without a directory lives in memory; one with a directory appears there complete, with
its tables, figures and manifest, or not at all.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from econ.core.csv_files import write_csv
from econ.core.errors import InputError
from econ.core.files import atomic_file, file_hash, make_directory, write_json
from econ.core.provenance import now
from econ.core.results import result_directory
from econ.core.unfinished import Work
from econ.ensemble import engine as engines
from econ.ensemble.decomposition import check_pair, decompose
from econ.ensemble.design import Design, code_hash, plan
from econ.ensemble.effects import HEADLINES, differences_data
from econ.ensemble.execute import PIECES, SCRATCH, ImpossibleScenario, execute, silent
from econ.ensemble.manifest import write_manifest
from econ.ensemble.memory import check_disk, choose_workers
from econ.ensemble.results import DECOMPOSITION, EnsembleResult, check_complete, stored_tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from econ.ensemble.workers import Progress
    from econ.report.fans import FanFigure
    from econ.report.rendered import Rendered
    from econ.scenario import Scenario
    from econ.surfaces import Surfaces

    Source = Scenario | str | Path

FIGURES = "figures"


class Run(EnsembleResult):
    """An ensemble with its figures; each `plot_…` method returns a Matplotlib figure."""

    def plot_budget_shares(self, scenario: str | None = None) -> Figure:
        """Shares and amounts of the budgets for feedback, by quarter."""
        from econ.report.outcome_fans import BUDGET

        return self._fan(BUDGET, scenario)

    def plot_wages(self, scenario: str | None = None) -> Figure:
        """Wages by region and occupation, and employment, by quarter."""
        from econ.report.outcome_fans import LABOR

        return self._fan(LABOR, scenario)

    def plot_concentration(self, scenario: str | None = None) -> Figure:
        """Herfindahl-Hirschman indices of licences, services and requests governed, by quarter."""
        from econ.report.outcome_fans import CONCENTRATION

        return self._fan(CONCENTRATION, scenario)

    def plot_capture(self, scenario: str | None = None) -> Figure:
        """Capture index and its parts, by quarter."""
        from econ.report.outcome_fans import CAPTURE

        return self._fan(CAPTURE, scenario)

    def plot_harm(self, scenario: str | None = None) -> Figure:
        """Harm, helpfulness and sycophancy, by quarter."""
        from econ.report.outcome_fans import HARM

        return self._fan(HARM, scenario)

    def plot_moments(self) -> Figure:
        """Stylised facts beside their simulated counterparts in the first scenario."""
        from econ.report.moments import moments_data, moments_figure

        return moments_figure(moments_data(self.moments()))

    def plot_differences(self, scenario: str | None = None) -> Figure:
        """Paired differences of a scenario (the second unless given) against the first, by quarter."""
        from econ.report.comparison.figures import differences_figure

        if len(self.scenarios) < 2:
            raise InputError(
                "this run holds one scenario; compare it with another run", found=self.scenarios[0]
            )
        chosen = self._chosen(scenario or self.scenarios[1])
        return differences_figure(
            differences_data(self.outcome_columns(HEADLINES), chosen, self.scenarios[0])
        )

    def _fan(self, kind: FanFigure, scenario: str | None) -> Figure:
        from econ.report.fans import fan_data, fan_figure

        return fan_figure(fan_data(self.summary(), self._chosen(scenario or self.scenarios[0]), kind), kind)

    def _chosen(self, scenario: str) -> str:
        if scenario not in self.scenarios:
            raise InputError(
                "no such scenario in this run", found=scenario, allowed=", ".join(self.scenarios)
            )
        return scenario

    def _repr_html_(self) -> str:
        """A notebook shows what was run and the headline outcomes."""
        from econ.report.overview import overview_html

        return overview_html(self)

    def __repr__(self) -> str:
        names = ", ".join(self.scenarios)
        return f"<econ.Run of {names}: {self.manifest.replicates} replicates, {self.manifest.quarters} quarters, seed {self.manifest.seed}>"


def run(
    scenario: Source | Sequence[Source],
    *scenarios: Source,
    replicates: int | None = None,
    quarters: int | None = None,
    seed: int = 1,
    workers: int | None = 1,
    surfaces: Surfaces | None = None,
    device: str = "cpu",
    precision: Literal["float64", "float32"] = "float64",
    out: str | Path | None = None,
    force: bool = False,
) -> Run:
    """Run scenarios as ensembles with common random numbers.

    Parameters
    ----------
    scenario, *scenarios : Scenario, path or str
        A scenario, a file, or the name of a shipped one, or a list of these. The first is the baseline of paired differences.
    replicates, quarters : int, optional
        Unless given, those of the first scenario.
    seed : int
        In [0, 2**32 - 1].
    workers : int or None
        Processes; None takes all cores. More than one needs ``if __name__ == "__main__":`` around the
        call in a script, as every use of multiprocessing does.
    surfaces : Surfaces, optional
        Unless given, those that the scenarios name.
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    precision : str
        ``float64`` or ``float32``.
    out : str or Path, optional
        A directory for tables, figures and manifest; without it the run is kept in memory.
    force : bool
        Replace a finished result in `out`.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If something asked for cannot be used, or needs more memory than there is.
    WorkError
        If the work failed.

    Examples
    --------
    >>> econ.run("baseline", "public_commons", replicates=64)      # doctest: +SKIP
    """
    from econ.scenario.loading import as_scenarios

    chosen = as_scenarios([scenario, *scenarios])
    if not chosen:
        raise InputError("there is no scenario to run", allowed="one at least, such as econ.run(\"baseline\")")
    design = plan(
        chosen,
        surfaces,
        seed=seed,
        replicates=replicates,
        quarters=quarters,
        device=engines.choose_device(engines.market_engine(), device),
        precision=precision,
    )
    if out is not None:
        return run_into(design, Path(out), workers=workers, force=force)
    return _run_in_memory(design, workers)


def _run_in_memory(design: Design, workers: int | None) -> Run:
    """Run a design in a directory that is gone when its tables have been read."""
    engine = engines.market_engine()
    engines.check_precision(engine, design.precision)
    chosen = choose_workers(design, workers, None)
    with tempfile.TemporaryDirectory(prefix="econ-") as name:
        check_disk(design, Path(name))
        manifest = execute(design, engine, Path(name), workers=chosen)
        return Run(manifest, None, stored_tables(Path(name)))


def run_into(
    design: Design,
    out: Path,
    *,
    workers: int | None = None,
    memory_gb: float | None = None,
    force: bool = False,
    csv: bool = False,
    decomposed: bool = False,
    progress: Progress = silent,
) -> Run:
    """Run a design into a directory, which appears when tables, figures and manifest are complete.

    Parameters
    ----------
    design : Design
    out : Path
    workers : int, optional
        All cores unless given.
    memory_gb : float, optional
        Limit (GiB); what is free unless given.
    force : bool
        Replace a finished result.
    csv : bool
        Write the Parquet tables as CSV too.
    decomposed : bool
        Write ``decomposition.csv`` and its figure too; the design has two scenarios.
    progress : callable
        Called with the numbers of finished and of all blocks.
    """
    clock = time.monotonic()
    engine = engines.market_engine()
    engines.check_precision(engine, design.precision)
    if decomposed:
        check_pair(design)
    chosen = choose_workers(design, workers, memory_gb)
    check_disk(design, out)
    work = Work("econ run", design.config_hash, code_hash(), PIECES)
    with result_directory(out, force=force, scratch=SCRATCH, hopeless=(ImpossibleScenario,), work=work) as partial:
        links = decompose(design, engine, partial, workers=chosen, progress=progress) if decomposed else None
        manifest = execute(design, engine, partial, workers=chosen, progress=progress)
        if links is not None:
            write_csv(partial / DECOMPOSITION, links)
            files = manifest.files | {DECOMPOSITION: file_hash(partial / DECOMPOSITION)}
            manifest = manifest.model_copy(update={"files": files})
        result = Run(manifest, partial)
        write_figures(_all_figures(result), partial)
        if csv:
            write_csv_tables(result, partial)
        ended = {"finished": now(), "wall_seconds": round(time.monotonic() - clock, 3)}
        manifest = manifest.model_copy(update=ended)
        write_manifest(partial, manifest)
    return Run(manifest, out)


def _all_figures(result: Run) -> list[Rendered]:
    from econ.report.figures import run_figures

    rendered = run_figures(result.summary(), result.moments(), result.scenarios)
    if len(result.scenarios) > 1:
        from econ.report.comparison.figures import comparison_figures

        rendered += comparison_figures(result.outcome_columns(HEADLINES), result.scenarios[0])
    links = result.decomposition()
    if links is not None:
        from econ.report.decomposition import rendered_decomposition

        rendered.append(rendered_decomposition(links, result.manifest.quarters))
    return rendered


def write_figures(rendered: Sequence[Rendered], directory: Path) -> None:
    """Write each figure as PNG and SVG, its data as CSV, and all alt texts into ``figures/``."""
    from econ.report.style import save_figure

    folder = directory / FIGURES
    make_directory(folder)
    for figure in rendered:
        save_figure(figure.draw(), folder, figure.name)
        write_csv(folder / f"{figure.name}.csv", figure.data)
    write_json(folder / "alt_text.json", {figure.name: figure.alt_text for figure in rendered})


def write_csv_tables(result: EnsembleResult, directory: Path) -> None:
    """Write outcomes, ledger and replicates as CSV, a row group at a time."""
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    for name in ("outcomes", "ledger", "replicates"):
        source = pq.ParquetFile(directory / f"{name}.parquet")
        with (
            atomic_file(directory / f"{name}.csv") as temporary,
            pa_csv.CSVWriter(temporary, _plain(source.schema_arrow)) as writer,
        ):
            for group in range(source.num_row_groups):
                table = source.read_row_group(group)
                writer.write_table(table.cast(_plain(table.schema)))


def _plain(schema: Any) -> Any:
    """A schema with dictionaries as text, which CSV needs."""
    import pyarrow as pa

    return pa.schema(
        [(field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type) for field in schema]
    )


def open_run(directory: str | Path) -> Run:
    """A stored run, after a check that it is complete and unchanged.

    Raises
    ------
    InputError
        If the directory is no finished run or a table was changed.

    Warns
    -----
    UserWarning
        If some replicates failed; theirs are left out.
    """
    path = Path(directory)
    return Run(check_complete(path), path)
