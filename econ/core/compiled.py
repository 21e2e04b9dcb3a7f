"""Compiled code: what numba kernels share, and their machine code kept on disk from one process to the next.

Import this module only where a kernel is needed: it loads numba. Exponential and logarithm are written in
arithmetic, so that LLVM turns a loop over them into vector instructions, which it cannot do with calls of the
C library; fused operations are asked for by name and nothing is reordered, so that the bits are the same on
every processor.
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
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

from econ.core import kernel_files
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


def _use_wide_vectors() -> None:
    """Let LLVM use vectors of 512 bits where the processor has them; it prefers 256 for the sake of early ones.

    Bits do not change, since nothing is reordered. What NUMBA_CPU_NAME and NUMBA_CPU_FEATURES say is left alone,
    and whatever this process compiled before.
    """
    config: Any = numba.config
    features = get_host_cpu_features()  # type: ignore[no-untyped-call]
    if config.CPU_NAME is None and config.CPU_FEATURES is None and "+avx512f" in features:
        config.CPU_FEATURES = f"{features},-prefer-256-bit"


_use_wide_vectors()
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
    folder = _folder((__file__, kernel_files.__file__, keyed.__file__, *sources))
    if folder is None:
        return numba.njit(error_model="numpy")(function)
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)  # type: ignore[attr-defined]
    try:
        compiled = numba.njit(error_model="numpy", cache=True)(function)
    finally:
        numba.config.CACHE_DIR = before  # type: ignore[attr-defined]
    kept: Any = compiled._cache  # type: ignore[attr-defined]
    kept._cache_file = kernel_files.KernelFiles(kept.cache_path, kept._impl.filename_base, kept._impl.locator.get_source_stamp())  # type: ignore[no-untyped-call]
    return compiled


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


def _fma(context: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once."""
    number = numba.types.float64
    return number(number, number, number), lambda context, builder, signature, given: builder.fma(*given)


fma: Any = intrinsic(_fma)


@numba.njit(inline="always", error_model="numpy")
def exp(x: Any) -> Any:
    """Exponential to 1 unit in the last place, of what lies outside `LOWEST` to `HIGHEST` that of the bound; NaN of NaN."""
    x = LOWEST if x < LOWEST else (HIGHEST if x > HIGHEST else x)
    shifted = fma(x, _LOG2_E, _ROUND)
    whole = shifted - _ROUND
    r = fma(whole, -_LN2_LOW, fma(whole, -_LN2_HIGH, x))
    r2 = r * r
    r4 = r2 * r2
    low = fma(r2, fma(r, _E5, _E4), fma(r, _E3, 0.5))
    middle = fma(r2, fma(r, _E9, _E8), fma(r, _E7, _E6))
    high = fma(r2, fma(r, _E13, _E12), fma(r, _E11, _E10))
    power = np.int64((np.float64(shifted).view(np.int64) << _SHIFT) + (_BIAS << _SHIFT)).view(np.float64)
    return fma(fma(r2, fma(r4, fma(r4, high, middle), low), r), power, power)


@numba.njit(inline="always", error_model="numpy")
def log(x: Any) -> Any:
    """Natural logarithm of a positive normal number to 1 unit in the last place; infinity and NaN of themselves."""
    bits = np.float64(x).view(np.int64) + _ONE_LESS_ROOT_HALF
    exponent = np.float64((bits >> _SHIFT) - _BIAS)
    f = np.int64((bits & _FRACTION) + _ROOT_HALF_BITS).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    odd = z * fma(w, fma(w, fma(w, _L7, _L5), _L3), _L1)
    rest = fma(w, fma(w, fma(w, _L6, _L4), _L2), odd)
    half = 0.5 * f * f
    value = fma(exponent, _LN2_HIGH, f - (half - fma(s, half + rest, exponent * _LN2_LOW)))
    return value if x < np.inf else x


@numba.njit(inline="always")
def mantissa(high: Any, low: Any) -> Any:
    """The 53 bits that two words give a uniform."""
    return ((high >> np.uint64(5)) << np.uint64(26)) | (low >> np.uint64(6))


@numba.njit(inline="always")
def uniform_of(bits: Any) -> Any:
    """A float64 in (0, 1) of 53 bits."""
    return min((np.float64(np.int64(bits)) + 0.5) * _UNIT, 1.0 - _UNIT)


@numba.njit(inline="always")
def unit_interval(high: Any, low: Any) -> Any:
    """Two words to a float64 in (0, 1), as `econ.core.random.unit_interval`."""
    return uniform_of(mantissa(high, low))


@numba.njit(error_model="numpy")
def bits_below(chance: Any) -> Any:
    """How many of the 2^53 uniforms lie below a chance: bits under it are those of a uniform under the chance."""
    low, high = np.int64(0), np.int64(1) << np.int64(53)
    while low < high:
        middle = (low + high) >> np.int64(1)
        if uniform_of(middle) < chance:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(inline="always")
def _at(part: Any, i: Any, j: Any, k: Any) -> Any:
    """An element of what broadcasts along its axes of length 1."""
    return np.uint64(part[min(i, part.shape[0] - 1), min(j, part.shape[1] - 1), min(k, part.shape[2] - 1)])


def _fill_pairs(replicate: Any, quarter: Any, agent: Any, draw: Any, seed: Any, stream: Any, first: Any, second: Any) -> None:
    for i in range(first.shape[0]):
        for j in range(first.shape[1]):
            for k in range(first.shape[2]):
                w0, w1, w2, w3 = philox(_at(replicate, i, j, k), quarter, _at(agent, i, j, k), _at(draw, i, j, k), seed, stream)
                first[i, j, k] = unit_interval(w0, w1)
                second[i, j, k] = unit_interval(w2, w3)


_pairs = kernel(_fill_pairs)


def uniform_pairs(seed: int, stream: int, replicate: Any, quarter: int, agent: Any, draw: Any = 0) -> tuple[Any, Any]:
    """Two independent uniforms for each element of the broadcast counter, the first that of `econ.core.random.uniform`.

    Parameters
    ----------
    seed, stream : int
        The key.
    replicate, agent, draw : array_like of int
        Parts of the counter, of at most three axes.
    quarter : int
        The same for all, already shifted by `QUARTER_ORIGIN`.

    Returns
    -------
    first, second : ndarray of float64
    """
    parts = [np.asarray(part, np.int64) for part in (replicate, agent, draw)]
    words = [np.ascontiguousarray(part.reshape((1,) * (3 - part.ndim) + part.shape)) for part in parts]
    pairs = np.empty((2, *map(max, *(word.shape for word in words))))
    key = (np.uint64(int(seed) & keyed.MASK_32), np.uint64(int(stream) & keyed.MASK_32))
    _pairs(words[0], np.uint64(int(quarter) & keyed.MASK_32), words[1], words[2], *key, pairs[0], pairs[1])
    first, second = pairs.reshape(2, *pairs.shape[4 - max(part.ndim for part in parts) :])
    return first, second
