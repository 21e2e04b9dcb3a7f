"""Philox words against the published known answers and against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from econ.core import random as keyed
from econ.core.streams import Stream

# Random123 1.14, examples/kat_vectors, philox4x32 10 rounds: counter, key, words.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
WORD = st.integers(0, 2**32 - 1)


def _hex(text):
    return tuple(int(part, 16) for part in text.split())


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_known_answers_from_numpy_numba_and_torch(counter, key, words):
    counter, key, words = _hex(counter), _hex(key), _hex(words)
    assert tuple(int(w) for w in keyed.philox(counter, key)) == words
    assert tuple(int(w) for w in keyed.philox_torch(counter, key)) == words
    compiled = keyed.philox_numba()
    assert tuple(int(w) for w in compiled(*(np.uint64(x) for x in (*counter, *key)))) == words


@settings(max_examples=100, deadline=None)
@given(st.tuples(WORD, WORD, WORD, WORD), st.tuples(WORD, WORD))
def test_the_three_implementations_agree_everywhere(counter, key):
    expected = tuple(int(w) for w in keyed.philox(counter, key))
    assert tuple(int(w) for w in keyed.philox_torch(counter, key)) == expected
    compiled = keyed.philox_numba()
    assert tuple(int(w) for w in compiled(*(np.uint64(x) for x in (*counter, *key)))) == expected


def test_word_blocks_agree_and_do_not_depend_on_their_length():
    short = keyed.word_block(3, Stream.GUMBEL, 1000, 7, 10, draw=2)
    long = keyed.word_block(3, Stream.GUMBEL, 1000, 7, 1001, draw=2)
    assert np.array_equal(short, long[:10])
    on_torch = keyed.word_block_torch(3, Stream.GUMBEL, 1000, 7, 1001, draw=2)
    assert np.array_equal(on_torch.numpy(), long.astype(np.int64))
    single = keyed.philox((1000, 7, 5 // 4, 2), (3, Stream.GUMBEL))[5 % 4]
    assert int(single) == int(long[5])


def test_uniforms_are_open_and_uniform():
    drawn = keyed.uniform(1, 2, np.arange(200_000), 0, 0)
    assert drawn.min() > 0.0
    assert drawn.max() < 1.0
    assert stats.kstest(drawn, "uniform").pvalue > 1e-4
    top = keyed.unit_interval(np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFF))
    assert 0.0 < float(top) < 1.0
    assert float(keyed.unit_interval(np.uint64(0), np.uint64(0))) > 0.0


def test_normals_are_normal_and_pairs_independent():
    first, second = keyed.normal_pair(1, 3, np.arange(100_000), 0, 0)
    assert stats.kstest(first, "norm").pvalue > 1e-4
    assert stats.kstest(second, "norm").pvalue > 1e-4
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(100_000)


def test_a_draw_depends_on_its_key_and_counter_alone():
    alone = keyed.uniform(9, 4, 3, 30, 17)
    block = keyed.uniform(9, 4, np.arange(8)[:, None], 30, np.arange(40))
    assert block[3, 17] == alone
    for other in [(8, 4, 3, 30, 17), (9, 5, 3, 30, 17), (9, 4, 2, 30, 17), (9, 4, 3, 31, 17), (9, 4, 3, 30, 18)]:
        assert keyed.uniform(*other) != alone


def test_stream_numbers_are_unique_and_frozen():
    numbers = [stream.value for stream in Stream]
    assert len(numbers) == len(set(numbers))
    assert {name: Stream[name].value for name in ("PRIOR", "LABELER_CHOICE", "DAMAGE", "WORLD", "GUMBEL")} == {
        "PRIOR": 1, "LABELER_CHOICE": 50, "DAMAGE": 54, "WORLD": 100, "GUMBEL": 105,
    }  # fmt: skip
