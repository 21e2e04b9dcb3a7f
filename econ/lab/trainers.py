"""The trainers by the name under which methods ask for them (`job` says what a trainer is)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from econ.lab.constitutional import train_base_comparisons, train_comparisons, train_revisions
from econ.lab.offline import train_none, train_offline, train_refusal

if TYPE_CHECKING:
    from econ.lab.job import Trainer

TRAINERS: dict[str, Trainer] = {
    "none": train_none,
    "refusal": train_refusal,
    "offline": train_offline,
    "revisions": train_revisions,
    "base_comparisons": train_base_comparisons,
    "comparisons": train_comparisons,
}
