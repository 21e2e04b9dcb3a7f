"""All pipelines by name: flags and preference pairs, and labels that a critic wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np

from econ.core.errors import InputError, nearest_name
from econ.cost.case import Case, Floats, Options, prepare
from econ.cost.critic import Written, fixed_cost, why_unmeasured, written_for
from econ.cost.mix import CRITIC, PIPELINES, Level, Mix, listed, pipeline_for

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


def break_even_call_price(
    surfaces: Surfaces,
    prices: str | Path | PriceBook | dict[str, object] | None = None,
    *,
    target_harm: Level,
    rival: str,
    **options: Unpack[Options],
) -> Floats:
    """USD per call of an AI judge at which labels that a critic wrote cost as much as a rival pipeline, [D].

    Below it the critic is cheaper. Infinite where the rival never reaches the target, 0 where the critic never does
    or drafting alone costs more, NaN where neither does or nothing is to buy. `transfer` and `verifiability` move the
    rival alone: at 1 and the critic's own verifiability (`at_critics_setting`) neither side is discounted.

    Raises
    ------
    InputError
        If the critic or the rival was not measured or is unknown, or the target is no level.
    """
    return call_price_for(prepare(surfaces, prices, **options), rival, target_harm)


def call_price_for(case: Case, rival: str, asked: Level) -> Floats:
    """As `break_even_call_price`, of a prepared case."""
    return call_prices(written_for(case, [asked]), purchase_for(case, rival, [asked]))[:, 0]


def call_prices(written: Written, other: Mix | Written) -> Floats:
    """As `break_even_call_price`, of what was bought in one case for the same targets, [D, M]."""
    reached, reached_other = written.attainable, other.attainable
    with np.errstate(divide="ignore", invalid="ignore"):
        price = np.maximum((other.cost - fixed_cost(written.case)[:, None]) / written.calls, 0.0)
    price = np.where(reached & ~reached_other, np.inf, np.where(~reached & reached_other, 0.0, price))
    value: Floats = np.where((reached | reached_other) & ~written.nothing, price, np.nan)
    return value


def at_critics_setting(case: Case) -> Case:
    """The case with what was measured of all labels in the critic's setting: whole transfer, and its verifiability.

    Elsewhere transfer and requests that humans can hardly check discount flags, and not the critic.
    """
    measured = None if case.surfaces.critic is None else case.surfaces.critic.verifiability
    return case.in_setting(1.0, list(zip(case.v, case.share, strict=True)) if measured is None else measured)
