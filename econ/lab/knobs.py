"""What may be varied about a world, its raters and its rules: the knobs of a grid."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from econ.core.verifiability import label_error

#: Content boost of forbidden ids and size of the two sets of an order rule, by `base_rate`.
BASE_RATES: dict[str, tuple[float, int]] = {"high": (0.5, 4), "mid": (-1.0, 3), "low": (-1.5, 2), "rare": (-3.0, 1)}


class Knobs(BaseModel):
    """One setting of the world and of those who label in it. Defaults are the reference.

    There is none that no code honours, so a grid that names another is refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bias: float = Field(2.0, description="utility of raters for agreement with the stated opinion")
    flag_bias: float = Field(0.0, ge=0, le=1, description="added miss probability of a flag on agreement")
    match_bias: bool = Field(
        False, description="flag_bias at which agreement weighs in a flag what it weighs in a pair (log-odds)"
    )
    confounding: float = Field(0.85, ge=0, le=1, description="P(opinion true | stated), in distribution")
    comp: float = Field(0.5, ge=0, le=1, description="share of stance correctness that a rater can verify")
    harm_weight: float = Field(2.0, ge=0, description="weight of a perceived violation in rater utility")
    v: float = Field(0.93, ge=0, le=1, description="verifiability of the category")
    flag_noise: tuple[float, float] | None = Field(None, description="(miss, false alarm); overrides v")
    critic_noise: float = Field(0.02, ge=0, le=0.5, description="P(an AI judgement of one response is wrong)")
    coverage: int = Field(8, ge=0, le=8, description="rules drafted, of 8")
    pair_flip: float = Field(0.05, ge=0, le=0.5, description="share of preference labels flipped")
    pair_temperature: float = Field(1.0, gt=0, description="temperature of the raters' choice")
    pair_agreement: float | None = Field(
        None, gt=0.5, lt=1, description="chance that two raters prefer the same; the temperature is solved for (0.63, 0.73, 0.80 are reported of people)"
    )
    base_rate: Literal["high", "mid", "low", "rare"] = Field("high", description="demonstrator's violations")
    refusal: Literal["on", "off"] = Field("on", description="whether the world has a REFUSE token")
    sampling: Literal["passive", "targeted"] = Field(
        "passive", description="prompts judged: as they come, or searched for contexts with a rule of their own"
    )
    raters: int = Field(1, ge=1, le=64, description="raters with own bias (sd 1); 1 means the bias is shared")
    verifier_error: float = Field(0.0, ge=0, le=0.5, description="share of a programmatic verifier's verdicts turned")
    verifier_errors: Literal["systematic", "iid"] = Field(
        "systematic", description="whether a verifier errs on a rule and response always alike, or anew each time"
    )

    base_accuracy: float = Field(0.60, ge=0, le=1, description="World B: P(right strategy known) in easy cells")

    @property
    def noise(self) -> tuple[float, float]:
        """(miss, false alarm) of one judgement "does it violate?"."""
        if self.flag_noise is not None:
            return self.flag_noise
        error = label_error(self.v)
        return error, error

    def of_world(self, task: str) -> dict[str, object]:
        """The knobs on which a world (A or B), its base model and its pool of prompts depend."""
        if task == "B":
            return {"base_accuracy": self.base_accuracy}
        own: dict[str, object] = {
            "confounding": self.confounding, "base_rate": self.base_rate, "refusal": self.refusal
        }  # fmt: skip
        # Left out at its default, as in all hashes, so that pools made before there was a choice stay valid.
        return own if self.sampling == "passive" else own | {"sampling": self.sampling}

#: The knobs that mean something in each world.
KNOBS_OF = {
    "A": tuple(name for name in Knobs.model_fields if name != "base_accuracy"),
    "B": ("base_accuracy", "v", "flag_noise", "pair_flip"),
}
