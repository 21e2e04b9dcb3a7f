"""The critic's two files beside response surfaces: `critic.parquet` and `critic.json`.

They are no part of the surfaces' hash: what is run on the surfaces alone stays the same with and without them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from econ.core.errors import InputError
from econ.core.files import file_hash, write_parquet
from econ.surfaces.critic import CriticCurves
from econ.surfaces.curves import FORMS
from econ.surfaces.secondary import HILL, PARAMETERS
from econ.surfaces.stored import draw_columns, draws_of, read_description, read_draws, write_description

if TYPE_CHECKING:
    from econ.surfaces.posterior import Surfaces

SCHEMA_VERSION = 1
DRAWS, DESCRIPTION = "critic.parquet", "critic.json"
#: Parameters of a form of harm, on the scale of `econ.surfaces.curves`.
CURVE_PARAMETERS = {
    "hill": ("logit_y_inf", "log_n50", "log_q"), "exponential": ("logit_y_inf", "log_n50"), "power": ("log_n0", "log_p"),
}  # fmt: skip


def write_critic(
    directory: Path, surfaces: Surfaces, curves: CriticCurves, measurements: list[dict[str, Any]]
) -> dict[str, Any]:
    """Write the curves beside the surfaces that they belong to, and return their description with its hash."""
    import pandas as pd

    forms = list(dict.fromkeys([*FORMS, HILL]))
    table = pd.concat(
        [pd.DataFrame(draw_columns(*key, drawn, forms)) for key, drawn in sorted(curves.draws.items())],
        ignore_index=True,
    )
    write_parquet(directory / DRAWS, table)
    description = {
        "schema_version": SCHEMA_VERSION,
        "surfaces": surfaces.hash,
        "draws": surfaces.count,
        "draws_sha256": file_hash(directory / DRAWS),
        "forms": {"harm": {name: list(CURVE_PARAMETERS[name]) for name in FORMS}, "secondary": {HILL: list(PARAMETERS)}},
        "scale": "unconstrained, see econ.surfaces.curves and econ.surfaces.secondary",
        "largest": curves.largest,
        "ai_calls_per_label": curves.ai_calls,
        "base_violation": dict(curves.base_violation),
        "measurements": measurements,
        "diagnostics": dict(curves.diagnostics),
    }
    return write_description(directory / DESCRIPTION, description)


def read_critic(directory: Path, surfaces: Surfaces) -> CriticCurves | None:
    """The curves beside surfaces; None where there are none.

    Raises
    ------
    InputError
        If they are damaged, edited, of another version, or belong to other surfaces.
    """
    path = directory / DESCRIPTION
    if not path.is_file():
        return None
    description = read_description(path, "labels that a critic wrote", SCHEMA_VERSION)
    if description["surfaces"] != surfaces.hash:
        raise InputError(
            "the critic's curves were fitted beside other response surfaces; fit both together with `econ lab fit --critic`",
            file=path, key="surfaces", found=description["surfaces"][:12], allowed=surfaces.hash[:12],
        )  # fmt: skip
    return CriticCurves(
        hash=description["hash"],
        draws=draws_of(read_draws(directory / DRAWS, description)),
        largest=description["largest"],
        base_violation=description["base_violation"],
        ai_calls=description["ai_calls_per_label"],
        diagnostics=description["diagnostics"],
    )
