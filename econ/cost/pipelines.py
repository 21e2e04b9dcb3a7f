"""All pipelines by name: flags and preference pairs, and labels that a critic wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from econ.core.errors import InputError, nearest_name
from econ.cost.case import Case
from econ.cost.critic import Written, why_unmeasured, written_for
from econ.cost.levels import Level, listed
from econ.cost.mix import pipeline_for
from econ.cost.preparation import Options, prepare
from econ.cost.purchase import CRITIC, PIPELINES, Mix

if TYPE_CHECKING:
    from pathlib import Path

    from econ.cost.prices import PriceBook
    from econ.surfaces import Surfaces


def pipeline_cost(
    surfaces: Surfaces,
    prices: str | Path | PriceBook | dict[str, object] | None = None,
    *,
    pipeline: str,
    target_harm: Level | Sequence[Level],
    **options: Unpack[Options],
) -> Mix | Written:
    """The least outlay with which a pipeline reaches a target, in each posterior draw.

    Parameters
    ----------
    pipeline : str
        "preference-only", "negative-only", "hybrid", or "critic-written" where it was measured.
    target_harm
        As in `econ.cost.cheapest_mix`.

    Raises
    ------
    InputError
        If the pipeline is unknown or not measured, or a target is no level.
    """
    return purchase_for(prepare(surfaces, prices, **options), pipeline, listed(target_harm))


def purchase_for(case: Case, pipeline: str, asked: Sequence[Level]) -> Mix | Written:
    """As `pipeline_cost`, of a prepared case."""
    if pipeline not in PIPELINES:
        raise InputError(
            "unknown pipeline", key="pipeline", found=pipeline, allowed=", ".join(PIPELINES), nearest=nearest_name(pipeline, PIPELINES)
        )
    return written_for(case, asked) if pipeline == CRITIC else pipeline_for(case, pipeline, asked)


def measured_pipelines(case: Case) -> tuple[str, ...]:
    """Pipelines that have a cost in a case."""
    return tuple(name for name in PIPELINES if name != CRITIC or not why_unmeasured(case))
