"""Harm and its slopes at market stocks, compiled: the market evaluates every library for every firm each quarter.

The forms' own formulas are compiled, so each is written once; `SurfaceAt.evaluate` computes the same on arrays, and
tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from econ.core import compiled
from econ.surfaces import forms

GUARD = forms.GUARD
#: Number by which compiled code knows each form.
CODE = {name: code for code, name in enumerate(("S1", "S1n", "S2", "S3"))}
#: Room for the parameters of a formula; none takes more.
WIDTH = 10
_compiled = numba.njit(error_model="numpy")
#: By LLVM, where numba's own inlining stops at what a function encloses; without it no loop runs in vectors.
_inlined = numba.njit(forceinline=True, error_model="numpy")
_exp, _log = _inlined(compiled.exp.py_func), _inlined(compiled.log.py_func)


@_inlined
def _log1p(x: Any) -> Any:
    """ln(1 + x), exact to rounding in absolute terms: in the formulas it stands in exponents alone."""
    return _log(1.0 + x)


@_inlined
def per_label(scale: Any, transfer: Any, advantage: Any) -> Any:
    """Half-saturations per constraint label: the laboratory's advantage, as far as it carries over."""
    return scale * _exp(transfer * advantage)


@_inlined
def guarded(per: Any, labels: Any, least: Any) -> Any:
    """A stock in half-saturations, never zero."""
    return per * labels + least + GUARD


def _along(form: forms.Form) -> Callable[..., None]:
    """Harm by a form along guarded stocks x and y, which make room for -∂H/∂x and -∂H/∂y."""
    formula, used = form.formula(_exp, _log, _log1p), len(form.used)
    # Machine code that two processes kept meets by name in a third: of one name, one form's would stand in for another's.
    formula.__qualname__ = f"{form.name}.at"
    at = _inlined(formula)

    def along(q: Any, x: Any, y: Any, h: Any) -> None:
        for n in range(h.size):
            value, d_x, d_y = at(*q[:used], _log(x[n]), _log(y[n]))
            h[n] = value
            x[n] = d_x / x[n]
            y[n] = d_y / y[n]

    along.__qualname__ = f"{form.name}.along"
    return _compiled(along)


_s1, _s1n, _s2, _s3 = (_along(forms.FORMS[name]) for name in CODE)


@_compiled
def along(form: Any, t: Any, x: Any, y: Any, h: Any) -> None:
    """Harm by the form of a code and its arguments t [WIDTH] along guarded stocks, which make room for -∂H/∂x and -∂H/∂y."""
    q = (t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9])
    if form == 0:
        _s1(q, x, y, h)
    elif form == 1:
        _s1n(q, x, y, h)
    elif form == 2:
        _s2(q, x, y, h)
    else:
        _s3(q, x, y, h)


def _harm(
    form: Any, p: Any, scale_a: Any, advantage: Any, transfer: Any, per_b: Any, least: Any, b: Any, a: Any, h: Any, slope_a: Any, slope_b: Any
) -> None:  # fmt: skip
    firms, sets, last = a.shape[1], a.shape[2], transfer.shape[1] - 1
    # Side by side, so that the loop over firms and sets runs in vectors.
    scratch = np.empty((4, firms * sets))
    x, y, value, per_a = scratch[0], scratch[1], scratch[2], scratch[3]
    for i in range(a.shape[0]):
        for k in range(a.shape[3]):
            for f in range(firms):
                unit = per_label(scale_a[i, k], transfer[i, min(f, last)], advantage[i, k])
                stock = guarded(per_b[i], b[i, f], least)
                for m in range(sets):
                    n = f * sets + m
                    per_a[n], x[n], y[n] = unit, guarded(unit, a[i, f, m, k], least), stock
            along(form[i], p[i, k], x, y, value)
            for f in range(firms):
                for m in range(sets):
                    n = f * sets + m
                    h[i, f, m, k], slope_a[i, f, m, k], slope_b[i, f, m, k] = value[n], x[n] * per_a[n], y[n] * per_b[i]


#: Of form [S], p [S, K, WIDTH], scale_a [S, K], advantage [S, K], transfer [S, F or 1], per_b [S], least, b [S, F] and a
#: [S, F, M, K] to h, slope_a and slope_b [S, F, M, K].
harm = compiled.kernel(_harm, forms.__file__)
