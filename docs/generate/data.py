"""Pages of the data that ship with the project, read through its own loaders where it has one."""

from __future__ import annotations

import csv
from collections.abc import Iterable

from generate.markdown import code, link, records, table, text, wide

GRADES = (
    "Grades say how good a source is: **A** a paper, filing or official text, read; **B** reputable press or a preprint; "
    "**C** a vendor, an aggregator or a second-hand account; **D** own derivation or assumption; **R** recalled, not "
    "verified. A number graded C, D or R deserves doubt before it is quoted.\n\n"
)
#: What tests of the model may do with a fact.
USES = {
    "calibrate": "Used in calibration",
    "validate": "Held out: never tuned on",
    "report": "Shown only",
}


def parameters_page() -> str:
    """Every number of the market model with unit, range, grade, source and address."""
    from econ.core.shipped import shipped_path
    from econ.scenario.parameters import read_parameters

    rows = read_parameters(shipped_path("calibration", "parameters.csv")).values()
    head = (
        "# Numbers and their sources\n\n"
        "All of `calibration/parameters.csv`. A scenario sets a number of the first table by its name under `parameters:`, "
        "the command line by `--set parameters.NAME=VALUE`.\n\n"
    )
    parts = [head, GRADES]
    for role, title in (("default", "Used by the model"), ("evidence", "Evidence, for comparison")):
        chosen = [row for row in rows if row.role == role]
        parts.append(f"## {title}\n\n{len(chosen)} rows.\n\n")
        parts.append(
            records(
                ("name", "value (range), unit", "grade and source", "note"),
                (
                    [code(row.name), _number(row.value, row.low, row.high, row.unit),
                     f"**{row.grade}** {_source(row.source, row.address, row.year)}", text(row.note)]
                    for row in chosen
                ),
            )
            + "\n"
        )  # fmt: skip
    return wide("".join(parts))


def moments_page() -> str:
    """The facts that the model is compared with."""
    import pandas as pd

    from econ.ensemble.moments import COUNTERPARTS, moments_file

    facts = pd.read_csv(moments_file(), dtype={"year": str})
    parts = [
        "# Facts the model is compared with\n\n"
        "All of `calibration/moments.csv`. Every run writes each beside its simulated value into `moments.csv`. A band is what "
        "is accepted; tier 1 is a number, 2 a sign, order or shape, 3 an event. "
        f"{len(facts)} facts, {sum(name in COUNTERPARTS for name in facts['id'])} with a counterpart in the model.\n\n",
        GRADES,
    ]
    for use, title in USES.items():
        chosen = facts[facts["use"] == use].to_dict("records")
        parts.append(f"## {title}\n\n")
        parts.append(
            records(
                ("id", "fact", "target (band), unit", "in the model", "grade and source", "note"),
                (
                    [text(row["id"]), f"{code(row['name'])}<br>tier {row['tier']}, {text(row['year'])}",
                     _number(row["target"], row["low"], row["high"], row["unit"]), "yes" if row["id"] in COUNTERPARTS else "no",
                     f"**{row['grade']}** {text(row['source'])}", text(row["note"])]
                    for row in chosen
                ),
            )
            + "\n"
        )  # fmt: skip
    return wide("".join(parts))


def vendors_page() -> str:
    """Revenues of label vendors, from which concentration facts are made."""
    from econ.core.shipped import shipped_path

    with shipped_path("calibration", "vendor_revenue.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (row["vendor"], row["year"]))
    head = (
        "# Revenues of label vendors\n\n"
        "All of `calibration/vendor_revenue.csv`, in million USD. Kinds: `reported`; `run-rate`, annualised; `gross`, annualised "
        "bookings that include the workers' pay; `assumed`. For one number a year prefer them in the order reported, gross, "
        "run-rate, assumed. The last year is a part of one.\n\n"
    )
    body = (
        [text(row["vendor"]), text(row["year"]), text(row["revenue_musd"]), text(row["kind"]), text(row["grade"]), text(row["source"])]
        for row in rows
    )
    return head + GRADES + table(("vendor", "year", "million USD", "kind", "grade", "source"), body)


def outcomes_page() -> str:
    """The dictionary of outcome columns, as `econ outcomes` prints it."""
    from econ.market.outcomes import OUTCOMES

    parts = [
        "# Outcomes\n\n"
        f"The {len(OUTCOMES)} columns of `outcomes.parquet`, one row per scenario, replicate and quarter; `econ outcomes` prints "
        "the same. Money is in 2025 USD per quarter.\n\n"
    ]
    sections = dict.fromkeys(outcome.section for outcome in OUTCOMES.values())
    for section in sections:
        chosen = [outcome for outcome in OUTCOMES.values() if outcome.section == section]
        parts.append(f"## {text(section.capitalize())}\n\n" + table(("column", "unit", "meaning"), _meanings(chosen)) + "\n")
    return "".join(parts)


def claims_page() -> str:
    """The 15 claims, from their catalogue."""
    from econ.claims.catalogue import CLAIMS

    head = (
        "# The claims\n\n"
        f"The {len(CLAIMS)} claims of the position paper ([arXiv 2603.16417](https://arxiv.org/abs/2603.16417)), in our own words; "
        "confidence and score are those of an assessment of it. Nothing here says that a claim holds: `econ claims` does, or does not. "
        "What a verdict means is on [The hypothesis and its claims](../concepts/hypothesis.md).\n\n"
    )
    rows = (
        [text(c.id), text(c.text), text(c.direction), text(c.confidence), text(c.score), text(c.test),
         c.hypothesis or ", ".join(f"{code(name)} {'falls' if sign < 0 else 'rises' if sign else ''}".strip() for name, sign in c.outcomes)]
        for c in CLAIMS
    )  # fmt: skip
    return wide(head) + records(("claim", "in short", "direction", "confidence", "score", "what would be measured", "where"), rows)


def measurements_page() -> str:
    """The columns of the measurement table."""
    from econ.core.measurements import COLUMNS

    head = (
        "# Measurements\n\n"
        "The columns of `measurements.parquet`: one row for each training run and test distribution. The laboratory writes it, "
        "`econ lab import` fills it from a user's own table, and surfaces, claims and figures read nothing else. `econ lab schema` "
        "prints it as a JSON Schema.\n\n"
    )
    rows = (
        [code(c.name), code(c.dtype), text(c.unit), text(c.meaning), _legal(c.low, c.high, c.values), "yes" if c.required else ""]
        for c in COLUMNS
    )
    return wide(head) + table(("column", "type", "unit", "meaning", "legal values", "required"), rows)


def _meanings(outcomes: Iterable[object]) -> Iterable[list[str]]:
    return ([code(o.name), text(o.unit), text(o.meaning)] for o in outcomes)  # type: ignore[attr-defined]


def _range(low: float | None, high: float | None) -> str:
    ends = [text(low), text(high)]
    return " to ".join(ends) if all(ends) else (f"from {ends[0]}" if ends[0] else f"up to {ends[1]}" if ends[1] else "")


def _number(value: float, low: float | None, high: float | None, unit: str) -> str:
    band = _range(low, high)
    return f"{text(value)}{f' ({band})' if band else ''} {text(unit)}"


def _legal(low: float | None, high: float | None, values: tuple[str, ...]) -> str:
    return ", ".join(code(value) for value in values) if values else _range(low, high)


def _source(source: str, address: str, year: str) -> str:
    parts = [text(source), "; ".join(link(part.strip()) for part in address.split(";") if part.strip())]
    return ", ".join(part for part in [*parts, text(year)] if part)
