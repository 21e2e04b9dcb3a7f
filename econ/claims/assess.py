"""All claims with their evidence: the one call behind `econ claims` and `econ.claims(...)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from econ.claims.advantages import advantage_table
from econ.claims.catalogue import CLAIMS, NOT_MODELLED, Claim
from econ.claims.context import PAIR, Context
from econ.claims.evidence import Evidence, Source
from econ.claims.market import NOT_RUN, PROJECTION, MarketRun, Projection, projections_of, read_run
from econ.claims.reading import load_evidence, shipped_replication
from econ.claims.readings import readings
from econ.claims.replication import Repeated, repeated
from econ.claims.resampling import DRAWS, FAMILY, LEVEL, TAIL, Resampler
from econ.claims.secondary import regimes, secondary_effects
from econ.claims.signs import Signed, negative_methods, preference_methods, sign_summary, sign_table
from econ.claims.text import html_table
from econ.claims.verdicts import ORDER, Verdict, assess, plain_finding
from econ.core.errors import InputError, nearest_name

SCHEMA_VERSION = 1
MIN_DRAWS = 1000


@dataclass(frozen=True)
class ClaimVerdict:
    """One of the 15 claims with what the evidence says of it.

    Attributes
    ----------
    claim : Claim
    verdict : str
    hypothesis : Verdict or None
        The prediction that tests it.
    projections : tuple of Projection
        What market runs say, for claims about the market.
    """

    claim: Claim
    verdict: str
    hypothesis: Verdict | None
    projections: tuple[Projection, ...]

    @property
    def contradicted_before(self) -> bool:
        """Whether it is contradicted before adjustment for nine tests, or was as it was first run."""
        return self.hypothesis is not None and self.hypothesis.contradicted_before

    @property
    def place(self) -> tuple[int, int]:
        """By which claims are sorted: contradictions first, also those that the adjustment or a later run takes back."""
        return ORDER.index(self.verdict) if self.hypothesis is None else self.hypothesis.place, self.claim.id


class Assessment:
    """Claims, verdicts and their evidence; tables are computed when they are first asked for.

    Attributes
    ----------
    context : Context
    verdicts : list of Verdict
        H1 to H9.
    runs : list of MarketRun
    claims : list of ClaimVerdict
        All 15, contradictions first.
    held_back : Context or None
        Evidence from the shipped worlds that were held back, where all shipped tables are the evidence.
    """

    def __init__(self, context: Context, runs: Sequence[MarketRun] = (), held_back: Context | None = None) -> None:
        self.context, self.runs, self.held_back = context, list(runs), held_back
        self.verdicts = assess(context)
        by_id = {verdict.hypothesis.id: verdict for verdict in self.verdicts}
        self.claims = sorted((self._claim(claim, by_id) for claim in CLAIMS), key=lambda found: found.place)

    def _claim(self, claim: Claim, by_id: dict[str, Verdict]) -> ClaimVerdict:
        if claim.hypothesis is not None:
            verdict = by_id[claim.hypothesis]
            return ClaimVerdict(claim, verdict.verdict, verdict, ())
        found = tuple(projections_of(claim, self.runs))
        return ClaimVerdict(claim, PROJECTION if found else NOT_RUN, None, found)

    @property
    def sources(self) -> list[Source]:
        """Measurement tables used."""
        return self.context.evidence.sources

    @cached_property
    def signs(self) -> list[Signed]:
        """The registered effects for every pair of methods."""
        return sign_table(self.context)

    @cached_property
    def advantages(self) -> list[dict[str, Any]]:
        """The headline contrast on all axes."""
        return advantage_table(self.context)

    @cached_property
    def secondary(self) -> list[dict[str, Any]]:
        """Exploratory effects."""
        return [effect.plain() for effect in secondary_effects(self.context)]

    @cached_property
    def regimes(self) -> list[dict[str, Any]]:
        """Three regimes under shift, for claim 15."""
        return regimes(self.context)

    @cached_property
    def repeated(self) -> list[Repeated]:
        """H9 as it was first run and on the worlds held back: exploratory, in no verdict."""
        return repeated(self.context, self.held_back)

    @cached_property
    def readings(self) -> dict[str, list[str]]:
        """Sentences that must stand beside a verdict, by hypothesis."""
        return readings(self)

    def reductions(self, verdict: Verdict) -> list[str]:
        """What the tables behind a verdict left out of the full design."""
        used = {i for f in verdict.findings if f.measured is not None for i in f.measured.sources}
        return [f"{self.sources[i].name}: {said}" for i in sorted(used) for said in self.sources[i].reductions]

    def plain(self) -> dict[str, Any]:
        """Everything as JSON: claims, verdicts, tables, provenance."""
        return {
            "schema_version": SCHEMA_VERSION,
            "rule": {
                "interval": LEVEL, "draws": self.context.resampler.draws, "seed": self.context.resampler.seed,
                "family": FAMILY, "one_sided_level": TAIL, "pair": [self.context.negative, self.context.preference],
                "registered_pair": list(PAIR),
            },
            "sources": [_plain_source(source) for source in self.sources],
            "notes": self.context.evidence.notes,
            "claims": [plain_claim(claim) for claim in self.claims],
            "hypotheses": [self._plain_verdict(verdict) for verdict in self.verdicts],
            "signs": {"summary": sign_summary(self.signs), "pairs": [row.plain() for row in self.signs]},
            "advantages": self.advantages,
            "secondary": self.secondary,
            "regimes": self.regimes,
            "repeated": {"H9": [row.plain() for row in self.repeated]},
            "runs": [run.plain() for run in self.runs],
            "not_modelled": list(NOT_MODELLED),
        }  # fmt: skip

    def key_facts(self) -> dict[str, Any]:
        """Verdicts with their estimates, as one small JSON object."""
        return {
            "claims": {str(c.claim.id): c.verdict for c in sorted(self.claims, key=lambda c: c.claim.id)},
            "hypotheses": {
                v.hypothesis.id: {
                    "verdict": v.verdict, "unadjusted": v.unadjusted, "missing": list(v.missing),
                    "statements": {
                        f.statement.id: {"verdict": f.verdict} | (f.measured.effect.plain() if f.measured else {})
                        for f in v.told
                    },
                }
                for v in self.verdicts
            },
            "sources": [{"name": s.name, "config_hashes": list(s.config_hashes)} for s in self.sources],
        }  # fmt: skip

    def _plain_verdict(self, verdict: Verdict) -> dict[str, Any]:
        hypothesis = verdict.hypothesis
        return {
            "id": hypothesis.id, "title": hypothesis.title, "claims": list(hypothesis.claims),
            "verdict": verdict.verdict, "unadjusted": verdict.unadjusted,
            "p_support": verdict.p_support, "p_contradict": verdict.p_contradict, "p_reverse": verdict.p_reverse,
            "missing": list(verdict.missing), "overturn": hypothesis.overturn, "reductions": self.reductions(verdict),
            "beside": self.readings.get(hypothesis.id, []),
            "statements": [plain_finding(finding) for finding in verdict.findings],
        }  # fmt: skip

    def _repr_html_(self) -> str:
        """A notebook shows the table of claims."""
        return html_table(self)


def plain_claim(found: ClaimVerdict) -> dict[str, Any]:
    """A claim with its verdict as JSON."""
    claim = found.claim
    return {
        "id": claim.id, "text": claim.text, "direction": claim.direction, "confidence": claim.confidence,
        "score": claim.score, "test": claim.test, "hypothesis": claim.hypothesis, "verdict": found.verdict,
        "projections": [p.plain() for p in found.projections],
    }  # fmt: skip


def _plain_source(source: Source) -> dict[str, Any]:
    facts = {key: list(x) if isinstance(x, tuple) else x for key, x in source.__dict__.items()}
    return facts | {"versions": dict(source.versions)}


def assess_claims(
    measurements: str | Path | Sequence[str | Path] = (),
    *,
    runs: str | Path | Sequence[str | Path] = (),
    pair: tuple[str, str] | None = None,
    seed: int = 1,
    draws: int = DRAWS,
) -> Assessment:
    """Hold the 15 claims against measurements and market runs.

    Parameters
    ----------
    measurements : path or sequence of path
        Measurement tables, or directories that hold one; all shipped ones unless given.
    runs : path or sequence of path
        Stored market runs, for claims 11 to 14.
    pair : (str, str), optional
        Negative and preference method of the headline; as registered unless given. Where the data hold
        neither and there is one of each kind, it is that pair, and verdicts say so.
    seed : int
        Of the bootstrap.
    draws : int
        Of the bootstrap, at least 1,000; 10,000 are registered.

    Raises
    ------
    InputError
        If a table, a run or a method cannot be used.
    """
    if draws < MIN_DRAWS:
        raise InputError(
            "too few draws to tell an adjusted p-value of 0.025", key="draws", found=draws, allowed=f"{MIN_DRAWS} or more"
        )
    evidence = load_evidence(_listed(measurements))
    negative, preference = _headline(evidence, pair)
    found = [read_run(path) for path in _listed(runs)]
    context = Context(evidence, Resampler(seed, draws), negative, preference)
    apart = None if _listed(measurements) else shipped_replication()
    held_back = None if apart is None else replace(context, evidence=load_evidence([apart]))
    return Assessment(context, found, held_back)


def _listed(paths: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    return [paths] if isinstance(paths, str | Path) else paths


def _headline(evidence: Evidence, pair: tuple[str, str] | None) -> tuple[str, str]:
    methods = evidence.methods()
    if pair is not None:
        for name in pair:
            if name not in methods:
                raise InputError(
                    "this method was not measured on confirmatory worlds", key="pair", found=name,
                    allowed=", ".join(methods) or "none was", nearest=nearest_name(name, methods),
                )  # fmt: skip
        return pair
    if any(name in methods for name in PAIR):
        return PAIR
    alone = [found[0] for found in (negative_methods(evidence), preference_methods(evidence)) if len(found) == 1]
    return (alone[0], alone[1]) if len(alone) == 2 else PAIR
