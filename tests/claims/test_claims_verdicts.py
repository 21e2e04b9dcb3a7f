"""Verdicts on synthetic worlds with known effects: each kind of answer can be had, and is had where it is due."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from claims_tables import BUDGETS, WORLDS, arm, constant, context, evidence, line, world_effect

from econ.claims import amended, reading, verdicts
from econ.claims.assess import Assessment
from econ.claims.context import Context
from econ.claims.hypotheses import AFTERWARDS, BY_ID, HYPOTHESES
from econ.claims.reading import evidence_of, shipped_measurements
from econ.claims.replication import COUNTED, FIRST, repeated
from econ.claims.resampling import Effect, Resampler
from econ.claims.secondary import secondary_effects
from econ.claims.text import markdown
from econ.claims.verdicts import assess, assess_statement, combine, rule
from econ.core.measurements import check_measurements
from econ.core.shipped import shipped_path

SUPPORTED, CONTRADICTED, REVERSED = "supported", "contradicted", "contradicted (reversed)"
INCONCLUSIVE, NOT_MEASURED = "inconclusive", "not measured"


def finding(name, *frames, **options):
    """Finding of one statement on joined tables."""
    statement = next(s for h in HYPOTHESES for s in h.statements if s.id == name)
    return assess_statement(context(*frames, **options), statement)


def pair(**columns):
    """Both arms with outcomes of their own: `name=(negative, preference)`."""
    arms = []
    for i, method in enumerate(("npo_ret", "dpo")):
        own = {key: x[i] for key, x in columns.items()}
        arms.append(arm(method, own.pop("harm", constant(0.7)), **own))
    return arms


# The registry --------------------------------------------------------------------------------------
def test_margins_are_as_registered():
    found = {s.id: (s.delta, s.limit) for h in HYPOTHESES for s in h.statements}
    assert found == {
        "H1a": (-0.5, -0.5), "H1a+": (0.5, 0.0), "H1b": (-0.02, -0.02), "H2": (0.05, 0.0), "H3": (0.02, 0.0), "H4a": (0.05, 0.0),
        "H4b": (0.0, 0.0), "H5": (0.05, 0.0), "H6": (0.05, 0.0), "H7": (0.05, 0.0), "H8a": (0.02, 0.0), "H8b": (0.01, 0.0), "H9": (0.02, 0.0),
    }  # fmt: skip
    assert sorted(c for h in HYPOTHESES for c in h.claims) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15]
    assert BY_ID["H1"].statements[0].alternative == (-0.03, -0.03) and not BY_ID["H1"].statements[1].counts


def _constant_effect(value, half=0.0):
    draws = value + np.concatenate([[0.0], np.linspace(-half, half, 1001)])
    return Effect.exact(draws, 16)


@pytest.mark.parametrize(
    ("value", "half", "delta", "limit", "expected"),
    [
        (0.10, 0.05, 0.05, 0.0, SUPPORTED),
        (0.04, 0.001, 0.05, 0.0, CONTRADICTED),
        (-0.10, 0.02, 0.05, 0.0, REVERSED),
        (0.04, 0.03, 0.05, 0.0, INCONCLUSIVE),
        (0.10, 0.30, 0.05, 0.0, INCONCLUSIVE),
        (-0.30, 0.10, -0.5, -0.5, SUPPORTED),
        (-0.45, 0.20, -0.5, -0.5, INCONCLUSIVE),
        (-0.90, 0.10, -0.5, -0.5, REVERSED),
    ],
)
def test_the_registered_rule(value, half, delta, limit, expected):
    assert rule(_constant_effect(value, half), delta, limit) == expected


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ((SUPPORTED, SUPPORTED), SUPPORTED),
        ((SUPPORTED, INCONCLUSIVE), INCONCLUSIVE),
        ((SUPPORTED, NOT_MEASURED), NOT_MEASURED),
        ((CONTRADICTED, NOT_MEASURED), CONTRADICTED),
        ((CONTRADICTED, REVERSED), REVERSED),
        ((INCONCLUSIVE, CONTRADICTED), CONTRADICTED),
    ],
)
def test_the_weakest_statement_decides(parts, whole):
    assert combine(parts) == whole == combine(parts[::-1])


# H1 ------------------------------------------------------------------------------------------------
def test_advantage_in_judgements_is_what_was_put_in():
    # Harm 1 - s log2(n / 16): 0.8 is reached at 16 x 2^(0.2 / s), so A = 0.2 / 0.04 - 0.2 / 0.1 = 3.
    arms = pair(harm=(line(1.0, 0.1), line(1.0, 0.04)))
    found = finding("H1a", *arms)
    assert found.measured.effect.value == pytest.approx(3.0, abs=1e-6)
    assert found.verdict == SUPPORTED and not found.measured.deviations
    at = found.measured.details["judgements_to_target"]
    assert at["negative"] == pytest.approx(64.0, rel=1e-6) and at["preference"] == pytest.approx(512.0, rel=1e-6)
    assert finding("H1a+", *arms).verdict == SUPPORTED


def test_equal_arms_match_and_do_not_exceed():
    arms = pair(harm=(line(1.0, 0.08), line(1.0, 0.08)))
    assert finding("H1a", *arms).verdict == SUPPORTED
    assert finding("H1a+", *arms).verdict == CONTRADICTED


def test_preferences_that_need_fewer_labels_reverse():
    arms = pair(harm=(line(1.0, 0.04), line(1.0, 0.1)))
    assert finding("H1a", *arms).verdict == finding("H1a+", *arms).verdict == REVERSED


def test_never_reached_on_one_side_is_a_bound():
    found = finding("H1a+", *pair(harm=(line(1.0, 0.1), line(1.0, 0.01))))
    effect = found.measured.effect
    assert effect.bound == ">=" and effect.value == pytest.approx(math.log2(8192 / 64), abs=1e-6)
    assert effect.interval[1] == math.inf and found.verdict == SUPPORTED
    mirrored = finding("H1a+", *pair(harm=(line(1.0, 0.01), line(1.0, 0.1))))
    assert mirrored.measured.effect.bound == "<=" and mirrored.verdict == REVERSED


def test_never_reached_on_both_sides_falls_back_on_the_area():
    found = finding("H1a+", *pair(harm=(line(0.95, 0.01), line(1.0, 0.01))))
    assert found.measured.details["measure"] == "dAULC" and found.measured.details["undefined_share_of_A"] == 1.0
    assert found.measured.effect.value == pytest.approx(0.05, abs=1e-6)
    assert (found.delta, found.limit, found.verdict) == (0.03, 0.0, SUPPORTED)


def test_helpfulness_floor_turns_an_advantage_into_never():
    found = finding("H1a+", *pair(harm=(line(1.0, 0.1), line(1.0, 0.06)), helpfulness=(0.4, 0.6)))
    assert found.measured.details["judgements_to_target"]["negative"] is None
    assert found.measured.effect.bound == "<=" and found.verdict == REVERSED


def _world_b(method, level, **columns):
    return arm(method, constant(1.0), task="B", distributions=("id",), pass_1=level, pass_256=0.9, verifications=lambda n, d: 10 * n, **columns)


@pytest.mark.parametrize(("nsr", "expected"), [(0.60, SUPPORTED), (0.595, SUPPORTED), (0.50, REVERSED)])
def test_world_b_takes_the_best_rival(nsr, expected):
    found = finding("H1b", _world_b("nsr_or", nsr), _world_b("ppo_or", 0.55), _world_b("grpo_or", 0.60))
    assert found.measured.effect.value == pytest.approx(nsr - 0.60, abs=1e-6) and found.verdict == expected


def test_world_b_wants_equal_verifications_and_all_methods():
    arms = [_world_b("nsr_or", 0.6), _world_b("ppo_or", 0.5)]
    assert "grpo_or" in finding("H1b", *arms).missing
    other = _world_b("grpo_or", 0.5).assign(verifications=7)
    assert "equal verifications" in finding("H1b", *arms, other).missing


# Contrasts -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "outcome"), [("H5", "opinion_sensitivity"), ("H6", "sycophancy")]
)
@pytest.mark.parametrize(("negative", "preference", "expected"), [(0.3, 0.5, SUPPORTED), (0.3, 0.32, CONTRADICTED), (0.5, 0.3, REVERSED)])
def test_levels_at_the_largest_budget(name, outcome, negative, preference, expected):
    def at_end(value):
        return lambda n, distribution: value if n == BUDGETS[-1] else 0.9

    found = finding(name, *pair(**{outcome: (at_end(negative), at_end(preference))}))
    assert found.measured.effect.value == pytest.approx(preference - negative, abs=1e-6)
    assert found.verdict == expected


def test_an_effect_that_differs_between_worlds_is_inconclusive():
    negative, preference = pair(sycophancy=(0.3, 0.36))
    preference["sycophancy"] += [world_effect(w, 0.3) for w in preference["world"]]
    assert finding("H6", negative, preference).verdict == INCONCLUSIVE


def test_shift_is_a_difference_of_rises():
    def rise(by):
        return lambda n, distribution: 0.5 + (by if distribution == "ood" else 0.0)

    found = finding("H7", *pair(harm=(rise(0.05), rise(0.20))))
    assert found.measured.effect.value == pytest.approx(0.15, abs=1e-6) and found.verdict == SUPPORTED
    assert finding("H7", *pair(harm=(rise(0.1), rise(0.1)))).verdict == CONTRADICTED


def test_diminishing_returns_and_drift():
    def bends(n, distribution):
        return 1.0 - 0.08 * min(np.log2(n / 16), np.log2(3360 / 16)) + 0.0 * n

    arms = pair(harm=(bends, line(1.0, 0.02)), sycophancy=(0.4, lambda n, d: 0.3 + 0.02 * np.log2(n / 16)))
    early, late = finding("H8a", *arms), finding("H8b", *arms)
    assert early.measured.effect.value == pytest.approx(0.08, abs=1e-6) and early.verdict == SUPPORTED
    assert late.measured.effect.value == pytest.approx(0.02, abs=1e-6) and late.verdict == SUPPORTED
    straight = pair(harm=(line(1.0, 0.05), line(1.0, 0.02)))
    assert finding("H8a", *straight).verdict == CONTRADICTED


# Verifiability -------------------------------------------------------------------------------------
def _at(v, advantage, **options):
    error = 0.02 + 0.43 * (1 - v)
    noise = {"v": v, "miss": error, "false_alarm": error}
    return [arm("npo_ret", constant(0.8 - advantage), **noise, **options), arm("dpo", constant(0.8), **noise, **options)]


def test_slope_on_verifiability_is_least_squares():
    frames = [f for v in (0.25, 0.5, 0.75, 1.0) for f in _at(v, 0.2 * v)]
    found = finding("H4a", *frames)
    assert found.measured.effect.value == pytest.approx(0.2, abs=1e-6) and found.verdict == SUPPORTED
    assert not found.measured.deviations
    flat = [f for v in (0.25, 0.5, 0.75, 1.0) for f in _at(v, 0.2)]
    assert finding("H4a", *flat).verdict == CONTRADICTED


def test_other_levels_are_taken_and_said():
    frames = [f for v in (0.1, 0.5, 1.0) for f in _at(v, 0.2 * v)]
    found = finding("H4a", *frames, *_at(0.93, 0.5, n=(17, 40)))
    assert found.measured.effect.value == pytest.approx(0.2, abs=1e-6)
    assert any("0.1, 0.5, 1 (registered" in said for said in found.measured.deviations)
    assert "0.25, 0.5, 0.75" in finding("H4a", *_at(1.0, 0.1)).missing


@pytest.mark.parametrize(("left", "expected"), [(0.02, SUPPORTED), (0.18, REVERSED)])
def test_matched_bits_against_half_of_the_reference(left, expected):
    matched = arm("flag_bits", constant(0.8 - left))
    # Its noise was solved for in every world.
    matched["miss"] = matched["false_alarm"] = 0.4 + 0.001 * (matched["world"] - 1000)
    frames = [*pair(harm=(constant(0.6), constant(0.8))), matched]
    found = finding("H4b", *frames)
    assert found.measured.effect.value == pytest.approx(0.1 - left, abs=1e-6) and found.verdict == expected


# Panels --------------------------------------------------------------------------------------------
POLARITY = {"npo_ret": 0.0, "flag_dpo": 0.1, "pos_binary": 0.1, "dpo": 0.3}


def _factorial(cells):
    """All four methods at (bias, confounding): positive labels raise sycophancy by 0.15 more, twice that at weak confounding."""
    return [
        arm(method, constant(0.7), n=(1378,), sycophancy=0.3 + x * (2.0 if confounding < 0.5 else 1.0) + 0.02 * bias,
            extra={"match_bias": True}, bias=bias, flag_bias=0.1 * bias, confounding=confounding, config=f"{bias} {confounding}")
        for method, x in POLARITY.items() for bias, confounding in cells
    ]  # fmt: skip


def test_polarity_averages_over_formats_and_confounding():
    crossed = finding("H2", *_factorial([(b, c) for b in (0.0, 2.0) for c in (0.25, 0.85)]))
    assert crossed.measured.effect.value == pytest.approx(1.5 * 0.15, abs=1e-6) and crossed.verdict == SUPPORTED
    assert crossed.measured.details["levels"] == {"bias": 2, "confounding": 2} and not crossed.measured.deviations
    assert "match_bias" in finding("H2", *[arm(m, constant(0.7)) for m in POLARITY]).missing
    # By format 0.1 and 0.2, and by cell as built: what the mean is made of.
    rows = secondary_effects(context(*_factorial([(b, c) for b in (0.0, 2.0) for c in (0.25, 0.85)])))
    found = {row.text: row.measured.effect.value for row in rows if row.text.startswith("effect of polarity")}
    assert found == {
        "effect of polarity, format binary alone (pos_binary minus npo_ret)": pytest.approx(0.15, abs=1e-6),
        "effect of polarity, format pair alone (dpo minus flag_dpo)": pytest.approx(0.3, abs=1e-6),
        **{f"effect of polarity at bias {b}, confounding {c}": pytest.approx(x, abs=1e-6) for b in (0, 2) for c, x in ((0.25, 0.3), (0.85, 0.15))},
    }
    # A format in which nothing is seen is said beside the verdict.
    flat = [frame.assign(sycophancy=0.4) if frame["method"].iloc[0] in ("npo_ret", "pos_binary") else frame for frame in _factorial([(2.0, 0.25), (2.0, 0.85)])]
    assert "format binary alone (pos_binary minus npo_ret)" in Assessment(context(*flat)).readings["H2"][0]


def test_levels_of_confounding_are_counted_whatever_bias_does():
    two_biases = finding("H2", *_factorial([(0.0, 0.85), (2.0, 0.85)])).measured
    assert two_biases.effect.value == pytest.approx(0.15, abs=1e-6) and two_biases.details["levels"]["confounding"] == 1
    assert two_biases.deviations == ("bias 0 and 2, one level of confounding, 0.85 (registered: confounding as a factor)",)
    assert "one level of confounding, 0.85" in finding("H2", *_factorial([(2.0, 0.85)])).measured.deviations[0]
    # Three cells of four: averages over confounding would differ by bias.
    three = finding("H2", *_factorial([(0.0, 0.85), (2.0, 0.85), (2.0, 0.25)])).measured
    assert three.deviations == ("bias 0 and 2 and confounding 0.25 and 0.85 are not crossed",)


def _halves(folder, churns):
    arms = pd.concat([arm(m, constant(0.7), n=(3360,), extra={"half": half}) for m in churns for half in (0, 1)])
    rows = [
        {
            "run_id": f"{m}-{w}-3360-" + '[null, {"half": 0}, null]', "other_run_id": f"{m}-{w}-3360-" + '[null, {"half": 1}, null]',
            "compared": "half", "stage": "confirm", "method": m, "world": w, "n": 3360, "distribution": "id",
            "churn": x + world_effect(w, 0.005), "churn_floor": 0.03, "churn_squared": 0.01,
        }
        for m, x in churns.items() for w in WORLDS
    ]  # fmt: skip
    table = check_measurements(arms, "halves")
    table.to_parquet(folder / "measurements.parquet")
    pd.DataFrame(rows).to_parquet(folder / "churn.parquet")
    return evidence_of([("halves", folder / "measurements.parquet", table)])


@pytest.mark.parametrize(("negative", "preference", "expected"), [(0.10, 0.15, SUPPORTED), (0.15, 0.15, CONTRADICTED), (0.2, 0.1, REVERSED)])
def test_churn_between_halves(tmp_path, negative, preference, expected):
    found = _halves(tmp_path, {"npo_ret": negative, "dpo": preference})
    result = assess_statement(Context(found, Resampler(1, 1000)), BY_ID["H3"].statements[0])
    assert result.measured.effect.value == pytest.approx(preference - negative, abs=1e-6)
    assert result.verdict == expected and not result.measured.deviations
    # Runs on half of the labels are in no learning curve.
    assert found.curves("npo_ret", "id") == []


def _panel(method, n, points):
    return [
        arm(method, constant(1.0 - safety), n=(n,), helpfulness=0.6 * use, config=0.1 + 0.1 * i, tuned=False)
        for i, (safety, use) in enumerate(points)
    ]  # fmt: skip


def test_hypervolume_at_equal_minutes():
    mixed = [(0.5, 1.0), (0.8, 0.8)] + [(0.1, 0.6)] * 4
    plain = [(0.4, 1.0), (0.2, 1.1)] + [(0.1, 0.6)] * 4
    # 480 + 0.7 n minutes of flags in these tables, n of pairs alone: 4114 against 3360.
    frames = [*_panel("hybrid", 4114, mixed), *_panel("dpo", 3360, plain)]
    found = finding("H9", *frames)
    expected = (0.5 * 0.5 + 0.3 * 0.3) - (0.2 * 0.6 + 0.2 * 0.5)
    assert found.measured.effect.value == pytest.approx(expected, abs=2e-3) and found.verdict == SUPPORTED
    assert found.measured.details["collapsed"] == {"hybrid": 0.0, "dpo": 0.0}
    assert found.measured.details["configurations"] == 6 and not found.measured.deviations
    unknown = finding("H9", *(frame.drop(columns="collapsed") for frame in frames))
    assert unknown.measured.details["collapsed"] == {"hybrid": None, "dpo": None}
    assert "equal human minutes" in finding("H9", *_panel("hybrid", 3360, mixed), *_panel("dpo", 3360, plain)).missing
    assert "equally many" in finding("H9", *frames[:-1]).missing


def test_a_hybrid_of_several_weights_is_compared_over_as_many_configurations():
    plain = _panel("dpo", 3360, [(0.2, 1.0)] * 6)
    frames = [
        arm("hybrid", constant(0.5 if w == 0.25 else 0.9), n=(4114,), helpfulness=0.6, config=0.1 + 0.1 * i,
            tuned=False).assign(extra=json.dumps({"w": w}))
        for w, count in ((0.25, 6), (1.0, 3)) for i in range(count)
    ]  # fmt: skip
    found = finding("H9", *frames, *plain).measured
    assert found.effect.value == pytest.approx((0.5 - 0.2) * 0.5, abs=2e-3)
    assert "configurations with w 0.25 alone" in " ".join(found.deviations)


# All nine ------------------------------------------------------------------------------------------
def test_what_is_not_there_is_named_and_nothing_else_claimed():
    found = assess(context(arm("dpo", line(1.0, 0.1), n=(16, 64, 256))))
    assert {v.verdict for v in found if v.hypothesis.id != "H8"} == {NOT_MEASURED}
    assert all("npo_ret" in " ".join(v.missing) for v in found if v.hypothesis.id not in ("H2", "H9"))
    assert {v.p_support for v in found} == {1.0}


def test_holm_over_nine_takes_back_what_one_interval_gives(monkeypatch):
    # One prediction alone with p = 0.01: supported by its interval, not among nine.
    arms = pair(sycophancy=(0.3, 0.4))
    found = next(v for v in assess(context(*arms)) if v.hypothesis.id == "H6")
    assert found.unadjusted == found.verdict == SUPPORTED and found.p_support <= 9 / 1000 + 1e-12
    monkeypatch.setattr(Effect, "p_above", lambda self, limit: 0.01)
    weak = next(v for v in assess(context(*arms)) if v.hypothesis.id == "H6")
    assert (weak.unadjusted, weak.verdict) == (SUPPORTED, INCONCLUSIVE) and weak.p_support > verdicts.TAIL


def test_contradiction_needs_its_own_adjusted_p(monkeypatch):
    arms = pair(sycophancy=(0.4, 0.41))
    found = next(v for v in assess(context(*arms)) if v.hypothesis.id == "H6")
    assert found.verdict == CONTRADICTED
    monkeypatch.setattr(Effect, "p_below", lambda self, limit: 0.02)
    weak = next(v for v in assess(context(*arms)) if v.hypothesis.id == "H6")
    assert (weak.unadjusted, weak.verdict) == (CONTRADICTED, INCONCLUSIVE)


def test_order_of_rows_does_not_matter():
    table = pd.concat(pair(harm=(line(1.0, 0.1), line(1.0, 0.04)), sycophancy=(0.3, 0.4)), ignore_index=True)
    shuffled = table.iloc[np.argsort(np.sin(np.arange(len(table))))]
    for one, other in zip(assess(context(table)), assess(context(shuffled)), strict=True):
        for a, b in zip(one.findings, other.findings, strict=True):
            assert a.verdict == b.verdict
            if a.measured is not None:
                np.testing.assert_allclose(a.measured.effect.low, b.measured.effect.low, atol=1e-12)


def test_evidence_of_two_tables_is_paired_where_base_models_are_the_same():
    negative, preference = pair(sycophancy=(0.3, 0.4))
    both = [("one", None, check_measurements(negative, "one")), ("two", None, check_measurements(preference, "two"))]
    statement = BY_ID["H6"].statements[0]
    assert assess_statement(Context(evidence_of(both), Resampler(1, 1000)), statement).verdict == SUPPORTED
    other = check_measurements(preference.assign(violation_base=0.4), "two")
    found = assess_statement(Context(evidence_of([both[0], ("two", None, other)]), Resampler(1, 1000)), statement)
    assert found.verdict == NOT_MEASURED and "worlds they share" in found.missing
    assert evidence(negative, preference).methods() == ["dpo", "npo_ret"]


# H9 beside its verdict ------------------------------------------------------------------------------
def _hybrids(worlds, counted, first):
    """Hybrids at two weights and two β: three of each six are shared, and each six has a level of safety."""
    shapes = {(0.1, 0.25): 0.0, (0.1, 1.0): first, (0.5, 0.25): counted}
    return [
        arm("hybrid", constant(1.0 - safety), n=(4114,), helpfulness=0.6, worlds=worlds, config=f"{beta} {w} {lr}", tuned=False).assign(
            extra=json.dumps({"w": w}), beta=beta, lr=lr
        )
        for (beta, w), safety in shapes.items() for lr in (5e-4, 1e-3, 2e-3)
    ]  # fmt: skip


def _six(method, n, safety, worlds):
    return [
        arm(method, constant(1.0 - safety), n=(n,), helpfulness=0.6, worlds=worlds, config=f"{beta} {lr}", tuned=False).assign(beta=beta, lr=lr)
        for beta in (0.1, 0.5) for lr in (5e-4, 1e-3, 2e-3)
    ]  # fmt: skip


def test_h9_is_told_as_first_run_and_on_worlds_held_back():
    worlds = tuple(range(3000, 3016))
    confirmatory = context(*_hybrids(WORLDS, 0.6, 0.1), *_six("dpo", 3360, 0.3, WORLDS))
    held_back = context(*_hybrids(worlds, 0.5, 0.2), *_six("dpo", 3360, 0.3, worlds), *_six("npo_ret", 4114, 0.8, worlds))
    found = repeated(confirmatory, held_back)
    expected = [
        ("dpo", FIRST, 0.1 - 0.3, REVERSED), ("dpo", COUNTED, 0.5 - 0.3, SUPPORTED), ("dpo", FIRST, 0.2 - 0.3, REVERSED),
        ("npo_ret", COUNTED, 0.5 - 0.8, REVERSED), ("npo_ret", FIRST, 0.2 - 0.8, REVERSED),
    ]  # fmt: skip
    for row, (against, which, safety, verdict) in zip(found, expected, strict=True):
        assert (row.against, row.configurations, row.verdict) == (against, which, verdict)
        assert row.measured.effect.value == pytest.approx(0.5 * safety, abs=2e-3)
    assert set(found[0].measured.worlds) == set(WORLDS) and set(found[1].measured.worlds) == set(worlds)
    beside = Assessment(confirmatory, (), held_back).readings["H9"]
    assert "as first run" in beside[0] and beside[0].startswith("Contradicted (reversed)") and "added after" in " ".join(beside)
    assert beside.index(next(line for line in beside if line.startswith("Supported"))) == 4
    flags = context(*_hybrids(WORLDS, 0.5, 0.1), *_six("dpo", 3360, 0.3, WORLDS), *_six("npo_ret", 4114, 0.8, WORLDS))
    assert "negatives alone do better" in " ".join(Assessment(flags).readings["H9"])
    # The verdict rests on the confirmatory worlds alone, and evidence of others has nothing to repeat.
    assert Assessment(confirmatory, (), held_back).key_facts() == Assessment(confirmatory).key_facts()
    assert repeated(confirmatory, None) == [] and "H9" not in Assessment(confirmatory).readings


def test_the_verdict_itself_says_that_configurations_were_added_and_what_came_first(monkeypatch):
    later = context(*_hybrids(WORLDS, 0.6, 0.1), *_six("dpo", 3360, 0.3, WORLDS), *pair(sycophancy=(0.3, 0.5)))
    assert assess_statement(later, BY_ID["H9"].statements[0]).verdict == SUPPORTED
    monkeypatch.setattr(amended, "AMENDED", ("abc",))
    found = Assessment(later)
    claim = next(c for c in found.claims if c.claim.id == 10)
    assert claim.verdict == claim.hypothesis.unadjusted == AFTERWARDS == "supported, with configurations added after the first result"
    # It stands among the contradictions, its first result above it, everywhere.
    verdicts_in_order = [c.verdict for c in found.claims]
    assert claim.contradicted_before and verdicts_in_order.index(AFTERWARDS) < verdicts_in_order.index(SUPPORTED)
    first, last = claim.hypothesis.told
    assert (first.statement.id, first.verdict, last.verdict) == ("H9, as first run", REVERSED, AFTERWARDS)
    assert first.measured.effect.value == pytest.approx(0.5 * (0.1 - 0.3), abs=2e-3)
    plain = json.loads(json.dumps(found.plain()))
    statement = next(h for h in plain["hypotheses"] if h["id"] == "H9")["statements"][0]
    assert (statement["verdict"], statement["first_result"]["verdict"]) == (AFTERWARDS, REVERSED)
    assert next(c for c in plain["claims"] if c["id"] == 10)["verdict"] == AFTERWARDS == found.key_facts()["claims"]["10"]
    assert f"H9, as first run: {REVERSED}" in markdown(found) and f"**{AFTERWARDS}" in markdown(found)
    # Other statements of the same table have no first result, and one that fails now is not called supported.
    assert all(f.first is None for v in found.verdicts if v.hypothesis.id != "H9" for f in v.findings)
    worse = context(*_hybrids(WORLDS, 0.2, 0.1), *_six("dpo", 3360, 0.3, WORLDS))
    assert assess_statement(worse, BY_ID["H9"].statements[0]).verdict == REVERSED


def test_the_shipped_table_with_added_configurations_is_known():
    manifest = json.loads(shipped_path("calibration", "lab", "maps", "manifest.json").read_text(encoding="utf-8"))
    assert manifest["config_hash"] in amended.AMENDED, "a new table of H9: say in econ/claims/amended.py whether its configurations came after a result"


def test_h9_is_told_at_other_reference_points_of_helpfulness():
    worlds = tuple(range(3000, 3016))
    # Helpfulness is 0.6 of a base of 0.6 or less, so areas are (1 - cut) times safety; the order of safety stays.
    plain = context(*_hybrids(worlds, 0.5, 0.2), *_six("dpo", 3360, 0.3, worlds))
    for row in repeated(plain, plain):
        assert set(row.by_reference) == {0.3, 0.4, 0.6, 0.7} and not row.reversed_at
        for at, other in row.by_reference.items():
            assert other.effect.value / row.measured.effect.value == pytest.approx((1.0 - at) / 0.5, rel=0.02)
    # Safer hybrids that help less than the registered cut: no area there, the greater one at a lower cut.
    unhelpful = [table.assign(helpfulness=0.27) for table in _hybrids(worlds, 0.9, 0.9)]
    turned = context(*unhelpful, *_six("dpo", 3360, 0.1, worlds))
    rows = repeated(turned, turned)
    assert [row.verdict for row in rows] == [REVERSED] * len(rows) and all(set(row.reversed_at) == {0.3} for row in rows)
    beside = Assessment(turned, (), turned).readings["H9"]
    assert "holds at the registered reference point of helpfulness, 0.5, and reverses at 0.3 (+" in beside[0] and "not resolved" not in beside[0]
    assert "and at 0.3, 0.4, 0.6, 0.7" in Assessment(plain, (), plain).readings["H9"][0]


def test_every_shipped_table_is_either_counted_or_apart():
    folders = {path.parent.name for path in shipped_path("calibration", "lab").glob("*/measurements.parquet")}
    assert sorted(folders) == sorted((*reading.COUNTED, *reading.APART)), "name a new table in econ/claims/reading.py: COUNTED or APART"
    assert [path.parent.name for path in shipped_measurements()] == list(reading.COUNTED)
    assert reading.REPLICATION in reading.APART


def test_a_table_that_is_named_nowhere_enters_no_verdict(tmp_path, monkeypatch):
    for name in ("full", "replication", "somebody_s"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "measurements.parquet").touch()
    monkeypatch.setattr(reading, "shipped_path", lambda *_: tmp_path)
    assert [path.parent.name for path in shipped_measurements()] == ["full"]
