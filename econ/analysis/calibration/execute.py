"""A calibration from its file to a directory: simulate, emulate, weigh, check; what is finished survives an interruption."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.analysis.calibration.facts import Facts, choose_facts
from econ.analysis.calibration.fit import (
    Minimum,
    Sample,
    check_weights,
    chosen,
    emulate,
    even_sample,
    find_minimum,
)
from econ.analysis.calibration.recovery import band_noise, truths
from econ.analysis.calibration.simulations import Points, Simulator, usable
from econ.analysis.calibration.space import Space, check_space, own_values
from econ.core.errors import WorkError
from econ.core.files import content_hash
from econ.core.provenance import now
from econ.core.results import result_directory
from econ.core.unfinished import Work
from econ.ensemble.design import code_hash, plan

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from econ.analysis.calibration.fit import Emulator
    from econ.analysis.calibration.spec import Calibration
    from econ.ensemble.design import Design
    from econ.ensemble.engine import Engine
    from econ.ensemble.sweeps.point import PointFile
    from econ.ensemble.workers import Progress
    from econ.scenario import Scenario
    from econ.surfaces import Surfaces

    Floats = NDArray[np.float64]

#: Folder of simulated points while a calibration is unfinished.
FOLDER = "points"
#: Share of simulated points that may be without a moment.
MOST_UNUSABLE = 0.2


@dataclass(frozen=True)
class CalibrationPlan:
    """A calibration with its scenario, box and facts resolved and checked."""

    spec: Calibration
    base: Scenario
    surfaces: Surfaces
    space: Space
    facts: Facts
    start: Floats
    own: dict[str, Any]

    @property
    def config_hash(self) -> str:
        """SHA-256 of the file, the scenario, the surfaces and the facts."""
        return self._hash_with(self.spec.as_written())

    @property
    def work_hash(self) -> str:
        """As `config_hash`, but for the file's words: another description resumes the same points."""
        return self._hash_with({key: value for key, value in self.spec.as_written().items() if key not in ("title", "description")})

    def _hash_with(self, written: dict[str, Any]) -> str:
        facts = self.facts.table.to_csv(index=False)
        return content_hash([written, self.base.resolved(), self.surfaces.hash, list(self.facts.used), facts])

    def as_one_design(self) -> Design:
        """All even points as scenarios of one ensemble, whose blocks bound what a worker holds at a time."""
        spec = self.spec
        one = plan([self.base], self.surfaces, seed=spec.seed, replicates=spec.replicates, quarters=spec.quarters)
        return replace(one, scenarios=(self.base,) * (1 + spec.points))

    @property
    def columns(self) -> list[int]:
        """Places of the facts used among all facts."""
        ids = list(self.facts.table["id"])
        return [ids.index(name) for name in self.facts.used]

    def distances(self, simulated: Floats) -> Floats:
        """Simulated facts [n, all] as distances of those used [n, M]."""
        return np.asarray((simulated[:, self.columns] - self.facts.target) / self.facts.half)

    def errors(self, error: Floats) -> Floats:
        """Monte Carlo errors [n, all] in half bands of the facts used [n, M]."""
        return np.asarray(error[:, self.columns] / self.facts.half)


@dataclass(frozen=True)
class CalibrationResult:
    """What came out, before it is written as tables.

    Attributes
    ----------
    plan : CalibrationPlan
    design : Points
        All points that the emulator was fitted to: the scenario as it is, the even ones, the refinement.
    waves : list of int
        0, 1 or 2 for each of them.
    emulator, sample, weights, minimum
    draws : ndarray, shape [n, d]
        Posterior draws in the cube.
    truths, truth_points : points whose parameters are to be recovered
    observed, observed_error : ndarray, shape [n, M]
        Their moments with the facts' errors, and the Monte Carlo errors of these, in half bands.
    before, after : Points
        One point each with fresh random numbers: the scenario as it is, and the calibrated one.
    wall_seconds : float
    started : str
    """

    plan: CalibrationPlan
    design: Points
    waves: list[int]
    emulator: Emulator
    sample: Sample
    weights: Floats
    minimum: Minimum
    draws: Floats
    truths: Floats
    observed: Floats
    observed_error: Floats
    before: Points
    after: Points
    started: str
    wall_seconds: float


def plan_calibration(spec: Calibration, base: Scenario, surfaces: Surfaces, facts: Facts | None = None) -> CalibrationPlan:
    """Resolve and check everything before anything is computed.

    Raises
    ------
    InputError
        If a key or value cannot be used, or a fact is held out or cannot be computed.
    """
    space = Space(spec.parameters)
    check_space(space, base)
    own = own_values(base, space.keys)
    chosen_ones = choose_facts(spec.moments, spec.quarters) if facts is None else facts
    return CalibrationPlan(spec, base, surfaces, space, chosen_ones, space.start(own), own)


def calibrate(
    planned: CalibrationPlan, engine: Engine, out: Path, scheduler: Callable[..., Iterator[PointFile]], write: Callable[..., None], *,
    force: bool = False, progress: Progress,
) -> CalibrationResult:  # fmt: skip
    """Run a calibration into a directory.

    Parameters
    ----------
    planned : CalibrationPlan
    engine : Engine
    out : Path
        Appears when all is done; until then ``OUT.partial`` keeps the finished points.
    scheduler : callable
        One of `econ.ensemble.sweeps.schedulers` with its own arguments filled in.
    write : callable
        Called with the result and the working directory; writes tables, figures and manifest.
    force : bool
        Replace a finished result.
    progress : callable
        Called with the numbers of finished and of all points of a stage.

    Raises
    ------
    WorkError
        If too many points lack a moment, or the box hardly holds the posterior.
    """
    work = Work("econ calibrate", planned.work_hash, code_hash(), (f"{FOLDER}/**/*.parquet",))
    with result_directory(out, force=force, scratch=(FOLDER,), work=work) as partial:
        simulator = Simulator(
            planned.base, planned.surfaces, planned.facts.table, planned.spec.quarters, engine.simulate, scheduler,
            partial / FOLDER, progress,
        )  # fmt: skip
        result = fit_calibration(planned, simulator)
        write(result, partial)
    return result


def fit_calibration(planned: CalibrationPlan, simulator: Simulator) -> CalibrationResult:
    """Simulate the design, emulate, refine, weigh, and check on fresh random numbers."""
    started, clock = now(), time.monotonic()
    spec, space = planned.spec, planned.space
    places = [{}, *space.settings(_even(planned))]
    design = _usable(planned, simulator.points("even", places, _seeds(spec, 0, len(places)), spec.replicates))
    waves = [0] + [1] * (len(design.settings) - 1)
    if spec.refinement:
        _, sample, weights = _weigh(planned, design)
        more = space.settings(sample.unit[chosen(weights, spec.refinement)])
        refined = _usable(planned, simulator.points("refined", more, _seeds(spec, len(places), len(more)), spec.replicates))
        design, waves = design + refined, waves + [2] * len(refined.settings)
    emulator, sample, weights = _weigh(planned, design)
    check_weights(weights)
    minimum = find_minimum(emulator, sample, planned.start, spec.pull)
    true, observed, error = _truths(planned, simulator)
    # Before and after share their random numbers, which no other point has.
    fresh = _seeds(spec, spec.simulations, 1) * 2
    check = simulator.points("check", [{}, *space.settings(minimum.point[None])], fresh, spec.check_replicates)
    return CalibrationResult(
        planned, design, waves, emulator, sample, weights, minimum, sample.unit[chosen(weights, DRAWS)], true, observed, error, check.at(0),
        check.at(1), started, time.monotonic() - clock,
    )  # fmt: skip


def _seeds(spec: Calibration, first: int, count: int) -> list[int]:
    """A seed for each point.

    Random numbers common to all points would make differences between points sharper, but leave the error of their
    few replicates in every point alike, and the emulator could not average it out: the point found then fits these
    replicates (Chen, Ankenman and Nelson 2012).
    """
    return [spec.seed + first + i for i in range(count)]


#: Posterior draws that are written.
DRAWS = 1000


def _even(planned: CalibrationPlan) -> Floats:
    from scipy.stats import qmc

    # 2^m points of a Sobol sequence are balanced; another number is the user's choice, so no warning is due.
    power = int(np.ceil(np.log2(planned.spec.points)))
    return qmc.Sobol(planned.space.size, rng=planned.spec.seed).random_base2(power)[: planned.spec.points]


def _usable(planned: CalibrationPlan, points: Points) -> Points:
    """The points that have all facts used; the scenario as it is, the first of a design, must be among them."""
    kept = usable(points, planned.columns)
    lost = len(points.settings) - len(kept.settings)
    if lost > MOST_UNUSABLE * len(points.settings):
        raise WorkError(f"{lost} of {len(points.settings)} simulated points lack a moment that is to be fitted; narrow the intervals")
    if points.settings[0] == {} and kept.settings[0] != {}:
        raise WorkError("the scenario as it is lacks a moment that is to be fitted")
    return kept


def _unit(planned: CalibrationPlan, points: Points) -> Floats:
    """Simulated points in the cube; the scenario as it is stands at its own values."""
    known = [one for one in points.settings if one]
    unit = np.tile(planned.start, (len(points.settings), 1))
    unit[[bool(one) for one in points.settings]] = planned.space.of_settings(known)
    return unit


def _weigh(planned: CalibrationPlan, design: Points) -> tuple[Emulator, Sample, Floats]:
    emulator = emulate(_unit(planned, design), planned.distances(design.simulated))
    sample = even_sample(emulator, planned.space.size, planned.spec.seed)
    return emulator, sample, sample.weights()


def _truths(planned: CalibrationPlan, simulator: Simulator) -> tuple[Floats, Floats, Floats]:
    """Drawn parameters in the cube, their simulated moments with errors such as the facts are taken to have, and Monte Carlo errors."""
    spec, space, facts = planned.spec, planned.space, len(planned.facts.used)
    if not spec.truths:
        return np.empty((0, space.size)), np.empty((0, facts)), np.empty((0, facts))
    settings = space.settings(truths(space, spec.truths, spec.seed))
    seeds = _seeds(spec, 1 + spec.points + spec.refinement, spec.truths)
    points = _usable(planned, simulator.points("truths", settings, seeds, spec.replicates))
    noise = band_noise(facts, len(points.settings), spec.seed)
    return space.of_settings(points.settings), planned.distances(points.simulated) + noise, planned.errors(points.error)
