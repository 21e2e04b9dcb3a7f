"""Runs in a batch do not know of each other: bit for bit on CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from econ.core.random import uniform
from econ.lab.accounting import KINDS
from econ.lab.grid import Training
from econ.lab.label_sets import LabelSet, split_validation
from econ.lab.methods import METHODS
from econ.lab.model import Architecture, initial_parameters, token_log_probs
from econ.lab.training import steps_for, train
from econ.lab.training_state import Saver
from econ.lab.world import WORLD_A

ARCH = Architecture(WORLD_A)
SHORT = Training(max_steps=30, patience=50)
#: One method of each family trains for 30 steps in the test of equality, the others for a few.
FAMILIES = ("sft", "dpo", "npo_ret", "kto", "bco", "d2o_raw1", "hybrid")
TRAINED = [name for name, method in METHODS.items() if method.trainer == "offline"]


def label_sets(method: str, runs: int, n: int = 200) -> dict[str, LabelSet]:
    """Random labels, different in every run."""
    sets = {}
    for item, kind in enumerate(METHODS[method].kinds):
        sequences = KINDS[kind].sequences

        def u(draw: int, *shape: int, item: int = item) -> np.ndarray:
            count = int(np.prod(shape))
            index = np.arange(count)
            draws = [uniform(5, 1, run, item, index, draw) for run in range(runs)]
            return np.stack(draws).reshape(runs, *shape)

        prompt = (u(0, n, 4) * [8, 8, 8, 5]).astype(np.int64) + np.array([0, 8, 16, 24])
        response = (u(1, n, sequences, 6) * 32).astype(np.int64)
        response[..., 0] = (u(2, n, sequences) * 5).astype(np.int64)
        arrays = (prompt, response, (-20 * u(3, n, sequences)).astype(np.float32), u(4, n, sequences) < 0.5)
        sets[kind] = LabelSet(*(torch.as_tensor(x) for x in arrays))
    return sets


def run_batch(method: str, worlds: list[int], sets: dict[str, LabelSet], training: Training = SHORT):
    config = {
        key: torch.tensor([[value * (1 + 0.1 * w)] for w in worlds], dtype=torch.float32)
        for key, value in METHODS[method].config.items()
    }
    keep = torch.tensor(worlds)
    return train(
        ARCH, initial_parameters(ARCH, 1, worlds), {kind: x.runs(keep) for kind, x in sets.items()},
        config, METHODS[method].objective, [(1, w) for w in worlds], training, running=METHODS[method].running,
    )  # fmt: skip


@pytest.mark.parametrize("method", TRAINED)
def test_a_run_alone_equals_the_run_in_a_batch_in_any_order(method):
    sets = label_sets(method, 4, 200 if method in FAMILIES else 60)
    training = SHORT if method in FAMILIES else Training(max_steps=3, min_steps=3)
    whole = run_batch(method, [0, 1, 2, 3], sets, training)
    assert torch.isfinite(whole.flat).all() and not torch.equal(whole.flat[0], whole.flat[1])
    alone = run_batch(method, [2], sets, training)
    assert torch.equal(alone.flat[0], whole.flat[2])
    turned = run_batch(method, [3, 2, 0], sets, training)
    assert torch.equal(turned.flat[1], whole.flat[2]) and torch.equal(turned.flat[0], whole.flat[3])
    assert turned.best_step[1] == whole.best_step[2]


def test_runs_that_stop_early_leave_the_others_alone():
    sets = label_sets("dpo", 4)
    hasty = Training(max_steps=60, patience=1, check_every=5)
    whole = run_batch("dpo", [0, 1, 2, 3], sets, hasty)
    assert len(set(whole.steps.tolist())) > 1
    for world in range(4):
        alone = run_batch("dpo", [world], sets, hasty)
        assert torch.equal(alone.flat[0], whole.flat[world]) and alone.steps[0] == whole.steps[world]


def test_the_loss_of_one_run_has_no_gradient_in_another():
    flat = initial_parameters(ARCH, 1, [0, 1, 2]).requires_grad_(True)
    labels = label_sets("dpo", 3)["preference"]
    log_probs = token_log_probs(ARCH, flat, labels.prompt, labels.response[:, :, 0])
    (gradient,) = torch.autograd.grad(log_probs[1].sum(), flat)
    assert gradient[1].abs().sum() > 0
    assert gradient[0].abs().sum() == 0 and gradient[2].abs().sum() == 0


def test_a_broken_run_is_marked_and_the_others_go_on():
    sets = label_sets("dpo", 2)
    sets["preference"].reference[0] = float("nan")
    whole = run_batch("dpo", [0, 1], sets)
    assert whole.finite.tolist() == [False, True]
    assert torch.equal(whole.flat[1], run_batch("dpo", [1], sets).flat[0])
    assert torch.isfinite(whole.flat).all()


def test_validation_labels_never_train():
    sets = label_sets("dpo", 2, 200)
    train_index, held = split_validation(200, SHORT)
    assert len(held) == 20 and not set(held.tolist()) & set(train_index.tolist())
    stay = Training(max_steps=20, check_every=1000, validation_from=128, patience=50)
    before = run_batch("dpo", [0, 1], sets, stay)
    sets["preference"].response[:, held, :, 1:] = 7
    after = run_batch("dpo", [0, 1], sets, stay)
    # One check at the end takes the trained parameters in both cases or the base in both.
    trained = [b for b in (before, after) if int(b.best_step[0]) == 20]
    assert [c[2] for c in before.curves if c[1] == 20] == [c[2] for c in after.curves if c[1] == 20]
    assert len(trained) < 2 or torch.equal(before.flat, after.flat)


def test_hybrid_without_one_kind_is_the_pure_arm_bit_for_bit():
    flags, pairs = label_sets("npo_ret", 2)["flag"], label_sets("dpo", 2)["preference"]
    keys = [(1, 0), (1, 1)]

    def go(method: str, sets: dict[str, LabelSet], **config: float):
        tensors = {key: torch.full((2, 1), value) for key, value in config.items()}
        base = initial_parameters(ARCH, 1, [0, 1])
        return train(ARCH, base, sets, tensors, METHODS[method].objective, keys, SHORT).flat

    dpo = go("dpo", {"preference": pairs}, lr=1e-3, beta=0.5)
    npo = go("npo_ret", {"flag": flags}, lr=2e-3, beta=0.1, eta=0.3)
    shared = {"beta": 0.5, "beta_flag": 0.1, "eta": 0.3, "w": 1.0}
    assert torch.equal(go("hybrid", {"preference": pairs}, lr=1e-3, **shared), dpo)
    assert torch.equal(go("hybrid", {"flag": flags}, lr=2e-3, **shared), npo)


def test_steps_follow_labels():
    training = Training()
    assert [steps_for(n, training) for n in (16, 64, 230, 4096)] == [10, 12, 43, 600]
    assert [len(split_validation(n, training)[1]) for n in (64, 127, 128, 1024)] == [0, 0, 12, 102]


def test_both_kinds_take_part_until_the_smaller_has_had_its_visits():
    """With few pairs, their content matters while they last: 10 steps of 18."""
    flags, pairs = label_sets("npo_ret", 1, 100)["flag"], label_sets("dpo", 1, 16)["preference"]
    seen: list[tuple[str, ...]] = []

    def watch(batch, config):
        if torch.is_grad_enabled():
            seen.append(tuple(batch))
        return METHODS["hybrid"].objective(batch, config)

    config = {key: torch.tensor([[value]]) for key, value in METHODS["hybrid"].config.items()}
    base = initial_parameters(ARCH, 1, [0])
    train(ARCH, base, {"flag": flags, "preference": pairs}, config, watch, [(1, 0)], Training())
    assert seen == [("flag", "preference")] * 10 + [("flag",)] * 8


def test_parameter_count_is_as_specified():
    assert ARCH.parameters == 28_224
    assert initial_parameters(ARCH, 1, [0, 5])[1].equal(initial_parameters(ARCH, 1, [5])[0])


@pytest.mark.parametrize("method", ["dpo", "bco"])
def test_training_goes_on_from_a_saved_state_bit_for_bit(tmp_path, method):
    """Interrupted after one run has stopped and before the others have; what is carried goes on too."""
    sets = label_sets(method, 3)
    config = {key: torch.full((3, 1), value) for key, value in METHODS[method].config.items()}
    config["lr"][0] = 0.05
    hasty, base = Training(max_steps=60, patience=2, check_every=5), initial_parameters(ARCH, 1, [0, 1, 2])
    arguments = (ARCH, base, sets, config, METHODS[method].objective, [(1, w) for w in range(3)], hasty)
    carried = {"running": METHODS[method].running}
    whole = train(*arguments, **carried)
    first, second, _ = sorted(whole.steps.tolist())
    assert first < second

    class Interrupted(Exception):
        pass

    def stop(step, index, flat):
        if step == second:
            raise Interrupted

    path = tmp_path / "state.npz"
    with pytest.raises(Interrupted):
        train(*arguments, on_check=stop, saver=Saver(path, interval=0.0), **carried)
    again = train(*arguments, saver=Saver(path, interval=1e9), **carried)
    assert torch.equal(again.flat, whole.flat) and torch.equal(again.steps, whole.steps)
    assert np.array_equal(again.curves, whole.curves, equal_nan=True)
    path.write_bytes(path.read_bytes()[:-40])
    assert Saver(path).load() is None
