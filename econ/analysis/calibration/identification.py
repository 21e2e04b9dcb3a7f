"""What the facts can tell about the parameters: singular values of the moments' slopes, and profile distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from econ.analysis.calibration.fit import descend, objective_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from econ.analysis.calibration.fit import Emulator, Sample
    from econ.analysis.calibration.space import Space

    Floats = NDArray[np.float64]

#: Half step of central differences, in sides of the cube.
STEP = 0.05
#: Values of each parameter at which its profile is computed.
PROFILE = 11
#: Best points of the sample from which each value's minimum is sought.
SEARCHES = 3


def slopes(emulator: Emulator, point: Floats) -> Floats:
    """Change of each fact's distance, in half bands, over a parameter's whole interval: [M, d]."""
    size = len(point)
    centre = np.clip(point, STEP, 1 - STEP)
    up, down = centre + STEP * np.eye(size), centre - STEP * np.eye(size)
    return np.asarray(((emulator.predict(up)[0] - emulator.predict(down)[0]) / (2 * STEP)).T)


def directions_table(emulator: Emulator, space: Space, point: Floats) -> pd.DataFrame:
    """Singular values and the parameters' loadings, one row per direction, the best identified first.

    A singular value below 1 says: a move over the whole interval along this direction changes the facts by less than
    one standard deviation, so they cannot tell where on it the market lies.
    """
    _, values, loadings = np.linalg.svd(slopes(emulator, point), full_matrices=True)
    values = np.concatenate([values, np.zeros(space.size - len(values))])
    # The sign of a direction is arbitrary: its largest loading is made positive.
    loadings = loadings * np.sign(loadings[np.arange(space.size), np.abs(loadings).argmax(axis=1)])[:, None]
    table = pd.DataFrame({"direction": np.arange(1, space.size + 1), "singular_value": values})
    for place, key in enumerate(space.keys):
        table[key] = loadings[:, place]
    return table


def profiles_table(emulator: Emulator, space: Space, sample: Sample) -> pd.DataFrame:
    """Least J at each of some values of each parameter, all others free (a profile distance).

    Columns: `parameter`, `value`, `objective`. A flat profile means that the facts do not identify the parameter.
    """
    j = objective_of(sample.distance)
    grid = np.linspace(0.0, 1.0, PROFILE)
    rows = []
    for place, key in enumerate(space.keys):
        for x in grid:
            near = np.flatnonzero(np.abs(sample.unit[:, place] - x) < 0.5 / (PROFILE - 1))
            starts = sample.unit[near[np.argsort(j[near], kind="stable")[:SEARCHES]]].copy()
            starts[:, place] = x
            point = np.full(space.size, 0.5)
            point[place] = x
            bounds = [(x, x) if other == place else (0.0, 1.0) for other in range(space.size)]
            least = min(descend(emulator.objective_and_slope, start, bounds)[1] for start in starts)
            rows.append((key, float(space.values(point)[place]), least))
    return pd.DataFrame(rows, columns=["parameter", "value", "objective"])
