"""Are scorers trained to their plateau, and how good could they be? Writes ``benchmarks/results/scorers.json``.

Run as ``python -m benchmarks.scorers``; ten minutes of one core, on development worlds alone. Reward
models and verifiers are trained for the most steps that a grid allows, verifiers on the largest budget
for four times as many, without early stopping, and judged along the way; `docs/laboratory.md` shows
the tables.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure import Table, report, yardstick
from econ.lab import programs
from econ.lab.execute import execute
from econ.lab.grid import Grid, Training
from econ.lab.job import Context, architecture
from econ.lab.label_sets import split_validation, stack_labels
from econ.lab.methods import METHODS
from econ.lab.model import Architecture
from econ.lab.policy_settings import ScorerTraining
from econ.lab.programs import Run
from econ.lab.scorer_quality import pair_ceilings, scorer_quality
from econ.lab.scorers import SCORER_LOSSES, train_scorers
from econ.lab.store import Store
from econ.lab.truth import Fresh

#: Worlds of development: none of them is in any headline.
WORLDS = (0, 1, 2, 3)
#: Methods whose scorers are judged, with the column that tells how good they are.
SHOWN = {"rm_ppo": "pair_accuracy_labels", "nsr_lv": "auc_truth", "nsr_lv_rule": "auc_truth"}
BUDGETS = (1378, 8192)
STEPS = (25, 50, 100, 200, 400, 700, 1000, 1500)
#: Further steps of verifiers at the largest budget, whose held-out loss still falls after the most that grids allow.
FURTHER = (2000, 3000, 4000, 5000, 6000)
GRID = {
    "schema_version": 1, "name": "scorers", "stage": "develop", "worlds": list(WORLDS),
    "arms": [{"method": method, "n": list(BUDGETS)} for method in SHOWN],
}  # fmt: skip


class Kept(Context):
    """A context that draws the fresh prompts of a world once."""

    def __init__(self, settings: dict, store: Store, device: str) -> None:
        super().__init__(settings, store, device)
        self._fresh: dict[int, Fresh] = {}

    def fresh(self, arch: Architecture, base: torch.Tensor, run: Run) -> Fresh:
        """Fresh prompts with two samples each."""
        if run.world not in self._fresh:
            self._fresh[run.world] = super().fresh(arch, base, run)
        return self._fresh[run.world]


def runs_of(grid: Grid, method: str, n: int) -> list[Run]:
    """One run in each development world."""
    arm = next(arm for arm in grid.arms if arm.method == method)
    return programs.plain_runs(grid, arm, grid.stage, grid.worlds, {METHODS[method].kinds[0]: n}, {}, grid.knobs)


def along(grid: Grid, context: Kept, base: torch.Tensor, method: str, n: int) -> list[list[str | int | float | None]]:
    """Rows of the table: held-out loss, and accuracy against fresh labels and the truth, by steps."""
    runs, kind, training = runs_of(grid, method, n), METHODS[method].scorer, Training()
    steps = STEPS + (FURTHER if kind != "reward" and n == BUDGETS[-1] else ())
    arch, spec = architecture(context.settings), ScorerTraining(min_steps=steps[-1], max_steps=steps[-1])
    labels = [next(iter(context.labels(run).values())) for run in runs]
    stacked = stack_labels([context.prompts(run) for run in runs], labels, "cpu")
    held = stacked.rows(split_validation(n, training)[1])
    rows: list[list[str | int | float | None]] = []

    def judge(step: int, _: torch.Tensor, flat: torch.Tensor) -> None:
        if step not in steps:
            return
        with torch.no_grad():
            loss = float(_held_out(arch, flat, held, kind).mean())
        found = [scorer_quality(kind, arch, flat[i : i + 1], base[i : i + 1], run, context) for i, run in enumerate(runs)]
        mean = {key: np.mean([float(own[key] or np.nan) for own in found]) for key in found[0]}
        names = ("pair_accuracy_labels", "pair_accuracy_truth") if kind == "reward" else ("auc_labels", "auc_truth")
        rows.append([method, n, step, loss, *(float(mean[name]) for name in names)])
        print(rows[-1], flush=True)

    train_scorers(arch, base, stacked, SCORER_LOSSES[kind], [(1, run.world) for run in runs], spec, training, judge)
    return rows


def _held_out(arch: Architecture, flat: torch.Tensor, held, kind: str) -> torch.Tensor:
    from econ.lab.scorers import label_scores

    return SCORER_LOSSES[kind](label_scores(arch, flat, held), held.flagged)


def ceilings(grid: Grid, context: Kept, base: torch.Tensor) -> list[list[str | int | float | None]]:
    """How well pairs of fresh responses could be ordered, in each world and under labels with less in their way."""
    arch, rows = architecture(context.settings), []
    changes: dict[str, dict[str, float]] = {
        "as they are": {}, "no flips": {"pair_flip": 0.0}, "no agreement bias": {"bias": 0.0},
        "everything verifiable": {"comp": 1.0, "v": 1.0}, "all three": {"pair_flip": 0.0, "bias": 0.0, "comp": 1.0, "v": 1.0},
        "all three, temperature 0.1": {"pair_flip": 0.0, "bias": 0.0, "comp": 1.0, "v": 1.0, "pair_temperature": 0.1},
    }  # fmt: skip
    for name, change in changes.items():
        found = []
        for i, run in enumerate(runs_of(grid, "rm_ppo", BUDGETS[0])):
            fresh = context.fresh(arch, base[i : i + 1], run)
            knobs = run.knobs.model_copy(update=change)
            own = Run(**{**run.__dict__, "knobs": knobs})
            chance = context.raters(own, fresh.pool).preference_chances()[-len(fresh.prompt) :]
            differ = (fresh.responses[:, 0] != fresh.responses[:, 1]).any(-1)
            found.append(pair_ceilings(chance, fresh.utility, differ))
        rows.append([name, *(float(np.mean([own[key] for own in found])) for key in ("labels_truth", "best_labels", "best_truth"))])
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure, print and write."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    yardstick()
    torch.set_num_threads(1)
    grid = Grid.model_validate(GRID)
    with tempfile.TemporaryDirectory() as folder:
        settings = programs.result_settings(grid, 2)
        for task in programs.base_tasks(runs_of(grid, "rm_ppo", BUDGETS[0]), settings):
            execute(task, Path(folder))
        context = Kept(settings, Store(Path(folder)), "cpu")
        base = torch.stack([context.base(run).flat for run in runs_of(grid, "rm_ppo", BUDGETS[0])])
        bound = ceilings(grid, context, base)
        rows = [row for method in SHOWN for n in BUDGETS for row in along(grid, context, base, method, n)]
    report(
        "scorers",
        [
            Table("How well pairs can be ordered", ["labels", "labels, truth", "best, labels", "best, truth"], bound),
            Table("Scorers along training", ["scorer of", "labels", "steps", "held-out loss", "against labels", "against truth"], rows),
        ],
        [f"development worlds {', '.join(map(str, WORLDS))}, means; 1,024 fresh prompts each; no early stopping"],
        steps=[*STEPS, *FURTHER],
    )


if __name__ == "__main__":
    main()
