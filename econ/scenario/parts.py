"""The parts of a scenario that are tables of their own: its population and its events."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from econ.scenario.faults import Fault
from econ.scenario.parameters import defaults


def default_size(row: str) -> Any:
    """Default factory of a whole number that stands in the parameter table."""
    return lambda: int(defaults()[row].value)


class Table(BaseModel):
    """Base of all parts of a scenario: frozen, no unknown keys, no silent conversion, finite numbers."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        validate_default=True,
    )


class Population(Table):
    """How many agents are simulated."""

    labelers: int = Field(
        default_factory=default_size("labelers_simulated"),
        ge=10,
        le=10_000_000,
        description="Simulated labelers [agents]; resolution only.",
    )
    curator_slots: int = Field(
        default_factory=default_size("curator_slots"),
        ge=1,
        le=1_000,
        description="Places for curators [slots]; more than free entry fills.",
    )
    curators: int = Field(
        default_factory=default_size("curators_start"),
        ge=1,
        le=1_000,
        description="Curators at the status quo [agents]; at most curator_slots.",
    )
    firms: int = Field(
        default_factory=default_size("firms_simulated"),
        ge=1,
        le=1_000,
        description="Firms that deploy models [agents].",
    )

    @model_validator(mode="after")
    def _curators_fit(self) -> Self:
        if self.curators > self.curator_slots:
            raise Fault(
                "more curators than slots",
                ("curators",),
                found=self.curators,
                allowed=f"at most {self.curator_slots}",
            )
        return self


class CustomerLoss(Table):
    """The largest customers of a curator withdraw for good."""

    quarter: int = Field(ge=0, description="When [quarter].")
    curator_rank: int = Field(
        default=1, ge=1, description="Rank of the curator by service revenue, 1 the largest."
    )
    share: float = Field(default=0.30, ge=0, le=1, description="Share of its service revenue that is lost.")


class VerticalTie(Table):
    """A firm buys a stake in a curator; the other firms turn away from it."""

    quarter: int = Field(ge=0, description="When [quarter].")
    firm_rank: int = Field(default=1, ge=1, description="Rank of the buyer by revenue, 1 the largest.")
    curator_rank: int = Field(
        default=1, ge=1, description="Rank of the curator by service revenue, 1 the largest."
    )
    stake: float = Field(default=0.49, ge=0, le=1, description="Share of equity.")
    nu: float = Field(default=1.5, ge=0, description="Rivals' reluctance to use the curator [log-odds].")


class Event(Table):
    """One event; exactly one of its kinds is given."""

    customer_loss: CustomerLoss | None = Field(default=None, description="The largest customers of a curator withdraw for good.")
    vertical_tie: VerticalTie | None = Field(
        default=None, description="A firm buys a stake in a curator; the other firms turn away from it."
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.customer_loss is None) == (self.vertical_tie is None):
            raise Fault("an event is of exactly one kind", allowed="customer_loss or vertical_tie")
        return self

    @property
    def quarter(self) -> int:
        """When it happens."""
        happening = self.customer_loss or self.vertical_tie
        assert happening is not None
        return happening.quarter
