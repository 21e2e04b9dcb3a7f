"""One quarter of the labor market in econ, in plain numpy, in Mesa and in Starsim: agreement, then CPU time.

The step: each labeler reconsiders with some chance; who does chooses among outside, judging and
constraint work by nested logit; who works supplies ability, which sets pay; experience grows with paid
hours and decays. All variants start from one population and get the same pay of occupations.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.labor_mesa import MesaLabor
from benchmarks.labor_numpy import NumpyLabor, keyed_draws, own_draws
from benchmarks.labor_start import REPLICATE, SEED, Ours, Start, make_start
from benchmarks.measure import Table, Timing, report, round_robin, timed, yardstick
from econ.market.setting import REGIONS

Array = Any
BLOCK = 16_384
#: CPU seconds for which a variant runs in each round, about.
SPAN = 0.1
#: Largest accepted difference of a mean, in standard errors; eleven means are compared.
LIMIT = 4.0
OURS, CHOICE = "econ (numba)", "econ, choice alone"
BLOCKED, PLAIN, KEYED = "numpy, blocks of 16,384", "numpy, whole arrays", "numpy, econ's keyed draws"
MESA, SHUFFLED, STARSIM = "Mesa, do", "Mesa, shuffle_do", "Starsim"
#: What is asked of econ: at most so many ns at 10^6 labelers, and at least so many times faster than others.
TARGET_NANOSECONDS, TARGET_MESA, TARGET_STARSIM = 40.0, 100.0, 6.0
#: Log-log slope of time from so many labelers on.
TARGET_SLOPES, SLOPE_FROM = (0.9, 1.1), 10_000
#: Above so many labelers Mesa is left out: it would take seconds a quarter and gigabytes.
MESA_MOST = 100_000


# Agreement -----------------------------------------------------------------------------------------
def check_equality(start: Start, quarters: int) -> int:
    """Compare econ with numpy under the same draws; the number of choices compared, all of them equal."""
    ours, other = Ours(start), NumpyLabor(start, keyed_draws(SEED, REPLICATE))
    for quarter in range(quarters):
        supply, (heads, ability) = ours.step(quarter), other.step(quarter)
        differing = int((ours.people.occupation[0] != other.occupation).sum())
        if differing:
            raise SystemExit(f"econ and numpy differ in {differing} choices in quarter {quarter}")
        np.testing.assert_array_equal(supply.heads[0], heads)
        np.testing.assert_allclose(supply.ability[0], ability, rtol=1e-11)
        for one, rival in ((supply.movers_ability, other.movers), (supply.leavers, other.leavers), (supply.reservation, other.rent)):
            np.testing.assert_allclose(one[0], rival, rtol=1e-11)
        np.testing.assert_allclose(ours.people.experience[0], other.experience.T, rtol=1e-11)
    return quarters * other.count


def largest_gaps(start: Start, quarters: int) -> dict[str, float]:
    """Largest difference from econ in standard errors, over shares by region and mean experience."""
    ours, blocked = Ours(start), NumpyLabor(start, own_draws(SEED), BLOCK)
    models: dict[str, Any] = {MESA: MesaLabor(start, SEED, shuffle=False), SHUFFLED: MesaLabor(start, SEED, shuffle=True)}
    models |= starsim_labor(start)
    for quarter in range(quarters):
        ours.step(quarter)
        blocked.step(quarter)
        for model in models.values():
            model.step()
    states = {BLOCKED: (blocked.occupation, blocked.experience.T)}
    states |= {name: model.gathered() for name, model in models.items()}
    own = (ours.people.occupation[0], ours.people.experience[0])
    gaps = {name: _largest_gap(start, own, state) for name, state in states.items()}
    for name, gap in gaps.items():
        if gap > LIMIT:
            raise SystemExit(f"{name} and econ differ by {gap:.1f} standard errors")
    return gaps


def starsim_labor(start: Start) -> dict[str, Any]:
    """Starsim's model by the name of its variant, if Starsim is installed."""
    if not importlib.util.find_spec("starsim"):
        return {}
    from benchmarks.labor_starsim import StarsimLabor

    return {STARSIM: StarsimLabor(start, SEED)}


def _largest_gap(start: Start, one: tuple[Array, Array], other: tuple[Array, Array]) -> float:
    bounds, gaps = start.people.bounds[0], []
    for g in range(len(REGIONS)):
        part = slice(bounds[g], bounds[g + 1])
        gaps += [_gap(one[0][part] == k, other[0][part] == k) for k in range(3)]
    gaps += [_gap(one[1][:, o], other[1][:, o]) for o in (0, 1)]
    return max(gaps)


def _gap(one: Array, other: Array) -> float:
    # As of independent samples: the shared start makes the true standard error smaller.
    error = np.sqrt((one.var() + other.var()) / len(one))
    return float(abs(one.mean() - other.mean()) / max(error, 1e-300))


# Time ----------------------------------------------------------------------------------------------
def variants(start: Start) -> dict[str, Callable[[int], object]]:
    """Every variant as a function of the quarter."""
    ours, choice = Ours(start), Ours(start)
    numpy_step = {
        BLOCKED: NumpyLabor(start, own_draws(SEED), BLOCK), PLAIN: NumpyLabor(start, own_draws(SEED)),
        KEYED: NumpyLabor(start, keyed_draws(SEED, REPLICATE), BLOCK),
    }  # fmt: skip
    steps: dict[str, Callable[[int], object]] = {OURS: ours.step, CHOICE: choice.choose}
    steps |= {name: labor.step for name, labor in numpy_step.items()}
    if start.people.occupation.shape[1] <= MESA_MOST:
        plain, shuffled = MesaLabor(start, SEED, shuffle=False), MesaLabor(start, SEED, shuffle=True)
        steps |= {MESA: lambda _: plain.step(), SHUFFLED: lambda _: shuffled.step()}
    return steps | {name: lambda _, step=model.step: step() for name, model in starsim_labor(start).items()}


def measure(start: Start, rounds: int) -> dict[str, tuple[Timing, int]]:
    """Timings of all variants, with the quarters in each."""
    work, counts = {}, {}
    for name, step in variants(start).items():
        step(0)
        counts[name] = int(np.clip(SPAN / max(timed(lambda step=step: step(1))[0], 1e-6), 1, 500))
        work[name] = lambda step=step, name=name: [step(2 + i) for i in range(counts[name])]
    return {name: (timing, counts[name]) for name, timing in round_robin(work, rounds).items()}


def targets(found: dict[str, dict[int, float]]) -> list[str]:
    """What was asked and what was found, in sentences."""
    size = max(found[OURS])
    asked = [f"Asked: at most {TARGET_NANOSECONDS:g} ns at 10^6 labelers; found {found[OURS][size]:.1f} ns at {size:,}."]
    sizes = [size for size in found[OURS] if size >= SLOPE_FROM]
    if len(sizes) > 1:
        logs = np.log(sizes), np.log([size * found[OURS][size] for size in sizes])
        slope, (low, high) = float(np.polyfit(*logs, 1)[0]), TARGET_SLOPES
        met = "met" if low <= slope <= high else "not met"
        asked.append(f"Asked: log-log slope of time in labelers from {low} to {high}; found {slope:.2f} from {sizes[0]:,} to {sizes[-1]:,}, {met}.")
    for name, least in ((MESA, TARGET_MESA), (SHUFFLED, TARGET_MESA), (STARSIM, TARGET_STARSIM)):
        if name in found:
            size = max(found[name])
            times = found[name][size] / found[OURS][size]
            asked.append(f"Asked: at least {least:g} times faster than {name}; found {times:.1f} times at {size:,} labelers, {'met' if times >= least else 'not met'}.")
    return asked


def main() -> None:
    """Check, time, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--labelers", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--checked", type=int, default=50_000, help="labelers of the check of agreement")
    given = parser.parse_args()
    yardstick()
    checked = make_start(given.checked)
    compared, gaps = check_equality(checked, 8), largest_gaps(checked, 8)
    found: dict[str, dict[int, float]] = {}
    spread: dict[str, dict[int, list[float]]] = {}
    for size in given.labelers:
        for name, (timing, quarters) in measure(make_start(size), given.rounds).items():
            each = [1e9 * seconds / (size * quarters) for seconds in timing.cpu]
            found.setdefault(name, {})[size] = min(each)
            spread.setdefault(name, {})[size] = [min(each), max(each)]
    sizes = [f"{size:,}" for size in given.labelers]
    rows = [[name, *(own.get(size) for size in given.labelers)] for name, own in found.items()]
    ratios = [
        [name, *(own[size] / found[OURS][size] if size in own else None for size in given.labelers)]
        for name, own in found.items()
    ]
    faster = [
        f"{name} at {size:,} ({found[OURS][size] / x:.1f} times)"
        for name, own in found.items() if name not in (OURS, CHOICE)
        for size, x in own.items() if x < found[OURS][size]
    ]  # fmt: skip
    if STARSIM not in found:
        rows.append([STARSIM, *["not installed"] * len(sizes)])
    report(
        "labor_step",
        [
            Table("CPU time per labeler and quarter [ns], by number of labelers", ["variant", *sizes], rows),
            Table("Times the CPU time of econ (above 1: econ is faster)", ["variant", *sizes], ratios),
        ],
        [
            f"The least of {given.rounds} rounds, variants in turn, CPU time of the own process, one thread.",
            "Faster than econ: " + (", ".join(faster) or "none") + ".",
            f"econ and numpy with econ's keyed draws: 0 of {compared:,} choices differ.",
            "Largest difference from econ in standard errors (shares by region, mean experience; "
            + f"at most {LIMIT:g} accepted): " + ", ".join(f"{name} {gap:.1f}" for name, gap in gaps.items()) + ".",
            *targets(found),
            f"Mesa is measured up to {MESA_MOST:,} labelers. Compilation of econ's kernel is not in these times.",
            "econ draws keyed random numbers (any order, any batch), numpy and Mesa rows draw sequential ones unless said; "
            "econ leaves the state before the quarter unchanged, the others overwrite it. All sum heads, ability, movers, leavers and reservation wages, and keep each worker's ability, from which pay follows.",
        ],
        nanoseconds={name: {str(size): x for size, x in own.items()} for name, own in found.items()},
        least_and_most={name: {str(size): x for size, x in own.items()} for name, own in spread.items()},
        choices_compared=compared, choices_differing=0, largest_gap_standard_errors=gaps,
    )  # fmt: skip


if __name__ == "__main__":
    main()
