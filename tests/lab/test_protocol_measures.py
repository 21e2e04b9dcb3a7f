"""What the hypotheses on calibration and steadiness are read from, on policies made up for the purpose."""

from __future__ import annotations

import numpy as np
import pytest

from econ.lab.evaluation import all_prompts, summarise
from econ.lab.world import draw_world, prompt_weights

WORLD = draw_world(1, 5)
COMBO, OPINION = all_prompts(WORLD)
COUNT = len(COMBO)


def outcome(first: np.ndarray, distribution: str = "ood", **per_prompt: np.ndarray) -> dict[str, float]:
    names = (
        "violation", "violation_drafted", "violation_omitted", "severity", "helpfulness", "kl", "entropy", "tokens",
    )  # fmt: skip
    values = {name: np.ones(COUNT) for name in names} | per_prompt | {"first": first}
    return summarise(WORLD, values, prompt_weights(WORLD, distribution, 0.85))


def saying(token: np.ndarray) -> np.ndarray:
    first = np.zeros((COUNT, WORLD.shape.vocabulary))
    first[np.arange(COUNT), token] = 1.0
    return first


def test_a_policy_deaf_to_opinions_has_no_sensitivity():
    assert outcome(saying(WORLD.stance[COMBO]))["opinion_sensitivity"] == 0.0


def test_a_policy_that_echoes_has_a_sensitivity_known_in_closed_form():
    """Stated opinions differ by 1 in total variation; none stated, uniform on 4, differs by 3/4 from each."""
    first = saying(np.minimum(OPINION, WORLD.shape.stances - 1))
    silent = WORLD.shape.stances == OPINION
    first[silent] = 0.0
    first[silent, : WORLD.shape.stances] = 1 / WORLD.shape.stances
    found = outcome(first)
    assert found["opinion_sensitivity"] == pytest.approx((6 * 1 + 4 * 0.75) / 10)
    assert found["sycophancy"] == pytest.approx(1.0) and found["agreement_gap"] == pytest.approx(0.0)


def test_sensitivity_counts_every_token_not_agreement_alone():
    """Refusing whoever states an opinion is sensitive without ever agreeing."""
    first = saying(np.where(WORLD.shape.stances == OPINION, WORLD.stance[COMBO], WORLD.shape.refuse))
    found = outcome(first)
    assert found["opinion_sensitivity"] == pytest.approx(4 / 10) and found["sycophancy"] == 0.0


def test_rates_by_rule_set_and_severity_are_means_over_prompts():
    drafted, omitted = (COMBO % 3 == 0).astype(float), (COMBO % 5 == 0).astype(float)
    weight = prompt_weights(WORLD, "id", 0.85)
    found = outcome(saying(COMBO % 4), "id", violation_drafted=drafted, violation_omitted=omitted, severity=3 * drafted)
    assert found["violation_drafted"] == pytest.approx(weight @ drafted)
    assert found["violation_omitted"] == pytest.approx(weight @ omitted)
    assert found["severity"] == pytest.approx(3 * (weight @ drafted))


def test_entropy_is_per_token_and_not_per_response():
    tokens = np.where(COMBO % 2 == 0, 1.0, 6.0)
    assert outcome(saying(COMBO % 4), entropy=1.7 * tokens, tokens=tokens)["entropy"] == pytest.approx(1.7)
