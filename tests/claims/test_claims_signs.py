"""The sign table over pairs of methods, and the tables beside the verdicts."""

from __future__ import annotations

import pytest
from claims_tables import arm, constant, context, line

from econ.claims.advantages import advantage_table
from econ.claims.signs import negative_methods, preference_methods, sign_summary, sign_table


def _arms():
    levels = {"npo_ret": 0.3, "d2o_clean3": 0.55, "dpo": 0.5, "rm_ppo": 0.6}
    return [arm(method, line(1.0, 0.05 + 0.02 * i), sycophancy=y) for i, (method, y) in enumerate(levels.items())]


def test_pairs_are_of_flags_against_human_pairs_without_controls():
    controls = [arm(m, constant(0.5)).assign(label_kind=kind) for m, kind in (("npo_ret_random", "flag"), ("dpo_shuffled", "preference"), ("nsr_or", "verification"))]
    found = context(*_arms(), *controls, arm("flag_bits", constant(0.5)), arm("flag_dpo", constant(0.5)), arm("pos_binary", constant(0.5)))
    assert negative_methods(found.evidence) == ["d2o_clean3", "npo_ret"]
    assert preference_methods(found.evidence) == ["dpo", "rm_ppo"]


def test_share_with_the_sign_and_exceptions_by_name():
    table = sign_table(context(*_arms()))
    summary = next(row for row in sign_summary(table) if row["hypothesis"] == "H6")
    assert summary["pairs"] == 4 and summary["share_predicted"] == 0.75
    assert summary["exceptions"] == ["d2o_clean3 against dpo"] and summary["clearly_opposite"] == 1
    drift = [row for row in table if row.effect == "drift"]
    assert [row.name for row in drift] == ["dpo", "rm_ppo"]


def test_advantages_on_all_axes():
    negative, preference = arm("npo_ret", line(1.0, 0.1)), arm("dpo", line(1.0, 0.04))
    rows = {
        (r["axis"], r["with_tuning"], r["target"], r["floor"]): r
        for r in advantage_table(context(negative, preference)) if r["distribution"] == "id" and r["measure"] == "A"
    }  # fmt: skip
    assert rows["judgements", False, 0.8, 0.75]["estimate"] == pytest.approx(3.0, abs=1e-6)
    # 512 pairs take 512 minutes; 64 flags take 480 of drafting and 44.8.
    minutes = rows["human_minutes", False, 0.8, 0.75]
    assert (minutes["at_preference"], minutes["at_negative"]) == pytest.approx((512.0, 524.8))
    # A pair carries 0.025 bit about violations, a flag 0.7.
    assert rows["bits_harm", False, 0.8, 0.75]["at_negative"] == pytest.approx(44.8)
    tuned = rows["judgements", True, 0.8, 0.75]
    assert (tuned["at_preference"], tuned["at_negative"]) == pytest.approx((612.0, 164.0))
    assert {floor for axis, _, _, floor in rows if axis == "judgements"} == {0.0, 0.6, 0.75, 0.9}
    assert ("flops", True, 0.8, 0.75) not in rows


def test_an_axis_that_was_not_recorded_is_left_out():
    frames = [arm(m, line(1.0, 0.1)).drop(columns="usd") for m in ("npo_ret", "dpo")]
    assert "usd" not in {row["axis"] for row in advantage_table(context(*frames))}
