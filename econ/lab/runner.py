"""Running a grid: bases first, then tuning, then the grid itself; every finished task is kept."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from econ.core.errors import InputError
from econ.core.files import content_hash
from econ.core.manifests import FILES, hashes, write_manifest
from econ.core.provenance import now, provenance
from econ.core.results import result_directory
from econ.core.unfinished import Work
from econ.lab import RESULTS_VERSION, programs
from econ.lab.checkpoints import CHECKPOINTS, checkpoint_folder, code_hash, tell_of_other_code
from econ.lab.churn import Trace, churn_rows
from econ.lab.earlier import Earlier, read_earlier
from econ.lab.engine import Engine
from econ.lab.grid import Arm, Evaluation, Grid
from econ.lab.knobs import Knobs
from econ.lab.methods import METHODS
from econ.lab.programs import Run, Task
from econ.lab.store import Store
from econ.lab.tables import write_details, write_scorers, write_tables

Progress = Callable[[str, int, int], None]

#: What the manifest says of every finished task.
FACTS = ("program", "kind", "runs", "seconds", "peak_host_bytes", "peak_device_bytes")


def run_grid(
    grid: Grid, out: Path, *, device: str = "auto", workers: int = 1, force: bool = False,
    reuse: Sequence[Path] = (), progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train a grid and write its tables to `out`.

    Parameters
    ----------
    grid : Grid
    out : Path
        Directory of the result; `OUT.partial` holds checkpoints until it is complete.
    device : {"auto", "cpu", "cuda"}
    workers : int
        Processes on a CPU, one thread each; results do not depend on it.
    force : bool
        Replace a finished result.
    reuse : sequence of Path
        Finished results; runs that stand in them are taken over and not trained again, unless the grid
        wants their details, which no table keeps.
    progress : callable, optional
        Called with (phase, tasks done, tasks in all).

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    InputError
        If `out` exists, the device is not there, or a result to be reused is none.
    WorkError
        If a worker dies or a task fails.
    """
    device, earlier = choose_device(device), read_earlier(reuse)
    started, clock = now(), time.perf_counter()
    # Every finished task says by itself to what it belongs, so that a changed grid of the same name goes on with those that it shares.
    work = Work("econ lab run", content_hash(grid.name), code_hash(), (f"{CHECKPOINTS}/*/*.json",))
    with result_directory(out, force=force, scratch=(CHECKPOINTS,), work=work) as partial:
        folder = checkpoint_folder(partial, device)
        tell_of_other_code(folder, device)
        processes = workers if device == "cpu" else 1
        session = _Session(grid, folder, device, processes, earlier, progress or (lambda *_: None))
        with session.engine:
            session.run()
        manifest = _manifest(session, started, time.perf_counter() - clock)
        write_tables(partial, session.rows, session.curves, manifest)
        if session.scorers:
            write_scorers(partial, session.scorers)
        if session.details:
            write_details(partial, session.details, session.churn())
        manifest |= {FILES: hashes(partial, sorted(path.name for path in partial.glob("*.parquet")))}
        write_manifest(partial, manifest)
    return manifest


def choose_device(device: str) -> str:
    """The device to use.

    Raises
    ------
    InputError
        If CUDA is asked for and is not there.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device is available", key="--device", found=device, allowed="auto, cpu")
    return device


@dataclass
class _Session:
    """A grid under way."""

    grid: Grid
    folder: Path
    device: str
    workers: int
    earlier: Earlier
    progress: Progress
    taken: set[str] = field(default_factory=set)
    rows: list[dict[str, Any]] = field(default_factory=list)
    curves: list[dict[str, Any]] = field(default_factory=list)
    scorers: list[dict[str, Any]] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    chosen: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = Store(self.folder)
        self.engine = Engine(self.workers, self.folder, self.device)
        self.settings = programs.result_settings(self.grid, programs.candidates_needed(self.grid))
        short = Evaluation(samples=self.grid.tuning.samples, distributions=("id",), curves="losses")
        self.tuning_settings = self.settings | {"evaluation": short.model_dump(mode="json")}

    def run(self) -> None:
        """All phases in order."""
        groups: dict[str, tuple[list[Run], dict[str, Any]]] = {}
        for arm in self.grid.arms:
            runs = self._hybrid_runs(arm) if arm.edges is not None else self._runs(arm)
            settings = programs.result_settings(self.grid, self.settings["candidates"], arm)
            groups.setdefault(content_hash(settings), ([], settings))[0].extend(runs)
        # Sweeps may cross at one setting; a run is one run, however many arms ask for it.
        self._train("training", [(list(dict.fromkeys(runs)), settings) for runs, settings in groups.values()])

    def churn(self) -> list[dict[str, Any]]:
        """Rows of `churn.parquet`."""
        from econ.lab.job import world_of

        return churn_rows(
            self.traces, lambda run: world_of(self.settings, programs.base_item(run.world, run.knobs)),
            self.grid.evaluation.distributions,
        )  # fmt: skip

    # Phases ----------------------------------------------------------------------------------
    def _finish(self, phase: str, tasks: list[Task]) -> None:
        missing = [task for task in tasks if not self._stored(task)]
        self.progress(phase, len(tasks) - len(missing), len(tasks))
        for count, _ in enumerate(self.engine.do(missing), start=len(tasks) - len(missing) + 1):
            self.progress(phase, count, len(tasks))
        for task in tasks:
            facts = self.store.facts(task.hash)
            self.done[task.hash] = {key: facts[key] for key in FACTS} | {"hash": task.hash, "reused": False}

    def _stored(self, task: Task) -> bool:
        names = [task.hash]
        if task.kind == "pretrain":
            names += [programs.base_hash(item, task.settings) for item in task.items]
        elif task.kind == "scorer":
            names += [programs.scorer_hash(Run.from_plain(item), task.settings) for item in task.items]
        return all([self.store.has(name) for name in names])

    def _train(self, phase: str, groups: list[tuple[list[Run], dict[str, Any]]]) -> list[dict[str, Any]]:
        """Rows of runs, each group of which has settings of its own."""
        rows, missing = [], []
        for runs, own in groups:
            found, left = self._split(runs, own)
            missing.append((left, own))
            rows += [row for run in found for row in self.earlier.rows[run]]
            self._keep(set(found) - self.taken)
        return rows + self._trained(phase, missing)

    def _split(self, runs: list[Run], settings: dict[str, Any]) -> tuple[list[str], list[Run]]:
        """Ids of the runs that an earlier result holds, and the runs that are to be trained."""
        if settings["evaluation"]["details"]:
            return [], runs
        ids = [programs.run_id(run, settings) for run in runs]
        known = [run_id in self.earlier for run_id in ids]
        return list(itertools.compress(ids, known)), [r for r, k in zip(runs, known, strict=True) if not k]

    def _keep(self, fresh: set[str]) -> None:
        """Take over runs of earlier results."""
        self.taken |= fresh
        for run in sorted(fresh):
            self.rows += self.earlier.rows[run]
            self.curves += self.earlier.curves.get(run, [])
            self.scorers += self.earlier.scorers.get(run, [])

    def _trained(self, phase: str, groups: list[tuple[list[Run], dict[str, Any]]]) -> list[dict[str, Any]]:
        """Rows of runs that are trained, with their base models and scorers."""
        per_batch = self.grid.runs_per_batch if self.device == "cpu" else 4096
        runs = [run for own, _ in groups for run in own]
        if runs:
            self._finish("base models", programs.base_tasks(runs, self.settings))
        tasks = [task for runs, own in groups for task in programs.batches(runs, own, per_batch, self.device)]
        known = set(self.done)
        scorers = {t.hash: t for runs, own in groups for t in programs.scorer_tasks(runs, own, per_batch)}
        if scorers:
            self._finish(f"scorers for {phase}", list(scorers.values()))
        self._finish(phase, tasks)
        rows = []
        for task in tasks:
            facts = self.store.facts(task.hash)
            rows += facts["rows"]
            if task.hash not in known:
                self.rows += facts["rows"]
                self.curves += facts["curves"]
                self.scorers += facts.get("scorers", [])
                if facts.get("details"):
                    self.details += facts["details"]
                    self.traces += self._traces(task)
        return rows

    def _traces(self, task: Task) -> list[Trace]:
        protocol, violation = content_hash(task.settings), self.store.arrays(task.hash)["violation"]
        runs = [Run.from_plain(item) for item in task.items]
        return [
            Trace(run, programs.run_id(run, task.settings), protocol, own)
            for run, own in zip(runs, violation, strict=True)
        ]  # fmt: skip

    # Arms ------------------------------------------------------------------------------------
    def _runs(self, arm: Arm) -> list[Run]:
        runs = []
        for budgets in arm.budgets():
            config, spent, edge = dict(arm.config), 0, False
            if arm.tune:
                config, spent, edge = self._tune(arm, arm.method, arm.tuned_at(budgets), arm.config, arm.tune)
            for knobs in self.grid.settings(arm):
                runs += programs.plain_runs(
                    self.grid, arm, self.grid.stage, self.grid.worlds_of(arm), budgets, config, knobs, spent, edge
                )
        return runs

    def _hybrid_runs(self, arm: Arm) -> list[Run]:
        """Both pure arms are tuned at one budget, then w where both budgets are that one."""
        assert arm.edges is not None
        at = arm.tune_at or 1024
        flags, spent_a, edge_a = self._tune(arm, "npo_ret", {"flag": at}, {}, arm.edges.npo_ret)
        pairs, spent_b, edge_b = self._tune(arm, "dpo", {"preference": at}, {}, arm.edges.dpo)
        w, edge_w = arm.config.get("w", METHODS["hybrid"].config["w"]), False
        if arm.tune:
            both = programs.hybrid_config(flags, pairs, w, at, at)
            tuned, _, edge_w = self._tune(arm, "hybrid", {"flag": at, "preference": at}, both, arm.tune)
            w = tuned["w"]
        runs = []
        for budgets in arm.budgets():
            a, b = budgets["flag"], budgets["preference"]
            config = programs.hybrid_config(flags, pairs, w, a, b)
            spent = (spent_a if a else 0) + (spent_b if b else 0)
            edge = (edge_a and a > 0) or (edge_b and b > 0) or (edge_w and a > 0 and b > 0)
            for knobs in self.grid.settings(arm):
                runs += programs.plain_runs(
                    self.grid, arm, self.grid.stage, self.grid.worlds_of(arm), budgets, config, knobs, spent, edge
                )
        return runs

    def _tuning_knobs(self, arm: Arm) -> Knobs:
        """Knobs at which an arm is tuned: those of the grid and its own, none of the swept ones."""
        return Knobs.model_validate(self.grid.knobs.model_dump() | arm.knobs)

    def _tune(
        self, of: Arm, method: str, budgets: dict[str, int], fixed: dict[str, float],
        values: dict[str, tuple[float, ...]],
    ) -> tuple[dict[str, float], int, bool]:  # fmt: skip
        """Best configuration by mean U - violation, in distribution, on the tuning worlds.

        Tuned at the knobs of the grid and the arm, not at swept ones. Returns the configuration with
        defaults filled in, the judgements spent, and whether it lies on the edge of the values tried.
        """
        arm, worlds = Arm.model_construct(method=method), self.grid.tuning.worlds
        knobs = self._tuning_knobs(of)
        scores: list[float] = []
        tried = programs.configurations(values)
        spent = 0
        every = [
            programs.plain_runs(self.grid, arm, "tune", worlds, budgets, fixed | config, knobs) for config in tried
        ]
        label = f"tuning {method}"
        group = [run for own in every for run in own], self.tuning_settings
        rows = {row["run_id"]: row for row in self._train(label, [group])}
        for own in every:
            found = [rows[programs.run_id(run, self.tuning_settings)] for run in own]
            scores.append(sum(programs.tuning_score(r) for r in found) / len(found))
            # The labels of a world serve all configurations, so they are charged once.
            spent = sum(r["judgements"] for r in found)
        best = max(range(len(tried)), key=scores.__getitem__)
        config = METHODS[method].config | fixed | tried[best]
        edge = programs.on_edge(tried[best], values)
        choice = {
            "method": method, "budgets": budgets, "chosen": config, "edge": edge, "judgements": spent,
            "tried": [{"config": c, "score": s} for c, s in zip(tried, scores, strict=True)],
        }  # fmt: skip
        if choice not in self.chosen:
            self.chosen.append(choice)
        return config, spent, edge


def _manifest(session: _Session, started: str, seconds: float) -> dict[str, Any]:
    import torch

    grid = session.grid
    cuda, done = session.device == "cuda", session.done.values()
    on_device = [p["peak_device_bytes"] for p in done if p["peak_device_bytes"] is not None]
    return provenance(session.device) | {
        "grid": grid.model_dump(mode="json"),
        "config_hash": programs.grid_hash(grid), "results_version": RESULTS_VERSION, "code_hash": code_hash(), "seed": grid.seed,
        "worlds": list(grid.worlds), "tuning_worlds": list(grid.tuning.worlds), "reductions": list(grid.reductions),
        "settings_of_knobs": len(grid.settings()), "runs": len({row["run_id"] for row in session.rows}),
        "rows": len(session.rows), "tuning": session.chosen,
        "reused": session.earlier.used(session.taken), "programs": [*done, *session.earlier.programs(session.taken)],
        "precision": "float32", "tf32": bool(torch.backends.cuda.matmul.allow_tf32) if cuda else False,
        "cuda": torch.version.cuda if cuda else None, "gpu": torch.cuda.get_device_name() if cuda else None,
        "workers": session.workers, "threads_per_worker": 1,
        "peak_host_bytes": max((p["peak_host_bytes"] for p in done), default=0),
        "peak_device_bytes": max(on_device, default=None),
        "compute_seconds": round(sum(p["seconds"] for p in done), 1),
        "started": started, "finished": now(), "wall_seconds": round(seconds, 1), "status": "finished",
    }  # fmt: skip
