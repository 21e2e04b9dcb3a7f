"""The directory that `econ report` writes: page, PDF, figures and a manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from econ.core.csv_files import write_csv
from econ.core.errors import InputError, nearest_name
from econ.core.files import atomic_file, content_hash, file_hash, write_json, write_text
from econ.core.manifests import write_manifest
from econ.core.provenance import now, provenance
from econ.core.results import LOCK, refuse_existing, result_directory
from econ.report.document import pdf as pdfs
from econ.report.document.assemble import assemble
from econ.report.document.drawing import FORMATS, figure_bytes, on_a_page, width_mm
from econ.report.document.findings import stance
from econ.report.document.html import draw, html
from econ.report.document.material import Material, gather

if TYPE_CHECKING:
    from econ.report.document.model import Document, DocumentFigure

#: What a report is written as, and what its figures alone are.
REPORT_FORMATS = ("html", "pdf")
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Attributes
    ----------
    material : Material
    document : Document
    formats : tuple of str
    files : dict of str to str
        SHA-256 of each file, by its name in the directory.
    """

    material: Material
    document: Document
    formats: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)

    def key_facts(self, out: str) -> dict[str, Any]:
        """What ``--json`` prints."""
        material = self.material
        verdicts = {str(c.claim.id): c.verdict for c in material.claims.claims} if material.claims is not None else {}
        stances = [stance(c.verdict) for c in material.claims.claims if c.hypothesis is not None] if material.claims is not None else []
        return {
            "out": out, "formats": list(self.formats), "baseline": material.baseline, "scenarios": list(material.scenarios),
            "replicates": material.manifest.replicates, "config_hashes": [r.manifest.config_hash for r in material.results],
            "figures": [figure.id for figure in self.document.figures], "tables": [table.id for table in self.document.tables],
            "missing": material.missing, "claims": verdicts,
            "laboratory_claims": {kind: stances.count(kind) for kind in ("against", "for", "open")},
            "files": sorted(self.files),
        }  # fmt: skip


def parse_formats(text: str | None, *, figures_only: bool) -> tuple[str, ...]:
    """The formats asked for; unless any are, HTML and, where its extra is installed, PDF (figures alone: PDF).

    Raises
    ------
    InputError
        If one is unknown, or its extra is not installed.
    """
    allowed = FORMATS if figures_only else REPORT_FORMATS
    if text is None:
        return ("pdf",) if figures_only else tuple(f for f in REPORT_FORMATS if f != "pdf" or pdfs.available())
    chosen = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if not chosen:
        raise InputError("no format is given", key="--format", found=text, allowed=", ".join(allowed))
    for form in chosen:
        if form not in allowed:
            raise InputError("unknown format", key="--format", found=form, allowed=", ".join(allowed), nearest=nearest_name(form, allowed))
    if "pdf" in chosen and not figures_only:
        pdfs.require()
    return chosen


def write_report(
    directories: Sequence[Path],
    out: Path,
    *,
    formats: str | None = None,
    figures_only: bool = False,
    baseline: str | None = None,
    force: bool = False,
    csv: bool = False,
    progress: Progress = lambda step: None,
) -> Report:
    """Write the report of finished runs into a directory, which appears when it is complete.

    Parameters
    ----------
    directories : sequence of Path
        Finished runs that can be paired.
    out : Path
    formats : str, optional
        ``html``, ``pdf`` or both; of figures alone also ``svg`` and ``png``.
    figures_only : bool
        Write the figures alone, at the widths of one and two columns of a journal.
    baseline : str, optional
        Scenario that the others are held against; the first unless given.
    force : bool
        Replace a finished report.
    csv : bool
        Write the tables as CSV too.
    progress : callable
        Called with what is being done.

    Raises
    ------
    InputError
        If a run cannot be used, runs cannot be paired, a format is not to be had, or `out` exists and `force` is off.
    """
    chosen = parse_formats(formats, figures_only=figures_only)
    refuse_existing(out, force=force)
    started = now()
    progress("reading runs and claims")
    material = gather(directories, baseline=baseline)
    with result_directory(out, force=force, resume=False) as partial:
        progress("computing tables")
        document = assemble(material)
        progress("drawing")
        if figures_only:
            _write_figures(document, partial, chosen)
        else:
            _write_pages(document, partial, chosen)
        if csv:
            _write_tables(document, partial)
        files = {str(path.relative_to(partial)): file_hash(path) for path in sorted(partial.rglob("*")) if _counts(path)}
        write_manifest(partial, _manifest(material, files, started))
    return Report(material, document, chosen, files)


def _counts(path: Path) -> bool:
    return path.is_file() and path.name != LOCK


def _write_pages(document: Document, directory: Path, formats: Sequence[str]) -> None:
    pictures = draw(document)
    if "html" in formats:
        write_text(directory / "report.html", html(document, pictures))
    if "pdf" in formats:
        _write_bytes(directory / "report.pdf", pdfs.pdf(document, pictures))


def _write_figures(document: Document, directory: Path, formats: Sequence[str]) -> None:
    folder = directory / "figures"
    folder.mkdir()
    for figure in document.figures:
        for narrow in (False,) if figure.wide_only else (True, False):
            for form in formats:
                page = on_a_page(figure.draw(narrow), elastic=figure.elastic)
                if page is not None:
                    drawn = figure_bytes(page, form, title=figure.title, alt=figure.alt)
                    _write_bytes(folder / f"{_stem(figure)}_{width_mm(narrow):.0f}mm.{form}", drawn)
        write_csv(folder / f"{_stem(figure)}.csv", figure.data)
    captions = {_stem(f): {"title": f.title, "note": f.note, "alt": f.alt} for f in document.figures}
    write_json(folder / "captions.json", captions)


def _stem(figure: DocumentFigure) -> str:
    return f"{figure.id}_{figure.name}"


def _write_tables(document: Document, directory: Path) -> None:
    folder = directory / "tables"
    folder.mkdir()
    for table in document.tables:
        write_csv(folder / f"{table.id}.csv", pd.DataFrame([list(row) for row in table.rows], columns=list(table.columns)))



def _write_bytes(path: Path, content: bytes) -> None:
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def _manifest(material: Material, files: dict[str, str], started: str) -> dict[str, Any]:
    runs = [{"name": r.directory.name if r.directory else "", "config_hash": r.manifest.config_hash} for r in material.results]
    sources = [{"name": s.name, "sha256": s.sha256} for s in material.claims.sources] if material.claims is not None else []
    return {
        **provenance(material.manifest.device), "config_hash": content_hash([runs, sources, material.baseline]), "seed": material.manifest.seed,
        "runs": runs, "measurements": sources, "baseline": material.baseline, "scenarios": list(material.scenarios),
        "missing": material.missing, "files": files, "started": started, "finished": now(), "status": "finished",
    }  # fmt: skip
