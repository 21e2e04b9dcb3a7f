"""Knobs found by bisection, so that two kinds of labels differ in one thing less.

Flags as uninformative as pairs, or as much swayed by agreement as pairs are: what then still differs
between training on the one and on the other is not due to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from econ.core.errors import WorkError
from econ.lab.labels import Raters

if TYPE_CHECKING:
    from collections.abc import Callable

    from econ.lab.knobs import Knobs
    from econ.lab.pool import Pool
    from econ.lab.world import World

#: Highest temperature of the raters' choice that is tried.
WARMEST = 100.0


def matched_noise(world: World, pool: Pool, knobs: Knobs, seed: int) -> float:
    """Symmetric error at which a flag carries as many bits about violations as a pair does.

    Found by bisection; the pair is judged under the knobs as they are.
    """
    target = Raters(world, pool, knobs, seed).give("preference", 1).bits_harm

    def carries_less(noise: float) -> bool:
        noisy = knobs.model_copy(update={"flag_noise": (noise, noise)})
        return Raters(world, pool, noisy, seed).give("flag", 1).bits_harm <= target

    return _bisect(carries_less, 0.5)


def matched_bias(world: World, pool: Pool, knobs: Knobs, seed: int) -> float:
    """`flag_bias` at which agreement helps as much against a flag as it helps in a pair, in log-odds.

    Found by bisection of `Raters.agreement_effect`; the pair is judged under the knobs as they are.

    Raises
    ------
    WorkError
        If no `flag_bias` from 0 to 1 reaches the pair's effect: agreement can hide breaches alone, so
        its effect on flags is bounded.
    """
    target = Raters(world, pool, knobs, seed).agreement_effect("preference")

    def effect(bias: float) -> float:
        biased = knobs.model_copy(update={"flag_bias": bias})
        return Raters(world, pool, biased, seed).agreement_effect("flag")

    low, high = effect(0.0), effect(1.0)
    if not low - 1e-9 <= target <= high + 1e-9:
        raise WorkError(
            f"match_bias: agreement adds {target:.2f} to the log-odds of a preference in world {world.number}; "
            f"a flag_bias from 0 to 1 adds {low:.2f} to {high:.2f} to those of a flag"
        )
    return 0.0 if target <= low else _bisect(lambda bias: effect(bias) >= target, 1.0)


def matched_temperature(world: World, pool: Pool, knobs: Knobs, seed: int) -> float:
    """`pair_temperature` at which two raters prefer the same response as often as `pair_agreement` says.

    Found by bisection of E[p² + (1 - p)²] over the pool, p the chance that y0 is preferred, each rater with
    noise of their own.

    Raises
    ------
    WorkError
        If no temperature up to 100 gives that agreement.
    """
    wanted = knobs.pair_agreement
    assert wanted is not None

    def agreement(temperature: float) -> float:
        warm = knobs.model_copy(update={"pair_temperature": temperature})
        chance = Raters(world, pool, warm, seed).preference_chances()
        return float((chance**2 + (1.0 - chance) ** 2).mean())

    most, least = agreement(1e-6), agreement(WARMEST)
    if not least <= wanted <= most:
        raise WorkError(
            f"pair_agreement: two raters of world {world.number} agree in {least:.2f} to {most:.2f} of pairs at any "
            f"pair_temperature; {wanted:g} is asked for"
        )
    return _bisect(lambda temperature: agreement(temperature) <= wanted, WARMEST)


def _bisect(beyond: Callable[[float], bool], high: float) -> float:
    """Where `beyond` turns true between 0 and `high`, to 40 halvings."""
    low = 0.0
    for _ in range(40):
        middle = (low + high) / 2
        if beyond(middle):
            high = middle
        else:
            low = middle
    return (low + high) / 2
