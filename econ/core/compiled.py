"""Compiled code: what numba kernels share, and their machine code kept on disk from one process to the next.

Import this module only where a kernel is needed: it loads numba. Exponential and logarithm are written in
plain arithmetic, so that LLVM turns a loop over them into vector instructions, which it cannot do with
calls of the C library; without contraction or reordering the bits are the same on every processor.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from math import factorial
from pathlib import Path
from typing import Any

import numba
import numpy as np

from econ.core import random as keyed

#: Below and above, the exponential is that of the bound: 3e-308 and 8e307.
LOWEST, HIGHEST = -708.0, 709.0
_LOG2_E = 1.4426950408889634
#: ln 2 in two parts, the first with trailing zeros, so that its multiples are exact (Cody and Waite 1980).
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
#: Adding 1.5·2^52 rounds to an integer and leaves it in the low bits.
_ROUND = 6755399441055744.0
_E3, _E4, _E5, _E6, _E7, _E8, _E9, _E10, _E11, _E12, _E13 = (1 / factorial(i) for i in range(3, 14))
#: Coefficients of ln((1 + s)/(1 - s)) - 2s in s² on [0, 0.1716], by Remez's algorithm (fdlibm, Sun Microsystems 1993).
_L1, _L2, _L3, _L4, _L5, _L6, _L7 = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
    1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
)  # fmt: skip
_BIAS = np.int64(1023)
_SHIFT = np.int64(52)
_ROOT_HALF_BITS = np.int64(0x3FE6A09E667F3BCD)
_ONE_LESS_ROOT_HALF = np.int64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
_FRACTION = np.int64(0x000FFFFFFFFFFFFF)
_UNIT = 1.0 / 9007199254740992.0

philox = keyed.philox_numba()


def kernel(function: Callable[..., Any], *sources: str) -> Any:
    """Compile a function when it is first called, and keep the machine code for later processes.

    numba notices an edit of the function's own file; edits of this file and of `sources` are noticed by
    the name of the folder. Division by zero gives infinities and NaN, as in numpy.

    Parameters
    ----------
    function : callable
        At module level; what it inlines must lie in its own file, in this one or in `sources`.
    *sources : str
        Paths of other files from which it inlines.
    """
    folder = _folder((__file__, keyed.__file__, *sources))
    if folder is None:
        return numba.njit(error_model="numpy")(function)
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)  # type: ignore[attr-defined]
    try:
        return numba.njit(error_model="numpy", cache=True)(function)
    finally:
        numba.config.CACHE_DIR = before  # type: ignore[attr-defined]


def _folder(sources: tuple[str, ...]) -> Path | None:
    """A writable folder named after the contents of the sources: within the package, else the user's cache."""
    digest = hashlib.sha256(b"".join(Path(source).read_bytes() for source in sources)).hexdigest()[:16]
    own = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "econ"
    for place in (Path(__file__).parents[1] / "__pycache__", own):
        folder = place / f"kernels-{digest}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return None


@numba.njit(inline="always", error_model="numpy")
def exp(x: Any) -> Any:
    """Exponential to 1 unit in the last place, of what lies outside `LOWEST` to `HIGHEST` that of the bound; NaN of NaN."""
    x = LOWEST if x < LOWEST else (HIGHEST if x > HIGHEST else x)
    shifted = x * _LOG2_E + _ROUND
    whole = shifted - _ROUND
    r = (x - whole * _LN2_HIGH) - whole * _LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    low = (0.5 + r * _E3) + r2 * (_E4 + r * _E5)
    middle = (_E6 + r * _E7) + r2 * (_E8 + r * _E9)
    high = (_E10 + r * _E11) + r2 * (_E12 + r * _E13)
    power = np.int64((np.float64(shifted).view(np.int64) << _SHIFT) + (_BIAS << _SHIFT)).view(np.float64)
    return (1.0 + (r + r2 * (low + r4 * (middle + r4 * high)))) * power


@numba.njit(inline="always", error_model="numpy")
def log(x: Any) -> Any:
    """Natural logarithm of a positive normal number to 1 unit in the last place; infinity and NaN of themselves."""
    bits = np.float64(x).view(np.int64) + _ONE_LESS_ROOT_HALF
    exponent = np.float64((bits >> _SHIFT) - _BIAS)
    f = np.int64((bits & _FRACTION) + _ROOT_HALF_BITS).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    rest = w * (_L2 + w * (_L4 + w * _L6)) + z * (_L1 + w * (_L3 + w * (_L5 + w * _L7)))
    half = 0.5 * f * f
    value = exponent * _LN2_HIGH - ((half - (s * (half + rest) + exponent * _LN2_LOW)) - f)
    return value if x < np.inf else x


@numba.njit(inline="always")
def unit_interval(high: Any, low: Any) -> Any:
    """Two words to a float64 in (0, 1), as `econ.core.random.unit_interval`."""
    drawn = (np.float64((high >> np.uint64(5)) * np.uint64(67108864) + (low >> np.uint64(6))) + 0.5) * _UNIT
    return min(drawn, 1.0 - _UNIT)


def _fill_pairs(replicate: Any, quarter: Any, agent: Any, draw: Any, seed: Any, stream: Any, first: Any, second: Any) -> None:
    for i in range(first.size):
        w0, w1, w2, w3 = philox(replicate[i], quarter, agent[i], draw[i], seed, stream)
        first[i] = unit_interval(w0, w1)
        second[i] = unit_interval(w2, w3)


_pairs = kernel(_fill_pairs)


def uniform_pairs(seed: int, stream: int, replicate: Any, quarter: int, agent: Any, draw: Any = 0) -> tuple[Any, Any]:
    """Two independent uniforms for each element of the broadcast counter, the first that of `econ.core.random.uniform`.

    Parameters
    ----------
    seed, stream : int
        The key.
    replicate, agent, draw : array_like of int
        Parts of the counter.
    quarter : int
        The same for all, already shifted by `QUARTER_ORIGIN`.

    Returns
    -------
    first, second : ndarray of float64
    """
    parts = np.broadcast_arrays(np.asarray(replicate), np.asarray(agent), np.asarray(draw))
    words = [part.astype(np.uint64).ravel() & np.uint64(keyed.MASK_32) for part in parts]
    first, second = np.empty((2, words[0].size))
    key = (np.uint64(int(seed) & keyed.MASK_32), np.uint64(int(stream) & keyed.MASK_32))
    _pairs(words[0], np.uint64(int(quarter) & keyed.MASK_32), words[1], words[2], *key, first, second)
    return first.reshape(parts[0].shape), second.reshape(parts[0].shape)
