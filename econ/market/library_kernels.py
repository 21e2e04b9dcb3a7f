"""What each rule library holds for each firm and what that is worth to it, compiled: loops over replicates, firms and libraries."""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.core import compiled
from econ.market import harm_kernels
from econ.market.harm_kernels import along, guarded, per_label
from econ.surfaces import forms


def _effective(share: Any, stock: Any, deployable: Any, fit: Any, out: Any) -> None:
    size, firms, options, kinds = out.shape
    places = deployable.shape[2]
    local = np.empty((places, kinds))
    for i in range(size):
        for c in range(options):
            held = 0.0
            for k in range(kinds):
                held += stock[i, c, k]
            if held == 0.0:
                for f in range(firms):
                    for k in range(kinds):
                        out[i, f, c, k] = 0.0
                continue
            for j in range(places):
                for k in range(kinds):
                    local[j, k] = stock[i, c, k] * (deployable[i, c, j] * fit[i, c, j, k])
            for f in range(firms):
                for k in range(kinds):
                    total = 0.0
                    for j in range(places):
                        total += share[i, f, j] * local[j, k]
                    out[i, f, c, k] = total


def _licensed(library: Any, stock: Any, deployable: Any, fit: Any, out: Any) -> None:
    size, firms, places, kinds = out.shape
    for i in range(size):
        for f in range(firms):
            c = library[i, f]
            for j in range(places):
                for k in range(kinds):
                    out[i, f, j, k] = stock[i, c, k] * (deployable[i, c, j] * fit[i, c, j, k]) if c >= 0 else 0.0


def _by_library(library: Any, users: Any, out: Any) -> None:
    out[:] = 0.0
    for i in range(library.shape[0]):
        for f in range(library.shape[1]):
            if library[i, f] >= 0:
                for j in range(users.shape[2]):
                    out[i, library[i, f], j] += users[i, f, j]


def _worth(
    form: Any, p: Any, scale_a: Any, advantage: Any, transfer: Any, per_b: Any, least: Any, preferences: Any, constraints: Any,
    stocks: Any, listed: Any, library: Any, weight: Any, gain: Any, slope: Any,
) -> None:  # fmt: skip
    size, firms, options, kinds = stocks.shape
    last = transfer.shape[1] - 1
    place, per_a = np.empty(options, np.int64), np.empty(firms)
    room = firms * (options + 1)
    of_x, of_y, of_harm = np.empty(room), np.empty(room), np.empty(room)
    for i in range(size):
        sets = 1  # The first is none at all.
        for c in range(options):
            if listed[i, c]:
                place[sets - 1] = c
                sets += 1
        x, y, harm = of_x[: firms * sets], of_y[: firms * sets], of_harm[: firms * sets]
        for k in range(kinds):
            for f in range(firms):
                per_a[f] = per_label(scale_a[i, k], transfer[i, min(f, last)], advantage[i, k])
                x[f * sets] = guarded(per_a[f], constraints[i, f, k], least)
                for m in range(1, sets):
                    x[f * sets + m] = guarded(per_a[f], constraints[i, f, k] + stocks[i, f, place[m - 1], k], least)
                y[f * sets : (f + 1) * sets] = guarded(per_b[i], preferences[i, f], least)
            along(form[i], p[i, k], x, y, harm)
            for f in range(firms):
                for m in range(1, sets):
                    n, c = f * sets + m, place[m - 1]
                    gain[i, f, c] += (harm[f * sets] - harm[n]) * weight[i, f, k]
                    if c < options - 1 and library[i, c, k] > 0:
                        slope[i, f, c, k] = weight[i, f, k] * (x[n] * per_a[f]) * stocks[i, f, c, k] / library[i, c, k]


def _blended(
    form: Any, p: Any, scale_a: Any, advantage: Any, transfer: Any, per_b: Any, least: Any, preferences: Any, constraints: Any,
    rules: Any, generic: Any, h: Any, slope_a: Any, slope_b: Any,
) -> None:  # fmt: skip
    size, firms, places, kinds = rules.shape
    last, sets = transfer.shape[1] - 1, places + 1
    per_a, x, y, harm = np.empty(firms), np.empty(firms * sets), np.empty(firms * sets), np.empty(firms * sets)
    for i in range(size):
        for k in range(kinds):
            for f in range(firms):
                per_a[f] = per_label(scale_a[i, k], transfer[i, min(f, last)], advantage[i, k])
                x[f * sets] = guarded(per_a[f], constraints[i, f, k], least)
                for m in range(places):
                    x[f * sets + 1 + m] = guarded(per_a[f], constraints[i, f, k] + rules[i, f, m, k], least)
                y[f * sets : (f + 1) * sets] = guarded(per_b[i], preferences[i, f], least)
            along(form[i], p[i, k], x, y, harm)
            part = generic[i, k]
            for f in range(firms):
                none = f * sets
                for m in range(places):
                    n = none + 1 + m
                    h[i, f, m, k] = part * harm[n] + (1.0 - part) * harm[none]
                    slope_a[i, f, m, k] = (part * x[n] + (1.0 - part) * x[none]) * per_a[f]
                    slope_b[i, f, m, k] = (part * y[n] + (1.0 - part) * y[none]) * per_b[i]


#: Of users' shares of jurisdictions [S, F, J], stock [S, C + 1, K], deployable [S, C + 1, J] and fit [S, C + 1, J, K] to
#: examples that fit where each firm sells [S, F, C + 1, K].
effective = compiled.kernel(_effective)
#: Of the library of each firm [S, F] and the same to its examples that fit in each jurisdiction [S, F, J, K].
licensed = compiled.kernel(_licensed)
#: Of the library of each firm [S, F] and its users [S, F, J] to users of each library [S, C + 1, J].
by_library = compiled.kernel(_by_library)
#: Of form [S], p [S, K, WIDTH], scale_a and advantage [S, K], transfer [S, F or 1], per_b [S], least, preferences
#: [S, F], constraints [S, F, K], stocks [S, F, C + 1, K], the libraries that exist [S, C + 1], library [S, C, K] and the value of
#: less harm in generic traffic [S, F, K] to gain [S, F, C + 1] and slope [S, F, C, K], both zero before.
worth = compiled.kernel(_worth, forms.__file__, harm_kernels.__file__)
#: Of the same up to constraints, rules of each firm's library at M places [S, F, M, K] and the generic share of traffic, which
#: alone they serve, [S, K] to harm and its slopes in bespoke and preference labels [S, F, M, K].
blended = compiled.kernel(_blended, forms.__file__, harm_kernels.__file__)
