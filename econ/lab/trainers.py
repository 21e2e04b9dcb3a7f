"""The trainers by the name under which methods ask for them (`job` says what a trainer is)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from econ.lab.best_of_n import train_best_of_n
from econ.lab.constitutional import train_base_comparisons, train_comparisons, train_revisions
from econ.lab.constitutional_rl import train_ai_feedback
from econ.lab.offline import train_none, train_offline, train_refusal
from econ.lab.policies import train_on_policy

if TYPE_CHECKING:
    from econ.lab.job import Trainer

TRAINERS: dict[str, Trainer] = {
    "none": train_none,
    "refusal": train_refusal,
    "offline": train_offline,
    "on_policy": train_on_policy,
    "best_of_n": train_best_of_n,
    "revisions": train_revisions,
    "base_comparisons": train_base_comparisons,
    "comparisons": train_comparisons,
    "ai_feedback": train_ai_feedback,
}
