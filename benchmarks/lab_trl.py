"""The laboratory beside TRL: DPO of one tiny model on the same labels, steps and labels per second.

TRL's `DPOTrainer` trains the laboratory's own transformer, and a GPT-2 of its size; the laboratory trains
one run, and several at once. Before anything is timed, both must find the same loss for the same weights
and labels. Without the extra `test-trl` nothing is measured, and the last result stays as it is.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import tempfile
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.measure import RESULTS, Table, report, round_robin, yardstick
from econ.lab.grid import Pretraining, Training
from econ.lab.knobs import Knobs
from econ.lab.label_sets import LabelSet, score, stack_labels
from econ.lab.labels import Labels, Raters
from econ.lab.methods import METHODS
from econ.lab.model import Architecture
from econ.lab.pretraining import fill_pool, pretrain
from econ.lab.training import train
from econ.lab.world import WORLD_A, draw_world

NAME = "lab_trl"
ARCH, BUDGET, BATCH, BETA, RATE = Architecture(WORLD_A), 512, 64, 0.1, 1e-3
#: Runs that the laboratory trains together, and the greatest difference of two losses in float32.
TOGETHER, TOLERANCE = 8, 1e-4


@dataclass(frozen=True)
class Pairs:
    """Base models (R, P) of R worlds, their prompts and human pairs on their samples."""

    base: torch.Tensor
    prompts: list[np.ndarray]
    labels: list[Labels]

    def label_set(self, runs: int) -> LabelSet:
        """The labels of the first runs."""
        return stack_labels(self.prompts[:runs], self.labels[:runs], "cpu")


def make_pairs(runs: int) -> Pairs:
    """Pretraining is short, since speed does not need good models."""
    worlds = [draw_world(1, number) for number in range(runs)]
    base, prompts, labels = pretrain(ARCH, worlds, 1, Pretraining(steps=40)), [], []
    for row, world in enumerate(worlds):
        pool = fill_pool(ARCH, base[row : row + 1], world, 1, 0.85, 2, BUDGET)
        prompts.append(world.prompt_tokens(pool.combo, pool.opinion))
        labels.append(Raters(world, pool, Knobs(), 1).give("preference", BUDGET))
    return Pairs(base, prompts, labels)


# The laboratory ------------------------------------------------------------------------------------
def train_ours(pairs: Pairs, runs: int, steps: int) -> torch.Tensor:
    """Policies (R, P) after DPO of the first runs together, without validation, as TRL is asked for none."""
    config = {"lr": torch.full((runs, 1), RATE), "beta": torch.full((runs, 1), BETA)}
    spec = Training(
        batch=BATCH, min_steps=steps, max_steps=steps, validation_from=10 * BUDGET, check_every=steps
    )
    keys = [(1, run) for run in range(runs)]
    labels = {"preference": pairs.label_set(runs)}
    return train(ARCH, pairs.base[:runs], labels, config, METHODS["dpo"].objective, keys, spec).flat


def our_loss(pairs: Pairs, flat: torch.Tensor) -> float:
    """DPO loss of the first run over all labels, which the laboratory's objective divides by β."""
    with torch.no_grad():
        scored = score(ARCH, flat, {"preference": pairs.label_set(1)})
        return BETA * float(METHODS["dpo"].objective(scored, {"beta": torch.tensor([[BETA]])})[0])


# TRL -----------------------------------------------------------------------------------------------
def token_ids(pairs: Pairs) -> list[dict[str, list[int]]]:
    """The labels of the first run as TRL takes them; a refusal ends its response."""
    rows = []
    for prompt, (chosen, rejected) in zip(pairs.prompts[0], pairs.labels[0].responses, strict=False):
        completions = [
            (own[:1] if own[0] == ARCH.shape.refuse else own) + ARCH.shape.prompt_tokens
            for own in (chosen, rejected)
        ]
        rows.append(
            {
                "prompt_ids": prompt.tolist(),
                "chosen_ids": completions[0].tolist(),
                "rejected_ids": completions[1].tolist(),
            }
        )
    return rows


def make_trainer(model: Any, pairs: Pairs, steps: int, folder: str) -> Any:
    """A `DPOTrainer` as spare as its options allow: no logs, no checkpoints, reference scored beforehand."""
    from datasets import Dataset
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast, PrinterCallback
    from trl import DPOConfig, DPOTrainer

    class OnTokenIds(DPOTrainer):
        """The labels are token ids already."""

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

    words = {str(i): i for i in range(ARCH.shape.prompt_tokens + ARCH.shape.vocabulary)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel(words, unk_token="0")), pad_token="0", eos_token="0"
    )
    options = DPOConfig(
        output_dir=folder, per_device_train_batch_size=BATCH, max_steps=steps, learning_rate=RATE, beta=BETA,
        lr_scheduler_type="constant_with_warmup", warmup_steps=10, adam_beta2=0.99, max_grad_norm=1.0,
        precompute_ref_log_probs=True, gradient_checkpointing=False, bf16=False, use_cpu=True, report_to=[],
        logging_strategy="no", save_strategy="no", disable_tqdm=True, dataloader_pin_memory=False, seed=1,
    )  # fmt: skip
    dataset = Dataset.from_list(token_ids(pairs))
    trainer = OnTokenIds(model=model, args=options, train_dataset=dataset, processing_class=tokenizer)
    trainer.remove_callback(PrinterCallback)
    return trainer


def trl_loss(trainer: Any, flat: torch.Tensor) -> float:
    """Its loss over all labels for the weights (1, P) of a run of ours, the reference being what it started from."""
    from benchmarks.lab_trl_models import LabModel

    before = {name: x.clone() for name, x in trainer.model.state_dict().items()}
    trainer.model.load_state_dict(LabModel(ARCH, flat).state_dict())
    with torch.no_grad():
        batch = trainer.data_collator([trainer.train_dataset[i] for i in range(BUDGET)])
        loss = float(trainer.compute_loss(trainer.model, batch))
    trainer.model.load_state_dict(before)
    return loss


# Measuring -----------------------------------------------------------------------------------------
def measure(steps: int, rounds: int, folder: str) -> None:
    """Check, time, print and write."""
    from importlib.metadata import version

    from benchmarks.lab_trl_models import LabModel, gpt2

    pairs = make_pairs(TOGETHER)
    trainers = {
        "TRL, the laboratory's transformer": make_trainer(
            LabModel(ARCH, pairs.base[:1]), pairs, steps, folder
        ),
        "TRL, GPT-2 of its size": make_trainer(gpt2(ARCH), pairs, steps, folder),
    }
    first, *_ = trainers.values()
    moved = train_ours(pairs, 1, 20)
    losses = [(our_loss(pairs, flat), trl_loss(first, flat)) for flat in (pairs.base[:1], moved)]
    gap = max(abs(own - theirs) for own, theirs in losses)
    if gap > TOLERANCE:
        raise SystemExit(f"the losses differ: {losses}")
    work = {name: lambda trainer=trainer: trainer.train() for name, trainer in trainers.items()}
    runs = {"econ, one run": 1, f"econ, {TOGETHER} runs together": TOGETHER}
    work |= {name: lambda count=count: train_ours(pairs, count, steps) for name, count in runs.items()}
    for once in work.values():
        once()
    timing = round_robin(work, rounds)
    parameters = {
        name: sum(x.numel() for x in trainer.model.parameters()) for name, trainer in trainers.items()
    }
    rows: list[list[Any]] = []
    reference = timing["TRL, the laboratory's transformer"]
    for name, own in timing.items():
        count = runs.get(name, 1)
        done = count * steps
        rows.append([
            name, parameters.get(name, ARCH.parameters), count, done / own.least_cpu, BATCH * done / own.least_cpu,
            done / own.least_wall, count * reference.least_cpu / own.least_cpu,
            count * reference.least_wall / own.least_wall,
        ])  # fmt: skip
    columns = [
        "trainer", "parameters", "runs at once", "steps of a run per CPU s", "labels per CPU s", "steps per wall s",
        "times TRL (CPU)", "times TRL (wall)",
    ]  # fmt: skip
    report(
        NAME,
        [Table(f"DPO on {BUDGET} pairs, batches of {BATCH} pairs, {steps} steps, CPU, one thread", columns, rows)],
        [
            f"The least of {rounds} rounds in turn; labels count once for every step that uses them. Ratios are to TRL "
            "with the laboratory's transformer, per run.",
            f"Same weights, same {BUDGET} labels: the losses of both agree within {gap:.1g} before and after 20 steps "
            f"({losses[0][0]:.4f} and {losses[1][0]:.4f}).",
            "TRL is made for large models, beside which its bookkeeping is nothing. At 28 thousand parameters it shows: "
            "each step collates token ids, takes metrics (entropy, accuracies, rewards), runs a general trainer's "
            "callbacks, and the head on prompt tokens too, which the laboratory leaves out.",
            "Both score the reference beforehand and use Adam with the same constants, warm-up and clipping; no "
            "validation, logs or checkpoints. TRL shuffles its labels, the laboratory draws them with replacement.",
            "GPT-2 has tied embeddings, more biases and scaled layer norms: two per cent fewer parameters, about the same work.",
            f"TRL {version('trl')}, transformers {version('transformers')}, accelerate {version('accelerate')}.",
        ],
        losses=losses,
        seconds={name: {"cpu": list(own.cpu), "wall": list(own.wall)} for name, own in timing.items()},
    )  # fmt: skip


def main() -> None:
    """Measure where TRL is installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if importlib.util.find_spec("trl") is None:
        kept = "the last result is kept" if (RESULTS / f"{NAME}.json").is_file() else "there is no result yet"
        print(f"TRL is not installed (extra test-trl): nothing measured, {kept}")
        return
    yardstick()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        quiet = {
            "TRANSFORMERS_VERBOSITY": "error",
            "TQDM_DISABLE": "1",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        }
        os.environ.update({"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": folder} | quiet)
        warnings.simplefilter("ignore", FutureWarning)
        measure(given.steps, given.rounds, folder)


if __name__ == "__main__":
    main()
