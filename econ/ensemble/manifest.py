"""`manifest.json`: what was run, with what, and whether it is complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from econ.core.errors import InputError
from econ.core.files import file_hash
from econ.core.manifests import MANIFEST, MEND, results_within
from econ.core.manifests import read_manifest as read_sealed
from econ.core.manifests import write_manifest as write_sealed
from econ.core.provenance import now, provenance
from econ.core.unfinished import unfinished_beside

if TYPE_CHECKING:
    from econ.ensemble.design import Design

FILE_NAME = MANIFEST
#: What the surfaces rest on; "imposed" where a scenario sets the elasticity of substitution itself.
SurfaceKind = Literal["measured", "imposed", "prior"]


#: Names of figures are made of a scenario's name, so a stranger's manifest must not hold a path there.
SCENARIO_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,59}")


class SurfacesRecord(BaseModel):
    """Which response surfaces a run used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    hash: str
    kind: SurfaceKind
    """Of the baseline."""
    kind_by_scenario: dict[str, SurfaceKind]


class Manifest(BaseModel):
    """The record of a run; `files` holds the SHA-256 of each table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1]
    econ_version: str
    command: str
    scenarios: dict[str, dict[str, Any]]
    config_hash: str
    seed: int
    replicates: int
    failed_replicates: dict[str, dict[int, str]]
    quarters: int
    surfaces: SurfacesRecord
    device: str
    precision: Literal["float64", "float32"]
    block_size: int
    versions: dict[str, str | None]
    git_commit: str | None
    platform: str
    started: str
    finished: str | None
    wall_seconds: float
    status: Literal["finished", "failed", "interrupted"]
    files: dict[str, str]

    @property
    def baseline(self) -> str:
        """Name of the first scenario."""
        return next(iter(self.scenarios))


def record(
    design: Design,
    *,
    started: str,
    wall_seconds: float,
    status: Literal["finished", "failed", "interrupted"],
    failed: dict[str, dict[int, str]],
    files: dict[str, str],
) -> Manifest:
    """The manifest of a run of a design."""
    kinds = {scenario.name: surface_kind(scenario, design) for scenario in design.scenarios}
    return Manifest(
        **provenance(design.device),
        scenarios={scenario.name: scenario.resolved() for scenario in design.scenarios},
        config_hash=design.config_hash,
        seed=design.seed,
        replicates=design.replicates,
        failed_replicates=failed,
        quarters=design.quarters,
        surfaces=SurfacesRecord(
            id=design.surfaces.id,
            hash=design.surfaces.hash,
            kind=kinds[design.names[0]],
            kind_by_scenario=kinds,
        ),
        precision=design.precision,
        block_size=design.block_size,
        started=started,
        finished=None if status == "interrupted" else now(),
        wall_seconds=round(wall_seconds, 3),
        status=status,
        files=files,
    )


def surface_kind(scenario: Any, design: Design) -> SurfaceKind:
    """Whether a scenario's surfaces are measured, a prior, or have an elasticity that the scenario imposes."""
    imposed = scenario.resolved()["levers"].get("sigma") is not None
    return "imposed" if imposed else cast(SurfaceKind, design.surfaces.kind)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write a manifest: the last file of a result, so that a directory with a finished one is complete."""
    write_sealed(directory, manifest.model_dump(mode="json"))


def _made_by(path: Path) -> str:
    """The command that made a directory, in words, where its manifest tells."""
    words = str(read_sealed(path).get("command", "")).split()
    name = words[: 3 if words[1:2] == ["lab"] else 2]
    return f", but what `{' '.join(name)}` wrote" if name[:1] == ["econ"] else ""


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a complete result, after a check that its tables are unchanged.

    Raises
    ------
    InputError
        If the directory is no run, was interrupted, or a table does not fit its recorded hash.
    """
    path = directory / FILE_NAME
    if not directory.is_dir():
        begun = unfinished_beside(directory)
        raise InputError(f"there is no such run directory; {begun or '`econ run SCENARIO --out DIR` makes one'}", file=directory)
    if not path.is_file():
        raise InputError(f"this is no finished run: it has no manifest.json{results_within(directory)}", file=directory)
    try:
        manifest = Manifest.model_validate(read_sealed(path))
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"] == ("scenarios",):
            raise InputError(f"this is no run of scenarios{_made_by(path)}; `econ run SCENARIO --out DIR` makes one", file=directory) from None
        raise InputError(
            f"the manifest cannot be read: {first['msg']}", file=path, key=".".join(map(str, first["loc"]))
        ) from None
    for name in manifest.scenarios:
        if not SCENARIO_NAME.fullmatch(name):
            raise InputError("this is no name of a scenario", file=path, key="scenarios", found=name)
    if manifest.status == "interrupted":
        raise InputError("this run was interrupted; the command that began it resumes it", file=directory)
    for name, expected in manifest.files.items():
        table = directory / name
        if not table.is_file() or file_hash(table) != expected:
            raise InputError(f"this table is missing or was changed after the run; {MEND}", file=table)
    return manifest
