"""The order of a report: what is asked, what comes out, on what it rests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import econ
from econ.claims.text import PROJECTIONS, READING, SCORES
from econ.core.provenance import git_commit, now
from econ.report.document import findings, prose, tables
from econ.report.document.figures import all_figures
from econ.report.document.material import Material, change_text
from econ.report.document.model import (
    Block,
    Bullets,
    Card,
    Cards,
    Document,
    DocumentFigure,
    Paragraph,
    Section,
    Table,
)
from econ.report.document.numerals import year_end
from econ.report.document.rank_table import rank_table

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Changes of a scenario that its card lists.
MOST_CHANGES = 8
BESIDE = (
    "A verdict is less than a finding: what must stand beside each (helpfulness lost, refusals, collapsed runs, other units of cost, matched "
    "information) is under Every claim. * not measured exactly as registered."
)


def assemble(material: Material) -> Document:
    """The whole report of some material."""
    drivers = tables.drivers_rows(material)
    if drivers is None:
        material.missing["T6 what goes with what is drawn"] = "the runs have too few replicates, or do not record what each drew"
    material.missing["T6 by total-order indices"] = "not computed by this version: they need a designed sweep of many points, and a report is made of runs; T6 gives first-order indices of what the runs draw"
    figures = all_figures(material)
    sections = [
        Section("findings", "Findings", _findings(material)),
        Section("question", "Question and scenarios", _question(material)),
        Section("baseline", "The baseline", [tables.projection_table(material), *_pick(figures, "F1", "F2", "F3", "F3b", "F9")]),
        Section("policies", "What the scenarios change", _policies(material, figures)),
        Section("governance", "Certification, capture and norms", _pick(figures, "F6", "F6b", "F5b", "F5", "F7", "F7b")),
        Section("hypothesis", "The links of the hypothesis", _hypothesis(material, figures)),
        Section("cost", "What less harm costs", _pick(figures, "F4", "F4b")),
        Section("sensitivity", "What the results hang on", [drivers] if drivers is not None else []),
        Section("claims", "Every claim", _claims(material)),
        Section("facts", "Against the facts", [tables.moments_table(material), *_pick(figures, "F12", "F8a", "F8b", "F8c", "F8")]),
        Section("methods", "How the numbers come about", _methods(material)),
        Section("limits", "What this cannot show", [Bullets(prose.limits(material)), Paragraph(prose.USE, "Use.")]),
        Section("missing", "What is not in this report", _missing(material)),
        Section("provenance", "Provenance", _provenance(material)),
        Section("parameters", "Parameters", [tables.parameters_table(material)]),
    ]
    return Document(prose.KICKER, _title(material), prose.CONDITIONAL, [s for s in sections if s.blocks], _facts(material))


def _title(material: Material) -> str:
    count = len(material.scenarios)
    if count == 1:
        return f"The market for AI feedback: {material.scenarios[material.baseline].get('title') or material.baseline}"
    return f"The market for AI feedback under {count} scenarios"


def _facts(material: Material) -> list[tuple[str, str]]:
    manifest = material.manifest
    surfaces = {"measured": "measured", "prior": "measured; elasticity from a prior", "imposed": "elasticity imposed"}[manifest.surfaces.kind]
    return [
        ("Scenarios", str(len(material.scenarios))), ("Replicates of each", str(manifest.replicates)),
        ("Horizon", f"{year_end(manifest.quarters - 1)} ({manifest.quarters} quarters)"), ("Seed", str(manifest.seed)),
        ("Laboratory", f"{manifest.surfaces.id} ({surfaces})"), ("Money", "real USD of 2025"),
    ]  # fmt: skip


def _findings(material: Material) -> list[Block]:
    blocks: list[Block] = [Paragraph(prose.SCORED)]
    if material.claims is not None:
        blocks += [Paragraph(findings.summary_sentence(material.claims), "In the laboratory."), findings.verdict_cards(material.claims), Paragraph(BESIDE)]
    pair = findings.transfer_pair(material)
    if pair is not None:
        table = findings.transfer_table(material, pair)
        said = f"What the laboratory's advantage does if it carries over in full, against not at all ({pair[1]} minus {pair[0]}, {material.window})."
        blocks += [Paragraph(said, "In the market."), findings.transfer_cards(table)]
    if material.policies:
        blocks.append(findings.glance_table(material))
    return blocks


def _question(material: Material) -> list[Block]:
    return [Paragraph(prose.ABOUT), Cards([_scenario_card(material, name) for name in material.scenarios])]


def _scenario_card(material: Material, name: str) -> Card:
    scenario = material.scenarios[name]
    changed = [change_text(key, *pair) for key, pair in material.changes(name).items()]
    if len(changed) > MOST_CHANGES:
        changed = [*changed[:MOST_CHANGES], f"and {len(changed) - MOST_CHANGES} more"]
    facts = [
        (label, str(scenario.get(key) or ""))
        for label, key in (("Question.", "question"), ("Design.", "description"), ("Expected mechanism (a guess, not a result).", "expected_mechanism"))
    ]
    title = str(scenario.get("title") or "")
    tag = "baseline" if name == material.baseline else ""
    return Card(f"{name}: {title}" if title else name, [(label, text) for label, text in facts if text], changed, tag=tag)


def _policies(material: Material, figures: Mapping[str, DocumentFigure]) -> list[Block]:
    if not material.policies:
        return []
    expected = findings.expectations(material)
    ranks = rank_table(material)
    return [tables.effects_table(material), *([ranks] if ranks else []), *_pick(figures, "F11"), *([expected] if expected else []), *_pick(figures, "F10")]


def _hypothesis(material: Material, figures: Mapping[str, DocumentFigure]) -> list[Block]:
    links = findings.links_table(material)
    parts = tables.decomposition_tables(material)
    pair = findings.transfer_pair(material)
    transfer = [findings.transfer_table(material, pair)] if pair is not None else []
    return [*transfer, *([links] if links else []), *parts, *[f for key, f in figures.items() if key.startswith("F13")]]


def _claims(material: Material) -> list[Block]:
    if material.claims is None:
        return []
    beside = [f"{name}: {line}" for name, said in material.claims.readings.items() for line in said]
    blocks: list[Block] = [Paragraph(SCORES), findings.claims_table(material.claims), Paragraph(prose.NAMES), Paragraph(READING), Paragraph(PROJECTIONS)]
    if beside:
        blocks += [Paragraph("What must stand beside the verdicts:"), Bullets(beside)]
    return blocks


def _methods(material: Material) -> list[Block]:
    return [*(Paragraph(text, lead) for lead, text in prose.methods(material)), Paragraph("These runs:"), Bullets(prose.basis(material))]


def _missing(material: Material) -> list[Block]:
    return [Bullets([f"{what}: {why}." for what, why in sorted(material.missing.items())])]


def _provenance(material: Material) -> list[Block]:
    rows = [["Report", f"econ {econ.__version__}, commit {git_commit() or 'unknown'}, {now()}"]]
    for result in (*material.results, *material.apart):
        m = result.manifest
        name = result.directory.name if result.directory is not None else "in memory"
        rows += [
            [f"Run {name}", m.command], ["Configuration", m.config_hash], ["Seed, replicates, quarters", f"{m.seed}, {m.replicates}, {m.quarters}"],
            ["Surfaces", f"{m.surfaces.id}, {m.surfaces.kind}, {m.surfaces.hash}"], ["Device, precision", f"{m.device}, {m.precision}, {m.platform}"],
            ["Commit", m.git_commit or "unknown"], ["Finished", m.finished or ""],
            ["Versions", ", ".join(f"{key} {value}" for key, value in m.versions.items() if value)],
        ]  # fmt: skip
        failed = sum(map(len, m.failed_replicates.values()))
        if failed:
            rows.append(["Failed replicates", f"{failed}, left out; reasons in the run's manifest"])
    if material.claims is not None:
        rows += [[f"Measurements {s.name}", f"{s.rows} rows, SHA-256 {s.sha256}"] for s in material.claims.sources]
    table = Table("provenance-table", "What was run, with what", ["What", ""], rows, words=frozenset({0, 1}), small=True)
    return [table, Paragraph("econ reproduce DIR runs again what a manifest says and compares every value.", "To repeat it.")]


def _pick(figures: Mapping[str, DocumentFigure], *numbers: str) -> Sequence[DocumentFigure]:
    return [figures[number] for number in numbers if number in figures]
