"""Keyed random numbers: Philox4x32-10 from numpy, numba and torch, word for word the same.

A draw depends on what it is for and on nothing else: key = (seed, stream), counter = four 32-bit
integers, in the market (replicate, quarter, agent, draw) and in the laboratory (world, step, index,
draw). There is no generator object, no state and no global seed; so batch size, worker, order and
resume cannot matter, and two scenarios with one seed share their draws (common random numbers).

Source: Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", SC11.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import ArrayLike, NDArray

ROUNDS = 10
MULTIPLIER_0 = 0xD2511F53
MULTIPLIER_1 = 0xCD9E8D57
WEYL_0 = 0x9E3779B9
WEYL_1 = 0xBB67AE85
MASK_32 = 0xFFFFFFFF
#: Burn-in quarters are negative; counters are not. Quarter q has the counter q + QUARTER_ORIGIN.
QUARTER_ORIGIN = 24


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[int, int]) -> tuple[Any, Any, Any, Any]:
    """Philox4x32-10 on numpy arrays.

    Parameters
    ----------
    counter : four array_like of uint32
        Broadcast against each other.
    key : (int, int)
        Seed and stream, 32 bits each.

    Returns
    -------
    four ndarray of uint64
        Words below 2**32, of the broadcast shape.
    """
    words = [np.asarray(part).astype(np.uint64) & np.uint64(MASK_32) for part in counter]
    c0, c1, c2, c3 = np.broadcast_arrays(*words)
    return _rounds(c0, c1, c2, c3, key, np.uint64)


def philox_torch(
    counter: tuple[Any, Any, Any, Any], key: tuple[int, int], device: str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Philox4x32-10 on torch int64 tensors, on any device; the same words as `philox`.

    Integer products wrap modulo 2**64, so the bit pattern equals that of unsigned arithmetic, and
    masking after the arithmetic shift gives the logical one.
    """
    import torch

    words = [torch.as_tensor(part, dtype=torch.int64, device=device) & MASK_32 for part in counter]
    c0, c1, c2, c3 = torch.broadcast_tensors(*words)  # type: ignore[no-untyped-call]
    result: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor] = _rounds(c0, c1, c2, c3, key, int)
    return result


def _rounds(c0: Any, c1: Any, c2: Any, c3: Any, key: tuple[int, int], lane: Any) -> tuple[Any, Any, Any, Any]:
    """The ten rounds, on whatever integer lanes the arrays have (`lane` makes constants of their type)."""
    k0, k1 = int(key[0]) & MASK_32, int(key[1]) & MASK_32
    mask, shift = lane(MASK_32), lane(32)
    for _ in range(ROUNDS):
        product_0, product_1 = c0 * lane(MULTIPLIER_0), c2 * lane(MULTIPLIER_1)
        c0, c1, c2, c3 = (
            ((product_1 >> shift) & mask) ^ c1 ^ lane(k0),
            product_1 & mask,
            ((product_0 >> shift) & mask) ^ c3 ^ lane(k1),
            product_0 & mask,
        )
        k0, k1 = (k0 + WEYL_0) & MASK_32, (k1 + WEYL_1) & MASK_32
    return c0, c1, c2, c3


@cache
def philox_numba() -> Any:
    """The compiled scalar Philox4x32-10: `f(c0, c1, c2, c3, k0, k1) -> (w0, w1, w2, w3)` on uint64.

    Returned by a function, so that numba is imported by those alone who need it.
    """
    import numba

    m0, m1, w0, w1 = (np.uint64(x) for x in (MULTIPLIER_0, MULTIPLIER_1, WEYL_0, WEYL_1))
    mask, shift = np.uint64(MASK_32), np.uint64(32)

    @numba.njit(inline="always")
    def block(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
        # Upper halves hold leftovers until the end; masked right at the product, LLVM multiplies 32-bit halves.
        for _ in range(10):
            p0 = (c0 & mask) * m0
            p1 = (c2 & mask) * m1
            c0, c1, c2, c3 = (p1 >> shift) ^ c1 ^ k0, p1, (p0 >> shift) ^ c3 ^ k1, p0
            k0 = k0 + w0
            k1 = k1 + w1
        return c0 & mask, c1 & mask, c2 & mask, c3 & mask

    return block


def unit_interval(high: Any, low: Any) -> NDArray[np.float64]:
    """Two words to a float64 strictly inside (0, 1), on the 53-bit grid of midpoints."""
    mantissa = (high >> np.uint64(5)) * np.uint64(1 << 26) + (low >> np.uint64(6))
    # 2**53 - 1 midpoints would round to 1.0 at the top: clip to the largest double below 1.
    drawn = (mantissa.astype(np.float64) + 0.5) * 2.0**-53
    clipped: NDArray[np.float64] = np.minimum(drawn, 1.0 - 2.0**-53)
    return clipped


def uniform(
    seed: int, stream: int, replicate: ArrayLike, quarter: ArrayLike, agent: ArrayLike, draw: ArrayLike = 0
) -> NDArray[np.float64]:
    """Uniform draws in (0, 1), one for each element of the broadcast counter.

    Parameters
    ----------
    seed, stream : int
        The key.
    replicate, quarter, agent, draw : array_like of int
        The counter, each below 2**32 (quarters already shifted by `QUARTER_ORIGIN`).

    Examples
    --------
    >>> a = uniform(1, 2, [0, 1], 0, 5)
    >>> bool(a[1] == uniform(1, 2, 1, 0, 5))
    True
    """
    w0, w1, _, _ = philox((replicate, quarter, agent, draw), (seed, stream))
    return unit_interval(w0, w1)


def normal_pair(
    seed: int, stream: int, replicate: ArrayLike, quarter: ArrayLike, agent: ArrayLike, draw: ArrayLike = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two independent standard normals for each counter."""
    w0, w1, w2, w3 = philox((replicate, quarter, agent, draw), (seed, stream))
    return normal_of(unit_interval(w0, w1), unit_interval(w2, w3))


def normal_of(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two independent standard normals from two independent uniforms (Box and Muller 1958)."""
    radius, angle = _polar(first, second)
    return radius * np.cos(angle), radius * np.sin(angle)


def first_normal_of(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first of the two that `normal_of` gives."""
    radius, angle = _polar(first, second)
    normal: NDArray[np.float64] = radius * np.cos(angle)
    return normal


def _polar(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.sqrt(-2.0 * np.log(first)), 2.0 * np.pi * second


def normal(
    seed: int, stream: int, replicate: ArrayLike, quarter: ArrayLike, agent: ArrayLike, draw: ArrayLike = 0
) -> NDArray[np.float64]:
    """Standard normal draws, one for each element of the broadcast counter."""
    return normal_pair(seed, stream, replicate, quarter, agent, draw)[0]


@cache
def _fill_words_numba() -> Any:
    import numba

    block = philox_numba()

    @numba.njit(cache=False)
    def fill(out: Any, k0: Any, k1: Any, c0: Any, c1: Any, c3: Any) -> None:
        for i in range((out.size + 3) // 4):
            words = block(c0, c1, np.uint64(i), c3, k0, k1)
            for j in range(min(4, out.size - 4 * i)):
                out[4 * i + j] = np.uint32(words[j])

    return fill


def word_block(seed: int, stream: int, first: int, second: int, count: int, draw: int = 0) -> NDArray[np.uint32]:
    """`count` words: element i is word i mod 4 of the counter (first, second, i // 4, draw).

    The laboratory's bulk draw, by the compiled kernel; `word_block_torch` gives the same words on
    any device.
    """
    out = np.empty(count, np.uint32)
    parts = [np.uint64(int(x) & MASK_32) for x in (seed, stream, first, second, draw)]
    _fill_words_numba()(out, *parts)
    return out


def word_block_torch(
    seed: int, stream: int, first: int, second: int, count: int, draw: int = 0, device: str = "cpu"
) -> torch.Tensor:
    """The words of `word_block` as an int64 tensor, computed on `device`."""
    import torch

    index = torch.arange((count + 3) // 4, dtype=torch.int64, device=device)
    words = philox_torch((first, second, index, draw), (seed, stream), device)
    return torch.stack(words, dim=1).reshape(-1)[:count]
