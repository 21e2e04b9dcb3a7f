"""Pages of the Python reference: one per layer, each a list of directives that mkdocstrings fills from docstrings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """One page: its file, title, introduction and what it documents, by full name."""

    file: str
    title: str
    text: str
    names: tuple[str, ...]


def layers() -> list[Layer]:
    """All pages; public names are read off the package."""
    return [_top(), *(_subpackage(*row) for row in _SUBPACKAGES), *_MODULES]


def page(layer: Layer) -> str:
    """The page of a layer, as Markdown."""
    directives = "\n\n".join(f"::: {name}" for name in layer.names)
    return f"# {layer.title}\n\n{layer.text}\n\n{directives}\n"


def index() -> str:
    """The list of pages."""
    lines = [f"- [{layer.title}]({layer.file}): {layer.text.split('. ')[0].rstrip('.')}." for layer in layers()]
    return "# Python\n\nFrom docstrings, when this site is built.\n\n" + "\n".join(lines) + "\n"


def _top() -> Layer:
    import econ

    names = sorted((name for name in econ.__all__ if not name.startswith("_")), key=str.lower)
    text = "What `import econ` gives. Importing it loads none of torch, pandas, mesa and matplotlib; a name is imported when it is first used."
    return Layer("econ.md", "econ", text, tuple(_home(econ, name) for name in names))


#: Subpackage, introduction.
_SUBPACKAGES = (
    ("econ.scenario", "Scenario files, levers, priors and parameters."),
    ("econ.surfaces", "Response surfaces: posterior draws and what an agent sees of them."),
    ("econ.cost", "What less harm costs before any market reacts."),
    ("econ.claims", "The 15 claims, their estimands and verdicts. `econ.claims(...)` is short for `assess_claims`."),
)

_MODULES = (
    Layer(
        "lab.md",
        "econ.lab",
        "The laboratory. Worlds, labels, losses, grids; most users need the command line alone.",
        ("econ.lab.world", "econ.lab.labels", "econ.lab.losses", "econ.lab.evaluation", "econ.lab.strategy.world", "econ.lab.strategy.pass_at_k"),
    ),
    Layer(
        "market.md",
        "econ.market",
        "The market's quarter. `quarter` is its table of contents; each step has a module of its own.",
        ("econ.market.quarter", "econ.market.response", "econ.market.prices", "econ.market.orders", "econ.market.labelers", "econ.market.lobbying", "econ.market.ledger"),
    ),
    Layer(
        "ensemble.md",
        "econ.ensemble",
        "Replicates, comparisons, decompositions and sweeps.",
        ("econ.ensemble.comparison", "econ.ensemble.decomposition", "econ.ensemble.moments", "econ.ensemble.sweeps.spec"),
    ),
    Layer(
        "analysis.md",
        "econ.analysis",
        "Calibration of the market's parameters against its facts.",
        ("econ.analysis.calibration.spec", "econ.analysis.calibration.execute", "econ.analysis.calibration.fit", "econ.analysis.calibration.write"),
    ),
    Layer(
        "core.md",
        "econ.core",
        "Keyed random numbers, the measurement table, errors, files.",
        ("econ.core.random", "econ.core.streams", "econ.core.measurements", "econ.core.errors", "econ.core.files"),
    ),
)  # fmt: skip


def _subpackage(package: str, text: str) -> Layer:
    import importlib

    module = importlib.import_module(package)
    names = [_home(module, name) for name in module.__all__]
    # An object has one page; what `import econ` gives stands on that one.
    elsewhere = [name for name in names if name in _top().names]
    also = ", ".join(f"[`{name.rpartition('.')[2]}`][{name}]" for name in elsewhere)
    return Layer(
        f"{package.removeprefix('econ.')}.md",
        package,
        text + (f" On the page of `econ`: {also}." if also else ""),
        tuple(name for name in names if name not in elsewhere),
    )


def _home(module: object, name: str) -> str:
    """Full name of an object where it is defined, which is where its docstring is."""
    found = getattr(module, name)
    if not hasattr(found, "__qualname__"):
        raise TypeError(f"{name} is neither a class nor a function")
    return f"{found.__module__}.{found.__qualname__}"
