"""Where rules stand in norm space and how they are pulled, compiled: positions are pairs, too short for loops of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.core import compiled


def _stand(
    norm: Any, home: Any, certified: Any, conform: Any, local_norms: Any, regulator: Any, ideal: Any, width: Any, v: Any, placed: Any, fit: Any
) -> None:
    size, options, places, axes = placed.shape
    for i in range(size):
        for c in range(options):
            for j in range(places):
                distance = 0.0
                for x in range(axes):
                    at = regulator[i, j, x]
                    if c < options - 1:
                        moved = conform[i, j] * certified[i, c, j]
                        foreign = local_norms[i, j] if home[i, c] != j else 0.0
                        at = (1.0 - moved) * norm[i, c, x] + moved * at
                        at = (1.0 - foreign) * at + foreign * ideal[i, j, x]
                    placed[i, c, j, x] = at
                    distance += (at - ideal[i, j, x]) * (at - ideal[i, j, x])
                near = compiled.exp(-distance / (2.0 * width[i] * width[i]))
                for k in range(v.shape[1]):
                    fit[i, c, j, k] = v[i, k] + (1.0 - v[i, k]) * near


def _apart(norm: Any, home: Any, local_norms: Any, regulator: Any, ideal: Any, distance: Any) -> None:
    size, curators, places = distance.shape
    for i in range(size):
        for c in range(curators):
            for j in range(places):
                foreign, squared = local_norms[i, j] if home[i, c] != j else 0.0, 0.0
                for x in range(norm.shape[2]):
                    gap = (1.0 - foreign) * norm[i, c, x] + foreign * ideal[i, j, x] - regulator[i, j, x]
                    squared += gap * gap
                distance[i, c, j] = np.sqrt(squared)


def _pulls(norm: Any, regulator: Any, governed: Any, where: Any, on_regulator: Any, on_curator: Any) -> None:
    size, curators, places = governed.shape
    on_regulator[:], on_curator[:] = 0.0, 0.0
    for i in range(size):
        for c in range(curators):
            for j in range(places):
                for x in range(norm.shape[2]):
                    gap = norm[i, c, x] - regulator[i, j, x]
                    on_regulator[i, j, x] += governed[i, c, j] * gap
                    on_curator[i, c, x] -= where[i, c, j] * gap


#: Norms [S, C, 2], homes [S, C], certificates [S, C, J], levers conform and local_norms [S, J], regulators' norms and public
#: ideals [S, J, 2], width of fit [S] and verifiability [S, K] to positions [S, C + 1, J, 2] and fit [S, C + 1, J, K]; the
#: commons, last, stands at the regulator's norm.
stand = compiled.kernel(_stand)
#: Distance of uncertified rules from the regulators' norms [S, C, J].
apart = compiled.kernel(_apart)
#: Norms [S, C, 2] and regulators' [S, J, 2] with weights of curators in each place and of places for each curator [S, C, J]
#: to what pulls regulators [S, J, 2] and curators [S, C, 2].
pulls = compiled.kernel(_pulls)
