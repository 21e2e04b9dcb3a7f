"""Learned scorers: what they learn, how they are judged, and that who asks for one shares it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from econ.lab.best_of_n import rank_weights
from econ.lab.grid import Training
from econ.lab.label_sets import LabelSet
from econ.lab.model import Architecture, initial_parameters
from econ.lab.policy_settings import ScorerTraining
from econ.lab.scorer_quality import auc, calibration_error, is_weak
from econ.lab.scorers import SCORER_LOSSES, score, score_heads, train_scorers
from econ.lab.world import WORLD_A

ARCH = Architecture(WORLD_A, layers=1, width=16)
SHORT = ScorerTraining(min_steps=30, max_steps=60, check_every=10, patience=2)


def label_set(worlds: list[int], count: int, sequences: int, flags: str) -> LabelSet:
    """Labels about random responses: flagged where an id below 8 is said, or by a coin."""
    parts = []
    for world in worlds:
        make = torch.Generator().manual_seed(world)
        prompt = torch.stack([torch.randint(8, (count,), generator=make) + 8 * i for i in range(3)], -1)
        prompt = torch.cat([prompt, torch.randint(24, 29, (count, 1), generator=make)], -1)
        response = torch.randint(5, 32, (count, sequences, 6), generator=make)
        response[..., 0] = torch.randint(5, (count, sequences), generator=make)
        flagged = (response[..., 1:] < 8).any(-1)
        if flags == "coins":
            flagged = torch.rand(flagged.shape, generator=make) < 0.5
        parts.append((prompt, response, torch.zeros(count, sequences), flagged))
    return LabelSet(*(torch.stack(x) for x in zip(*parts, strict=True)))


def fit(kind: str, worlds: list[int], labels: LabelSet, spec: ScorerTraining = SHORT):
    base, keys = initial_parameters(ARCH, 1, worlds), [(1, w) for w in worlds]
    return train_scorers(ARCH, base, labels, SCORER_LOSSES[kind], keys, spec, Training())


def with_rules(labels: LabelSet) -> LabelSet:
    """The same with one of three rules named: that of the first id below 8, 5 to 7."""
    low = torch.where(labels.response[..., 1:] < 8, labels.response[..., 1:], torch.full((), 99)).amin(-1)
    named = (low[..., None] == torch.arange(5, 8)) & labels.flagged[..., None]
    return LabelSet(labels.prompt, labels.response, labels.reference, named)


def rank(flat: torch.Tensor, labels: LabelSet) -> float:
    scores = score(ARCH, flat, labels.prompt, labels.response[:, :, 0]).detach().numpy()
    return auc(scores[0].astype(float), labels.flagged[0, :, 0].numpy())


@pytest.mark.parametrize("kind, sequences", [("verifier", 1), ("reward", 2)])
def test_a_scorer_alone_equals_the_scorer_in_a_batch(kind, sequences):
    labels = label_set([0, 1, 2], 200, sequences, "ids")
    whole = fit(kind, [0, 1, 2], labels)
    keep = torch.tensor([2, 0])
    turned = fit(kind, [2, 0], labels.runs(keep))
    assert torch.equal(turned.flat[0], whole.flat[2]) and torch.equal(turned.flat[1], whole.flat[0])
    assert torch.equal(turned.steps, whole.steps[keep]) and torch.equal(turned.best_step, whole.best_step[keep])


def test_a_verifier_of_rules_alone_equals_the_one_in_a_batch():
    labels = with_rules(label_set([0, 1], 200, 1, "ids"))
    whole, alone = fit("rule_verifier", [0, 1], labels), fit("rule_verifier", [1], labels.runs(torch.tensor([1])))
    assert whole.flat.shape[1] == ARCH.parameters + 4 * 17
    assert torch.equal(alone.flat[0], whole.flat[1]) and torch.equal(alone.steps[0], whole.steps[1])


def test_each_head_of_a_verifier_of_rules_finds_its_own_rule():
    spec = ScorerTraining(min_steps=300, max_steps=300, check_every=100)
    scorer = fit("rule_verifier", [0], with_rules(label_set([0], 2400, 1, "ids")), spec)
    fresh = with_rules(label_set([7], 500, 1, "ids"))
    heads = score_heads(ARCH, scorer.flat, fresh.prompt, fresh.response[:, :, 0]).detach()[0].double().numpy()
    assert rank(scorer.flat, LabelSet(fresh.prompt, fresh.response, fresh.reference, fresh.flagged.any(-1))) > 0.8
    found = np.array([[auc(heads[:, 1 + k], fresh.flagged[0, :, 0, own].numpy()) for own in range(3)] for k in range(3)])
    assert (found.argmax(1) == np.arange(3)).all() and (np.diag(found) > 0.75).all()


def test_the_first_head_alone_is_the_score():
    flat = torch.cat([initial_parameters(ARCH, 1, [0]), torch.linspace(-1, 1, 3 * 17)[None]], 1)
    labels = label_set([0], 20, 1, "ids")
    heads = score_heads(ARCH, flat, labels.prompt, labels.response[:, :, 0])
    assert heads.shape == (1, 20, 3) and torch.equal(heads[..., 0], score(ARCH, flat, labels.prompt, labels.response[:, :, 0]))
    assert not torch.equal(heads[..., 1], heads[..., 0])


def test_a_verifier_finds_what_is_flagged_and_a_reward_model_what_is_preferred():
    fresh, spec = label_set([7], 500, 1, "ids"), ScorerTraining(min_steps=150, max_steps=150)
    verifier = fit("verifier", [0], label_set([0], 1200, 1, "ids"), spec)
    assert rank(verifier.flat, fresh) > 0.8
    pairs = label_set([0], 1200, 2, "ids")
    first = (~pairs.flagged[0, :, 0] | pairs.flagged[0, :, 1]).long()
    order = torch.stack([1 - first, first], 1)[None]
    chosen = LabelSet(pairs.prompt, torch.take_along_dim(pairs.response, order[..., None], 2), pairs.reference, pairs.flagged)
    assert rank(fit("reward", [0], chosen, spec).flat, fresh) < 0.2


def test_a_verifier_of_coins_knows_nothing():
    fresh = label_set([7], 2000, 1, "ids")
    found = [rank(fit("verifier", [w], label_set([w], 600, 1, "coins")).flat, fresh) for w in (0, 1, 2)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)


def test_few_labels_get_the_fixed_number_of_steps_and_hold_none_out():
    few = fit("verifier", [0, 1], label_set([0, 1], 16, 1, "ids"))
    assert few.steps.tolist() == few.best_step.tolist() == [30, 30]
    more = fit("verifier", [0, 1], label_set([0, 1], 200, 1, "coins"))
    assert (more.best_step < more.steps).any() and (more.steps >= 30).all()


def test_held_out_labels_never_train():
    labels, same = label_set([0], 200, 1, "ids"), ScorerTraining(min_steps=30, max_steps=30, check_every=30)
    before = fit("verifier", [0], labels, same)
    labels.response[:, 9::10, :, 1:] = 7
    assert torch.equal(fit("verifier", [0], labels, same).flat, before.flat)


def test_losses_at_even_odds_and_their_signs():
    even, flags = torch.zeros(1, 1, 2), torch.tensor([[[True, False]]])
    for kind in ("reward", "verifier"):
        assert float(SCORER_LOSSES[kind](even, flags)) == pytest.approx(np.log(2))
    gap = torch.tensor([[[2.0, -1.0]]])
    assert float(SCORER_LOSSES["reward"](gap, flags)) == pytest.approx(np.log1p(np.exp(-3)))
    assert float(SCORER_LOSSES["verifier"](gap, flags)) == pytest.approx((np.log1p(np.exp(-2)) + np.log1p(np.exp(-1))) / 2)


def test_loss_of_flags_with_rules_is_the_mean_over_heads():
    loss, named = SCORER_LOSSES["rule_verifier"], torch.tensor([[[[False, True]]]])
    assert float(loss(torch.zeros(1, 1, 1, 3), named)) == pytest.approx(np.log(2))
    scores = torch.tensor([[[[2.0, -1.0, 0.5]]]])
    # Flagged, the first rule not named, the second named.
    by_hand = np.log1p(np.exp(-2)) + np.log1p(np.exp(-1)) + np.log1p(np.exp(-0.5))
    assert float(loss(scores, named)) == pytest.approx(by_hand / 3)
    none = np.log1p(np.exp(2)) + np.log1p(np.exp(-1)) + np.log1p(np.exp(0.5))
    assert float(loss(scores, torch.zeros_like(named))) == pytest.approx(none / 3)


def test_what_follows_a_refusal_is_not_scored():
    flat = torch.cat([initial_parameters(ARCH, 1, [0]), torch.arange(17.0)[None]], 1)
    prompt = torch.tensor([[[0, 8, 16, 24]] * 2])
    response = torch.tensor([[[4, 9, 9, 9, 9, 9], [4, 20, 21, 22, 23, 24]]])
    scores = score(ARCH, flat, prompt, response)
    assert torch.equal(scores[0, 0], scores[0, 1])


# Quality -------------------------------------------------------------------------------------------
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30))
@settings(max_examples=60, deadline=None)
def test_auc_is_the_chance_of_the_right_order(items):
    score_, positive = np.array([float(s) for s, _ in items]), np.array([p for _, p in items])
    pairs = [(a > b) + 0.5 * (a == b) for a in score_[positive] for b in score_[~positive]]
    found = auc(score_, positive)
    assert np.isnan(found) if not pairs else found == pytest.approx(np.mean(pairs))


def test_calibration_error_of_known_forecasts():
    happened = np.array([True, True, True, False])
    assert calibration_error(np.full(4, 0.75), happened) == pytest.approx(0.0)
    assert calibration_error(np.full(4, 0.25), happened) == pytest.approx(0.5)
    assert calibration_error(np.array([1.0, 1.0, 1.0, 0.0]), happened) == 0.0


def test_weak_scorers_are_those_below_their_limits():
    assert is_weak("rule_verifier", {"auc_truth": 0.69}) and is_weak("verifier", {"auc_truth": 0.69})
    assert not is_weak("verifier", {"auc_truth": 0.71})
    assert is_weak("reward", {"pair_accuracy_labels": 0.54}) and is_weak("reward", {"pair_accuracy_labels": None})


def test_best_of_n_weights_are_those_of_every_subset():
    from itertools import combinations

    subsets = list(combinations(range(6), 3))
    counted = np.bincount([max(s) for s in subsets], minlength=6) / len(subsets)
    assert rank_weights(6, 3) == pytest.approx(counted)
    assert rank_weights(32, 16).sum() == pytest.approx(1.0)
