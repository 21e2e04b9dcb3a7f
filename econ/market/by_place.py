"""Outcomes by place: work by occupation and region, and the loss from norms by where rules come from and where they hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.market.setting import JURISDICTIONS, OCCUPATIONS, REGIONS, ratio, sum_over

Array = Any
Columns = dict[str, Array]
#: Where rules come from: a curator's home, or the public commons.
ORIGINS = (*JURISDICTIONS, "commons")


def labor_by_place(heads: Array, pay: Array, hours: Array) -> Columns:
    """Persons at work and mean paid wage by occupation and region.

    Parameters
    ----------
    heads : [S, G, O]
        Persons at work.
    pay, hours : [S, C, G, O]
        USD paid and hours of ability 1 used by each curator.
    """
    wage = ratio(sum_over(pay, 1), sum_over(hours, 1))
    columns = {}
    for g, region in enumerate(REGIONS):
        for o, occupation in enumerate(OCCUPATIONS):
            columns[f"employment_{occupation}_{region}"] = heads[:, g, o]
            columns[f"wage_{occupation}_{region}"] = wage[:, g, o]
    return columns


def norms_by_place(gaps: Array, home: Array) -> Columns:
    """What each origin's rules add to the distance of the rules in force from the ideal of each jurisdiction.

    Over origins they add up to the mean distance in the jurisdiction, which `norm_misfit` weighs by users.

    Parameters
    ----------
    gaps : [S, C + 1, J]
        Share of requests governed times the distance of the rules from the ideal, the commons last.
    home : [S, C]
        Jurisdiction of each curator.
    """
    curators = home[:, :, None] == np.arange(len(JURISDICTIONS))
    by_origin = np.concatenate([np.einsum("sch,scj->shj", curators.astype(float), gaps[:, :-1]), gaps[:, -1:]], axis=1)
    return {
        f"norm_loss_{origin}_{place}": by_origin[:, h, j] for h, origin in enumerate(ORIGINS) for j, place in enumerate(JURISDICTIONS)
    }
