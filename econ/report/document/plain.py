"""The registered effects in plain words, without a sign: what is subtracted from what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from econ.claims.text import effect_text
from econ.report.document.numerals import with_interval

if TYPE_CHECKING:
    from econ.claims.resampling import Effect
    from econ.claims.verdicts import Finding

#: Statement -> what its effect measures, with {} for the number.
PLAIN = {
    "H1a": "doublings of preference judgements over negative ones needed for relative harm 0.80: {}",
    "H1b": "pass@1 in reasoning, negative samples minus the better of PPO and GRPO: {}",
    "H2": "change of agreement with wrong opinions, positive minus negative labels of equal bias: {} (probability)",
    "H3": "disagreement of two models trained on different halves of the labels, preferences minus negatives: {} (probability of a violation)",
    "H4a": "how the advantage grows from not checkable to fully checkable: {} (relative harm)",
    "H4b": "half of the reference advantage minus what remains where flags carry no more information than pairs: {} (relative harm)",
    "H5": "shift of the first word by an irrelevant opinion, preferences minus negatives: {} (total variation)",
    "H6": "agreement with wrong opinions, preferences minus negatives: {} (probability)",
    "H7": "harm added by prompts unlike those trained on, preferences minus negatives: {} (relative harm)",
    "H8a": "fall of harm per doubling of negative labels, early minus late: {} (relative harm)",
    "H8b": "rise of agreement with wrong opinions per doubling of preference labels, late: {} (probability)",
    "H9": "area of safety and helpfulness reached, hybrids minus preferences alone: {}",
}


def effect_number(effect: Effect) -> str:
    """An estimate with its interval; a bound or an open end as the claims write it."""
    low, high = effect.interval
    if effect.bound or not np.isfinite([effect.value, low, high]).all():
        return effect_text(effect)
    return with_interval(effect.value, low, high)


def plain_effect(found: Finding) -> str:
    """A measured statement in plain words; its own unit where it has no sentence here."""
    assert found.measured is not None
    number = effect_number(found.measured.effect)
    return PLAIN.get(found.statement.id, f"{{}} {found.statement.unit}").format(number)
