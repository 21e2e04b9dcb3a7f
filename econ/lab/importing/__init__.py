"""A user's own laboratory data, validated into the measurement table: what `econ lab import` does.

A mapping file (`mapping`) says which column of the user's file (`source`) holds what, in which unit
(`units`); every cell is read (`cells`), rows are put into the table's terms (`rows`), the design is
checked (`design`), and the whole is written or nothing is (`convert`).
"""

from __future__ import annotations
