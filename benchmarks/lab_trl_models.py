"""The laboratory's transformer, and a GPT-2 of its size, as causal language models of `transformers`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from transformers import GenerationMixin, GPT2Config, GPT2LMHeadModel, PretrainedConfig, PreTrainedModel

from econ.lab.model import Architecture, features, unpack

#: Logit of ids of prompts, which no response holds.
NEVER = -1e9


class LabConfig(PretrainedConfig):
    """Sizes that `transformers` asks for."""

    model_type = "econ-lab"


class Backbone(PreTrainedModel):
    """All but the head, each weight a parameter of its own."""

    config_class = LabConfig

    def __init__(self, config: LabConfig, arch: Architecture, weights: dict[str, torch.Tensor]) -> None:
        super().__init__(config)
        self.arch = arch
        self.weights = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(x.clone()) for name, x in weights.items()}
        )

    def forward(self, input_ids: torch.Tensor, **_: Any) -> SimpleNamespace:
        """Features (N, T, d) at every position."""
        seen = features(self.arch, dict(self.weights.items()), input_ids[None], 0)
        return SimpleNamespace(last_hidden_state=seen.view(*input_ids.shape, -1))


class Head(torch.nn.Module):
    """The head on the ids of responses, which follow those of prompts."""

    def __init__(self, arch: Architecture, weight: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.own, self.own_bias = torch.nn.Parameter(weight.clone()), torch.nn.Parameter(bias.clone())
        self.register_buffer("no_weight", torch.zeros(arch.shape.prompt_tokens, arch.width))
        self.register_buffer("no_bias", torch.full((arch.shape.prompt_tokens,), NEVER))

    @property
    def weight(self) -> torch.Tensor:
        """Weights (V, d) over all ids."""
        return torch.cat([self.no_weight, self.own.T])

    @property
    def bias(self) -> torch.Tensor:
        """Biases (V,) over all ids."""
        return torch.cat([self.no_bias, self.own_bias])


class LabModel(PreTrainedModel, GenerationMixin):
    """The laboratory's transformer with the weights (1, P) of one run."""

    config_class = LabConfig
    base_model_prefix = "model"
    _tied_weights_keys: ClassVar[dict[str, str]] = {}

    def __init__(self, arch: Architecture, flat: torch.Tensor) -> None:
        vocabulary = arch.shape.prompt_tokens + arch.shape.vocabulary
        config = LabConfig(vocab_size=vocabulary, hidden_size=arch.width, tie_word_embeddings=False)
        super().__init__(config)
        weights = unpack(arch, flat)
        self.lm_head = Head(arch, weights.pop("head")[0], weights.pop("head_bias")[0])
        self.model = Backbone(config, arch, weights)

    def get_output_embeddings(self) -> Head:
        """The head."""
        return self.lm_head

    def forward(self, input_ids: torch.Tensor, **options: Any) -> Any:
        """Never called: TRL calls the backbone and the head."""
        raise NotImplementedError


def gpt2(arch: Architecture) -> GPT2LMHeadModel:
    """A GPT-2 of the same width, depth and heads, from a random start."""
    vocabulary = arch.shape.prompt_tokens + arch.shape.vocabulary
    config = GPT2Config(
        vocab_size=vocabulary, n_positions=arch.length, n_embd=arch.width, n_layer=arch.layers, n_head=arch.heads,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config)
