"""Forms of harm compiled from their own formulas, for numpy arrays in double precision; imported where they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from econ.core.compiled import exp, kernel, log
from econ.surfaces import forms
from econ.surfaces.forms import GUARD

if TYPE_CHECKING:
    from econ.surfaces.forms import Floats

#: Forms by the kernel's number.
NAMES = ("S1", "S1n", "S2", "S3")
#: Most parameters that a formula takes.
WIDTH = 10
#: Stocks per pass, few enough for the first-level cache.
CHUNK = 256


@numba.njit(inline="always")
def _log1p(x: Any) -> Any:
    """Ln(1 + x), to the rounding error of 1 + x."""
    return log(1.0 + x)


_s1 = numba.njit(inline="always", error_model="numpy")(forms.S1.formula)
_s1n = numba.njit(inline="always", error_model="numpy")(forms.NormalisedS1.formula)
_s2 = numba.njit(inline="always", error_model="numpy")(forms.S2.formula)
_s3 = numba.njit(inline="always", error_model="numpy")(forms.S3.formula)


@numba.njit(inline="always")
def _take(x: Any, y: Any, first: Any, n: Any, log_x: Any, log_y: Any) -> None:
    """Guarded logarithms of a chunk of stocks."""
    for i in range(n):
        log_x[i], log_y[i] = x[first + i] + GUARD, y[first + i] + GUARD
    for i in range(n):
        log_x[i], log_y[i] = log(log_x[i]), log(log_y[i])


@numba.njit(inline="always")
def _give(out: Any, x: Any, y: Any, first: Any, n: Any, h: Any, e_x: Any, e_y: Any) -> None:
    """Harm of a chunk, and its slopes in the logarithms of the stocks themselves."""
    for i in range(n):
        h[first + i] = out[0, i]
        e_x[first + i] = out[1, i] * (x[first + i] / (x[first + i] + GUARD))
        e_y[first + i] = out[2, i] * (y[first + i] / (y[first + i] + GUARD))


def _harm(form: Any, p: Any, x: Any, y: Any, h: Any, e_x: Any, e_y: Any) -> None:
    """H [S, M, K] and its elasticities into `h`, `e_x` and `e_y`; forms [S] by place in `NAMES`, parameters [S, K, WIDTH]."""
    log_x, log_y, out = np.empty(CHUNK), np.empty(CHUNK), np.empty((3, CHUNK))
    for s in range(x.shape[0]):
        for k in range(x.shape[2]):
            p0, p1, p2, p3, p4, p5 = p[s, k, 0], p[s, k, 1], p[s, k, 2], p[s, k, 3], p[s, k, 4], p[s, k, 5]
            p6, p7, p8, p9 = p[s, k, 6], p[s, k, 7], p[s, k, 8], p[s, k, 9]
            for first in range(0, x.shape[1], CHUNK):
                n = min(CHUNK, x.shape[1] - first)
                _take(x[s, :, k], y[s, :, k], first, n, log_x, log_y)
                if form[s] == 0:
                    for i in range(n):
                        out[0, i], out[1, i], out[2, i] = _s1(exp, log, _log1p, p0, p1, p2, p3, p4, p5, log_x[i], log_y[i])
                elif form[s] == 1:
                    for i in range(n):
                        out[0, i], out[1, i], out[2, i] = _s1n(exp, log, _log1p, p0, p1, p2, p3, p4, p5, log_x[i], log_y[i])
                elif form[s] == 2:
                    for i in range(n):
                        out[0, i], out[1, i], out[2, i] = _s2(
                            exp, log, _log1p, p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, log_x[i], log_y[i]
                        )  # fmt: skip
                else:
                    for i in range(n):
                        out[0, i], out[1, i], out[2, i] = _s3(exp, log, _log1p, p0, p1, p2, p3, p4, p5, log_x[i], log_y[i])
                _give(out, x[s, :, k], y[s, :, k], first, n, h[s, :, k], e_x[s, :, k], e_y[s, :, k])


_compiled = kernel(_harm, forms.__file__)


def table(groups: list[tuple[Any, forms.Form, dict[str, Floats]]], size: int, categories: int) -> tuple[Any, Floats]:
    """Forms [S] and parameters [S, K, WIDTH] as the kernel takes them, of groups of rows that share a form."""
    form, values = np.empty(size, np.int64), np.zeros((size, categories, WIDTH))
    for rows, one, parameters in groups:
        form[rows] = NAMES.index(one.name)
        values[rows, :, : len(one.used)] = np.stack([parameters[name] for name in one.used], axis=-1)
    return form, values


def harm(form: Any, p: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Relative harm and its elasticities at stocks x [S, …, K] and y [S, …, 1] or [S, …, K]; forms and parameters of `table`.

    Returns
    -------
    h, e_x, e_y : ndarray [S, …, K]
    """
    flat = (x.shape[0], -1, x.shape[-1])
    out = np.empty((3, *x.shape))
    h, e_x, e_y = (part.reshape(flat) for part in out)
    _compiled(form, p, np.ascontiguousarray(x).reshape(flat), np.broadcast_to(y, x.shape).reshape(flat), h, e_x, e_y)
    return out[0], out[1], out[2]
