"""The surfaces' directory: `draws.parquet`, `surfaces.json`, `manifest.json`, and the critic's two files where it was measured."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import InputError
from econ.core.files import file_hash, write_parquet
from econ.core.shipped import shipped_path
from econ.surfaces.critic_files import read_critic
from econ.surfaces.forms import FORMS
from econ.surfaces.posterior import KINDS, OUTCOMES, STATUS_QUO, V_LEVELS, Draws, Surfaces
from econ.surfaces.secondary import HILL, PARAMETERS
from econ.surfaces.stored import draw_columns, draws_of, read_description, read_draws, write_description

if TYPE_CHECKING:
    import pandas as pd

#: 2: what labels do follows their signal, no straight line in v.
SCHEMA_VERSION = 2
DRAWS, DESCRIPTION = "draws.parquet", "surfaces.json"
SLOPES = tuple(f"slope_{kind}_v{v:.2f}" for kind in ("a", "b") for v in V_LEVELS)
UNITS = {
    "a": "adjudicated flags",
    "b": "human preference pairs",
    "v": "verifiability, 0 to 1",
    "harm": "violation rate / violation rate of the base model",
    "helpfulness": "0 to 1",
    "sycophancy": "P(agree | the stated opinion is wrong)",
    "over_refusal": "share of benign prompts refused",
    "slope_a": "-dH/da per flag at the status-quo position",
    "slope_b": "-dH/db per pair at the status-quo position",
    "sigma": "local elasticity of substitution of flags and pairs at the status-quo position, v = 0.5",
}
#: Verifiability at which the column `sigma` is given: the middle of the tabulated levels.
SIGMA_V = 0.5


def tidy_draws(draws: dict[tuple[str, str], Draws], domain: dict[str, float]) -> pd.DataFrame:
    """One row per draw, outcome and distribution, as in `draws.parquet`."""
    import pandas as pd

    parts = []
    for (outcome, distribution), drawn in sorted(
        draws.items(), key=lambda kv: (OUTCOMES.index(kv[0][0]), kv[0][1])
    ):
        columns = draw_columns(outcome, distribution, drawn, [*FORMS, HILL])
        columns |= (
            _position_columns(draws, distribution, domain) if outcome == "harm" else _no_position(len(drawn.form))
        )
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _position_columns(
    draws: dict[tuple[str, str], Draws], distribution: str, domain: dict[str, float]
) -> dict[str, Any]:
    """σ and slopes at the status quo, and whether that position was measured."""
    harm = {("harm", distribution): draws[("harm", distribution)]}
    surfaces = Surfaces("", "", "measured", harm, domain, {distribution: np.nan})
    batch = surfaces.batch(np.arange(surfaces.count), distribution)
    slope_a, slope_b = batch.slopes(V_LEVELS)
    at = batch.at(V_LEVELS)
    x, y = (np.full((surfaces.count, 1), position) for position in STATUS_QUO)
    outside = at.extrapolated(x, y).any(axis=1)
    sigma = batch.at([SIGMA_V]).elasticity_of_substitution()[:, 0]
    slopes = dict(zip(SLOPES, np.hstack([slope_a, slope_b]).T, strict=True))
    return {"sigma": sigma, **slopes, "extrapolated": outside}


def _no_position(count: int) -> dict[str, Any]:
    empty = np.full(count, np.nan)
    return {"sigma": empty, **dict.fromkeys(SLOPES, empty), "extrapolated": np.zeros(count, bool)}


def write_surfaces(directory: Path, surfaces: Surfaces, measurements: list[dict[str, Any]]) -> Surfaces:
    """Write a posterior into a (working) directory and return it with its hash.

    Parameters
    ----------
    directory : Path
        Exists already; see `econ.core.results.result_directory`.
    surfaces : Surfaces
        Its `hash` is ignored.
    measurements : list of dict
        `file`, `sha256` and `rows` of each table that was fitted.
    """
    table = tidy_draws(dict(surfaces.draws), dict(surfaces.domain))
    write_parquet(directory / DRAWS, table)
    description = {
        "schema_version": SCHEMA_VERSION,
        "id": surfaces.id,
        "kind": surfaces.kind,
        "draws": surfaces.count,
        "draws_sha256": file_hash(directory / DRAWS),
        "forms": {name: list(form.parameter_names) for name, form in FORMS.items()}
        | {HILL: list(PARAMETERS)},
        "scale": "unconstrained, see econ.surfaces.forms",
        "status_quo_half_saturations": {"a": STATUS_QUO[0], "b": STATUS_QUO[1]},
        "v_levels": list(V_LEVELS),
        "domain": dict(surfaces.domain),
        "units": UNITS,
        "base_violation": dict(surfaces.base_violation),
        "measurements": measurements,
        "diagnostics": dict(surfaces.diagnostics),
    }
    return _assemble(write_description(directory / DESCRIPTION, description), table)


def load_surfaces(path: str | Path | None = None) -> Surfaces:
    """Read a posterior of response surfaces.

    Parameters
    ----------
    path : str or Path, optional
        A directory written by `econ lab fit`, or the name of a shipped posterior; the shipped
        default unless given.

    Raises
    ------
    InputError
        If there is none, or it is damaged, edited, or of another kind or version.

    Examples
    --------
    >>> surfaces = load_surfaces()  # doctest: +SKIP
    >>> h, e_x, e_y = surfaces.batch([0]).at([0.5]).evaluate(x, y)  # doctest: +SKIP
    """
    directory = _locate(path)
    description = _read(directory / DESCRIPTION)
    surfaces = _assemble(description, read_draws(directory / DRAWS, description))
    return replace(surfaces, critic=read_critic(directory, surfaces))


def _locate(path: str | Path | None) -> Path:
    if path is None:
        return shipped_path("calibration", "surfaces", "default")
    directory = Path(path)
    with contextlib.suppress(OSError, ValueError):  # a text that the file system cannot even look up names no directory
        if directory.is_dir():
            return directory
    if directory.name == str(path):
        try:
            return shipped_path("calibration", "surfaces", directory.name)
        except InputError:
            pass
    raise InputError("there is no such directory of response surfaces", file=path)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError("this is no directory of response surfaces; `econ lab fit` makes one", file=path)
    description = read_description(path, "response surfaces", SCHEMA_VERSION)
    if description["kind"] not in KINDS:
        raise InputError(
            "unknown kind", file=path, key="kind", found=description["kind"], allowed=", ".join(KINDS)
        )
    return description


def _assemble(description: dict[str, Any], table: pd.DataFrame) -> Surfaces:
    return Surfaces(
        id=description["id"],
        hash=description["hash"],
        kind=description["kind"],
        draws=draws_of(table),
        domain=description["domain"],
        base_violation=description["base_violation"],
        diagnostics=description["diagnostics"],
    )
