"""Settings of on-policy training and of the scorers it learns from; parts of a grid file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class OnPolicy(BaseModel):
    """How policies are trained on their own samples.

    With a learned scorer the steps are fixed and the best one is chosen on held-out prompts; with a
    programmatic verifier a budget of n verifications makes n / (prompts * samples) steps.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompts: int = Field(16, ge=1)
    samples: int = Field(4, ge=2)
    steps: int = Field(300, ge=1)
    warm_up: int = Field(10, ge=1)
    clip: float = Field(1.0, gt=0)
    held_out: int = Field(128, ge=1, le=1024)
    check_every: int = Field(20, ge=1)
    patience: int = Field(5, ge=1)

    @property
    def rollouts(self) -> int:
        """Responses sampled in a step."""
        return self.prompts * self.samples


class ScorerTraining(BaseModel):
    """How reward models and verifiers are trained: a fixed number of steps at any budget.

    From `min_steps` on training stops when held-out labels have not improved for `patience` checks;
    without held-out labels it ends there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: int = Field(64, ge=1)
    lr: float = Field(4e-3, gt=0)
    min_steps: int = Field(700, ge=1)
    max_steps: int = Field(1500, ge=1)
    warm_up: int = Field(10, ge=1)
    clip: float = Field(1.0, gt=0)
    check_every: int = Field(25, ge=1)
    patience: int = Field(8, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> ScorerTraining:
        if self.min_steps > self.max_steps:
            raise ValueError(f"min_steps is at most max_steps, {self.max_steps}; found {self.min_steps}")
        return self
