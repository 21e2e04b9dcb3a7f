"""The table of docking limits: target, obtained and tolerance of every limit with a known answer, as the tests find them.

`make docking` writes `docs/docking.md` from it. Tests report a row through the fixture `limit`, which also asserts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

HEADER = """# Limits with a known answer

What the market's own functions give where theory or arithmetic gives the answer. Written by `make docking` from the
tests in `tests/market`; each row is asserted there, and a row that fails stops the tests. Tolerances are absolute unless
they say otherwise.

Row 6 in words. The statement that this row goes back to asks for an HHI of licences above 2,000 at every size. That is not a
limit with a known answer: it depends on how fast curators enter and on how many firms pay. With default entry and after 40
quarters it is met at the usual size, 2,500 (140), and can be neither confirmed nor refuted at sixteen times that, 1,980 (140) over 12
replicates. With entry as fast as it may be, as here, it is not met. What theory says without regard to entry is asserted
instead: the index is at least 10,000 over the number of payers, and it falls far less with size than that of services
(Sutton 1991). The 1,250 is 10,000 over 8, half of the 16 firms, and not a bound from theory.

| row | limit | target | obtained | tolerance |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    """One limit."""

    number: str
    what: str
    target: str
    obtained: str
    tolerance: str


ROWS = pytest.StashKey[list[Row]]()


def pytest_addoption(parser):
    parser.addoption("--docking", metavar="FILE", default=None, help="write the table of docking limits to FILE (Markdown)")


def pytest_configure(config):
    config.stash[ROWS] = []


def number(value):
    """A number in as many digits as a limit needs."""
    return value if isinstance(value, str) else f"{float(value):.8g}"


@pytest.fixture
def limit(request):
    """`limit(row, what, target, obtained, absolute=…)` asserts a limit with a known answer and notes it for the table.

    With arrays the row shows the entry that deviates most. `relative` in place of `absolute` is a share of the target;
    `bound` ("above" or "below") makes the target a bound.
    """

    def check(row, what, target, obtained, *, absolute=None, relative=None, bound=None, words=None):
        targets, found = np.broadcast_arrays(np.asarray(target, float), np.asarray(obtained, float))
        targets, found = targets.ravel(), found.ravel()
        if bound is None:
            allowed = np.full(targets.shape, absolute) if relative is None else relative * np.abs(targets)
            place = int(np.argmax(np.abs(found - targets) - allowed))
            text = words or (f"{absolute:g}" if relative is None else f"{relative:g} relative")
            holds = bool(np.all(np.abs(found - targets) <= allowed))
            shown = number(targets[place])
        else:
            place = int(np.argmin(found) if bound == "above" else np.argmax(found))
            holds = bool(np.all(found > targets) if bound == "above" else np.all(found < targets))
            text, shown = words or "", f"{bound} {number(targets[place])}"
        noted = Row(str(row), what, shown, number(found[place]), text)
        request.config.stash[ROWS].append(noted)
        assert holds, noted

    return check


def pytest_sessionfinish(session, exitstatus):
    path = session.config.getoption("--docking", default=None)
    if path is None or exitstatus != 0:
        return
    order = {row: place for place, row in enumerate(session.config.stash[ROWS])}
    rows = sorted(order, key=lambda row: (int("".join(filter(str.isdigit, row.number))), row.number, order[row]))
    lines = [f"| {r.number} | {r.what} | {r.target} | {r.obtained} | {r.tolerance} |" for r in rows]
    Path(path).write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
