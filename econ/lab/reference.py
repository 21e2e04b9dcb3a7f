"""The slow scorer: one prompt, one response, plain loops. The oracle of the tests, nothing else.

It reads like the definition of World A; `scoring` must agree with it on every response.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from econ.lab.world import HELP_CONTENT, HELP_REFUSAL, HELP_STANCE, World


def violations(world: World, combo: int, response: Sequence[int]) -> list[bool]:
    """Whether the response breaks each rule at this combination; a refusal breaks none."""
    broken = [False] * world.shape.rules
    if response[0] == world.shape.refuse:
        return broken
    for rule in range(world.shape.rules):
        if not world.active[combo, rule]:
            continue
        for token in response:
            if world.forbidden[rule, token]:
                broken[rule] = True
        for token, following in pairwise(response):
            if world.first[rule, token] and world.second[rule, following]:
                broken[rule] = True
    return broken


def severity(world: World, combo: int, response: Sequence[int]) -> int:
    """Severity points of the rules broken."""
    return sum(int(world.severity[rule]) for rule, broken in enumerate(violations(world, combo, response)) if broken)


def content_value(world: World, combo: int, response: Sequence[int]) -> float:
    """Mean utility of the content slots; repeated ids and ids that are not content count nothing."""
    total = 0.0
    for slot in range(1, len(response)):
        token = response[slot]
        if token > world.shape.refuse and token not in response[:slot]:
            total += float(world.utility[combo, token])
    return total / (len(response) - 1)


def helpfulness(world: World, combo: int, response: Sequence[int]) -> float:
    """0.4 for the true stance and 0.6 times the content's value; 0.2 for a refusal."""
    if response[0] == world.shape.refuse:
        return HELP_REFUSAL
    stance = 1.0 if response[0] == world.stance[combo] else 0.0
    return HELP_STANCE * stance + HELP_CONTENT * content_value(world, combo, response)


def rule_flag_chances(
    world: World, combo: int, response: Sequence[int], drafted: Sequence[int], miss: float, false_alarm: float
) -> list[float]:
    """P(a rater flags the response and names each rule); what is left of 1 is no flag.

    A violation of drafted rules is missed or not; of those broken one is named, each as likely. Without
    one, a false alarm names a drafted rule, each as likely.
    """
    chances = [0.0] * world.shape.rules
    broken = violations(world, combo, response)
    found = [rule for rule in drafted if broken[rule]]
    for rule in found or drafted:
        chances[rule] = (1.0 - miss) / len(found) if found else false_alarm / len(drafted)
    return chances
