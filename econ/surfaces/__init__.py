"""Response surfaces: how harm and its companions fall or rise with labels, as measured by the laboratory.

`fit` turns a measurement table into posterior draws, `load_surfaces` reads them, and
`Surfaces.batch` hands one surface per replicate to the market.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from econ.surfaces.elasticity import imposed
    from econ.surfaces.files import load_surfaces
    from econ.surfaces.posterior import SurfaceAt, SurfaceBatch, Surfaces

__all__ = ["SurfaceAt", "SurfaceBatch", "Surfaces", "imposed", "load_surfaces"]

_HOME = {
    "load_surfaces": "files",
    "imposed": "elasticity",
    "SurfaceAt": "posterior",
    "SurfaceBatch": "posterior",
    "Surfaces": "posterior",
}


def __getattr__(name: str) -> Any:
    """Load the submodule of a public name when it is first asked for."""
    import importlib

    if name not in _HOME:
        raise AttributeError(f"module 'econ.surfaces' has no attribute '{name}'")
    return getattr(importlib.import_module(f"econ.surfaces.{_HOME[name]}"), name)
