"""Whether policies rank alike in every replicate: who leads how often, how far orders agree, where they turn.

A replicate is one draw of everything uncertain: response surface, transfer, position, shocks. An order of
policies that holds for the means alone says little to somebody who will live in one of the draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.ensemble.effects import window_means
from econ.ensemble.tables import by_scenario

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: The side of an outcome that most would call better. A judgement, so every table names it; outcomes that are
#: not here are ranked from the highest and have no regret.
BETTER: Mapping[str, str] = {
    "harm_rate": "lower", "harm_damage": "lower", "uninsured_harm": "lower", "sycophancy": "lower",
    "over_refusal": "lower", "helpfulness": "higher", "capture_index": "lower", "hhi_licence": "lower",
    "hhi_service": "lower", "hhi_normative": "lower", "labeler_surplus": "higher", "consumer_surplus": "higher",
    "welfare": "higher",
}  # fmt: skip
#: Facts of a replicate that are checks of the computation, not states of the world.
DIAGNOSTICS = frozenset({"replicate", "ledger_residual", "position_redraws", "budget_share_drift"})
#: Replicates that each side of a turned order needs before its states are compared.
FEWEST = 5
#: Largest adjusted p-value at which a state is named.
LEVEL = 0.05


def ranking_tables(
    outcomes: pd.DataFrame, variables: Sequence[str], facts: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How policies rank by each outcome, and how stable the order is over replicates.

    Every policy, the baseline among them, is judged by its mean over the last two years, replicate by
    replicate; replicates in which an outcome has no value for some policy do not count for it.

    Parameters
    ----------
    outcomes : DataFrame
        As ``outcomes.parquet``, of two or more scenarios.
    variables : sequence of str
    facts : DataFrame, optional
        One row per replicate: states of the world, such as the transfer drawn, that may turn an order.

    Returns
    -------
    ranks : DataFrame
        One row per outcome and policy, the best first: ``rank`` of its mean, ``mean_rank`` over replicates,
        ``share_first`` and ``share_last`` (ties are shared out), ``mean_regret`` and ``p95_regret``: how much
        worse than the best policy of the same replicate, in units of the outcome.
    stability : DataFrame
        One row per outcome: leader and runner-up by the means, in which share of replicates the leader
        leads (``leads``) and is ahead of the runner-up (``ahead``), Kendall's (1938) tau between the order
        of a replicate and that of the means (mean, 5 % and 95 %), Kendall's and Babington Smith's (1939)
        concordance W, and the state that tells best the replicates in which the runner-up is ahead.
    """
    rows = by_scenario(outcomes)
    names = list(rows)
    shared = sorted(set.intersection(*(set(own["replicate"]) for own in rows.values())))
    values = np.stack([window_means(own[own["replicate"].isin(shared)], variables) for own in rows.values()])
    states = None if facts is None else facts.set_index("replicate").reindex(index=shared)
    ranks, stability = [], []
    for place, variable in enumerate(variables):
        own = values[:, :, place]
        present = np.isfinite(own).all(axis=0)
        if not present.any():
            continue
        better = BETTER.get(variable, "")
        loss = own[:, present] if better == "lower" else -own[:, present]
        ranks.append(_ranks(loss, names, variable, better))
        stability.append(_stability(loss, names, variable, better, None if states is None else states.iloc[np.flatnonzero(present)]))
    return pd.concat(ranks, ignore_index=True), pd.DataFrame(stability)


def _ranks(loss: Floats, names: list[str], variable: str, better: str) -> pd.DataFrame:
    """One row per policy; `loss` has axes policy, replicate, and less of it is better."""
    own = midranks(loss)
    first, last = _shared_out(loss, loss.min(axis=0)), _shared_out(loss, loss.max(axis=0))
    regret = loss - loss.min(axis=0)
    order = np.argsort(loss.mean(axis=1), kind="stable")
    table = pd.DataFrame(
        {
            "variable": variable, "better": better, "scenario": names, "rank": np.argsort(order) + 1,
            "mean_rank": own.mean(axis=1), "share_first": first, "share_last": last,
            "mean_regret": regret.mean(axis=1) if better else np.nan,
            "p95_regret": np.quantile(regret, 0.95, axis=1) if better else np.nan,
        }
    )  # fmt: skip
    return table.sort_values("rank", ignore_index=True)


def _stability(
    loss: Floats, names: list[str], variable: str, better: str, states: pd.DataFrame | None
) -> dict[str, Any]:
    means = loss.mean(axis=1)
    leader, second = np.argsort(means, kind="stable")[:2]
    gap = loss[second] - loss[leader]
    tau = kendall_tau(loss, means)
    turned = {} if states is None else turning_state(gap < 0, states)
    return {
        "variable": variable, "better": better, "replicates": loss.shape[1],
        "leader": names[leader], "leads": float(_shared_out(loss, loss.min(axis=0))[leader]),
        "runner_up": names[second], "ahead": float((gap > 0).mean() + 0.5 * (gap == 0).mean()),
        "tau": float(tau.mean()), "tau_p05": float(np.quantile(tau, 0.05)), "tau_p95": float(np.quantile(tau, 0.95)),
        "concordance": concordance(loss),
        "leader_regret": float((loss[leader] - loss.min(axis=0)).mean()) if better else float("nan"),
        "turns_with": turned.get("state"), "turned_median": turned.get("turned", float("nan")),
        "kept_median": turned.get("kept", float("nan")), "turns_p": turned.get("p", float("nan")),
    }  # fmt: skip


def _shared_out(loss: Floats, bound: Floats) -> Floats:
    """Share of replicates in which each policy stands at the bound; those that tie divide a replicate."""
    there = loss == bound
    shares: Floats = (there / there.sum(axis=0)).mean(axis=1)
    return shares


def midranks(values: Floats) -> Floats:
    """Ranks along the first axis from 1; those that tie share the mean of their ranks."""
    below = (values[None] < values[:, None]).sum(axis=1)
    alike = (values[None] == values[:, None]).sum(axis=1)
    ranks: Floats = below + (alike + 1) / 2
    return ranks


def kendall_tau(values: Floats, reference: Floats) -> Floats:
    """Kendall's tau-a between a reference order and that of every replicate; shape [S].

    Parameters
    ----------
    values : ndarray, shape [P, S]
    reference : ndarray, shape [P]

    Examples
    --------
    >>> kendall_tau(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]), np.array([0.1, 0.2, 0.3]))
    array([ 1., -1.])
    """
    left, right = np.triu_indices(len(values), k=1)
    signs = np.sign(values[left] - values[right]) * np.sign(reference[left] - reference[right])[:, None]
    tau: Floats = signs.mean(axis=0)
    return tau


def concordance(values: Floats) -> float:
    """Kendall's W of the orders of all replicates: 1 if all are alike, about 0 if they are chance; without ties."""
    policies, replicates = values.shape
    sums = midranks(values).sum(axis=1)
    spread = ((sums - sums.mean()) ** 2).sum()
    return float(12 * spread / (replicates**2 * (policies**3 - policies)))


def turning_state(turned: NDArray[np.bool_], states: pd.DataFrame) -> dict[str, Any]:
    """The state of the world that tells best in which replicates an order is turned; empty if none does.

    Each state is tested by the rank sum of Mann and Whitney (1947) in its normal approximation with ties,
    adjusted for the number of states by Holm's (1979) first step.

    Returns
    -------
    dict
        ``state``, medians where the order is ``turned`` and where it is ``kept``, adjusted ``p``.
    """
    if min(turned.sum(), (~turned).sum()) < FEWEST:
        return {}
    tested = {
        str(name): values for name, column in states.items()
        if name not in DIAGNOSTICS and pd.api.types.is_numeric_dtype(column)
        and np.isfinite(values := column.to_numpy(dtype=float)).all() and np.ptp(values) > 0
    }  # fmt: skip
    found = {name: rank_sum_p(values, turned) for name, values in tested.items()}
    if not found:
        return {}
    best = min(found, key=lambda name: found[name])
    p = min(1.0, found[best] * len(found))
    if p > LEVEL:
        return {}
    values = tested[best]
    return {"state": best, "turned": float(np.median(values[turned])), "kept": float(np.median(values[~turned])), "p": p}


def rank_sum_p(values: Floats, chosen: NDArray[np.bool_]) -> float:
    """Two-sided p-value that the values of the chosen are as large as those of the others."""
    from scipy.special import ndtr

    unique, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    n, m = int(chosen.sum()), int((~chosen).sum())
    total = n + m
    ties = (counts**3 - counts).sum() / (total * (total - 1))
    variance = n * m / 12 * (total + 1 - ties)
    if len(unique) < 2 or variance <= 0:
        return 1.0
    distance = abs(ranks[chosen].sum() - n * (total + 1) / 2)
    # The rank sum is a whole number or a half: the correction for continuity.
    return float(2 * ndtr(-max(distance - 0.5, 0.0) / np.sqrt(variance)))
