"""Comparing runs: what `econ.compare` returns and `econ compare` writes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from econ.core.csv_files import defused
from econ.core.errors import InputError
from econ.core.files import atomic_file
from econ.core.manifests import write_manifest
from econ.core.provenance import now, provenance
from econ.core.results import refuse_existing, result_directory
from econ.ensemble.comparison import code_note, compare_results, facts_of
from econ.ensemble.effects import differences_data, effects_data
from econ.ensemble.ranking import ranking_tables
from econ.ensemble.results import EnsembleResult, check_complete
from econ.ensemble.tables import KEYS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class Comparison:
    """Scenarios of one or more runs held against each other, replicate by replicate.

    Attributes
    ----------
    outcomes : DataFrame
        Outcomes of all scenarios, the baseline first.
    table : DataFrame
        Paired differences by quarter, as ``differences.csv``.
    baseline : str
        The scenario against which the others are held.
    facts : DataFrame or None
        States of the world by replicate, such as the transfer drawn.
    note : str or None
        What a reader must know of the runs' code.
    """

    def __init__(
        self, outcomes: pd.DataFrame, table: pd.DataFrame, baseline: str,
        facts: pd.DataFrame | None = None, note: str | None = None,
    ) -> None:  # fmt: skip
        self.outcomes = outcomes
        self.table = table
        self.baseline = baseline
        self.facts = facts
        self.note = note

    @property
    def scenarios(self) -> list[str]:
        """The scenarios compared, the baseline first."""
        return [self.baseline, *self.table["scenario"].unique()]

    @cached_property
    def effects(self) -> pd.DataFrame:
        """Effect of each policy on every outcome over the last two years, as ``effects.csv``: interval, sign stability."""
        return effects_data(self.outcomes, self.baseline, self._variables)

    @property
    def matrix(self) -> pd.DataFrame:
        """Mean effects, one row per policy and one column per outcome, as ``matrix.csv``."""
        wide = self.effects.pivot(index="scenario", columns="variable", values="mean_difference")
        return wide.loc[self.scenarios[1:], self._variables]

    @property
    def ranks(self) -> pd.DataFrame:
        """Ranks and regret of every policy by each outcome, as ``ranks.csv``; see `ranking_tables`."""
        return self._ranking[0]

    @property
    def stability(self) -> pd.DataFrame:
        """Whether the order of policies holds in every replicate, as ``rank_stability.csv``; see `ranking_tables`."""
        return self._ranking[1]

    @cached_property
    def _ranking(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return ranking_tables(self.outcomes, self._variables, self.facts)

    @property
    def _variables(self) -> list[str]:
        return [name for name in self.outcomes.columns if name not in KEYS]

    def plot_differences(self, scenario: str | None = None) -> Figure:
        """Paired differences of one scenario (the first after the baseline unless given), by quarter."""
        from econ.report.comparison.figures import differences_figure

        chosen = scenario or self.scenarios[1]
        if chosen not in self.scenarios[1:]:
            raise InputError(
                "no such scenario in this comparison", found=chosen, allowed=", ".join(self.scenarios[1:])
            )
        return differences_figure(differences_data(self.outcomes, chosen, self.baseline))

    def plot_effects(self) -> Figure:
        """Effects of all scenarios over the last two years."""
        from econ.report.comparison.figures import effects_figure

        return effects_figure(effects_data(self.outcomes, self.baseline))

    def _repr_html_(self) -> str:
        """A notebook shows the effects over the last two years, and how stable the order of policies is."""
        from econ.report.comparison.text import comparison_html

        return comparison_html(self)

    def __repr__(self) -> str:
        return f"<econ.Comparison of {', '.join(self.scenarios[1:])} against {self.baseline}>"


def compare(run: EnsembleResult | str | Path, *runs: EnsembleResult | str | Path, baseline: str | None = None) -> Comparison:
    """Compare the scenarios of runs, replicate by replicate.

    Parameters
    ----------
    run, *runs : Run, path or str
        Runs, or directories of stored ones, with the same seed, replicates, horizon, surfaces and precision.
    baseline : str, optional
        A scenario's name; the first scenario of the first run unless given.

    Raises
    ------
    InputError
        If the runs cannot be paired (it says in what they differ), or there is nothing to compare.
    """
    results = [_opened(each) for each in (run, *runs)]
    outcomes, table, name = compare_results(results, baseline)
    return Comparison(outcomes, table, name, facts_of(results, name), code_note(results))


def _opened(run: object) -> EnsembleResult:
    if isinstance(run, EnsembleResult):
        return run
    if isinstance(run, str | Path):
        return EnsembleResult(check_complete(Path(run)), Path(run))
    raise InputError("not a run", found=run, allowed="what econ.run or econ.open_run returns, or the directory of a stored run")


def compare_into(
    directories: Sequence[Path], out: Path, *, baseline: str | None = None, figures: bool = False, force: bool = False
) -> Comparison:
    """Compare stored runs and write tables and a manifest into a directory.

    Parameters
    ----------
    directories : sequence of Path
    out : Path
    baseline : str, optional
        A scenario's name; the first scenario of the first run unless given.
    figures : bool
        Draw the effects, and the differences of each scenario by quarter.
    force : bool
        Replace a finished result.
    """
    refuse_existing(out, force=force)
    started = now()
    opened = [_opened(directory) for directory in directories]
    comparison = compare(*opened, baseline=baseline)
    tables = {
        "differences.csv": comparison.table, "effects.csv": comparison.effects,
        "matrix.csv": comparison.matrix.reset_index(), "ranks.csv": comparison.ranks,
        "rank_stability.csv": comparison.stability,
    }  # fmt: skip
    with result_directory(out, force=force, resume=False) as partial:
        for name, table in tables.items():
            _write_table(partial / name, table)
        if figures:
            from econ.report.comparison.figures import comparison_figures
            from econ.report.runs import write_figures

            write_figures(comparison_figures(comparison.outcomes, comparison.baseline), partial)
        write_manifest(partial, _record(comparison, opened, started))
    return comparison


def _write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV with every digit, five times as fast as pandas does."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    with atomic_file(path) as temporary:
        pa_csv.write_csv(pa.Table.from_pandas(defused(table), preserve_index=False), temporary)


def _record(comparison: Comparison, opened: Sequence[EnsembleResult], started: str) -> dict[str, Any]:
    first = opened[0].manifest
    return {
        **provenance(first.device),
        "runs": [result.manifest.config_hash for result in opened],
        "directories": [str(result.directory) for result in opened],
        "scenarios": comparison.scenarios,
        "baseline": comparison.baseline,
        "note": comparison.note,
        "seed": first.seed,
        "replicates": first.replicates,
        "quarters": first.quarters,
        "surfaces": first.surfaces.model_dump(),
        "started": started,
        "finished": now(),
        "status": "finished",
    }
