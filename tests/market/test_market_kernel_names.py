"""Machine code of a kernel that two processes kept is each its own in a third."""

from __future__ import annotations

import subprocess
import sys

import pytest

CALL = """
import sys
from pathlib import Path
import numba
import numpy as np
from econ.core import compiled
compiled._folder = lambda sources: Path(sys.argv[1])
for number in range(int(sys.argv[3])):  # numba counts what a process compiles, and machine code bears the count
    numba.njit(lambda x: x + 1)(number)
from econ.market import harm_kernels as k
from econ.surfaces.forms import FORMS

def harm(layout):
    found = []
    for name, code in k.CODE.items():
        p = np.zeros((1, 5, k.WIDTH))
        centres = [centre for centre, _ in FORMS[name].prior] or [-6.0, 0.5, 6.0, -1.5, 0.2, -1.0, 0.3]
        p[..., : len(centres)] = centres
        a = np.asarray(np.linspace(0.1, 40, 20).reshape(1, 2, 2, 5), order=layout)
        h, slope_a, slope_b = (np.empty(a.shape) for _ in range(3))
        ones = np.ones((1, 5))
        k.harm(np.array([code]), p, ones, ones, np.ones((1, 1)), np.ones(1), 1e-6, np.ones((1, 2)), a, h, slope_a, slope_b)
        found.append(h)
    return np.array(found)

layouts = sys.argv[2]
values = [harm(layout) for layout in layouts]
sys.exit(0 if all(np.allclose(values[0], other, rtol=1e-9) for other in values) else 3)
"""


@pytest.mark.slow
def test_forms_keep_their_own_code_whatever_process_compiled_them(tmp_path):
    for layouts, before in (("C", 0), ("F", 2), ("CF", 0), ("F", 4), ("CF", 0)):
        done = subprocess.run([sys.executable, "-c", CALL, str(tmp_path), layouts, str(before)], capture_output=True, text=True, timeout=250)
        assert done.returncode == 0, (layouts, done.returncode, done.stderr[-500:])
