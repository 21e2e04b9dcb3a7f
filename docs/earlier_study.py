"""What an earlier numerical study found, beside what the shipped measurements say: a table of `docs/laboratory.md`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from laboratory_settings import measured

from econ.core.measurements import read_measurements
from econ.report.laboratory.fits import curve_table
from econ.report.laboratory.intervals import mean_interval
from econ.report.laboratory.pass_at_k import matched, pass_table
from econ.report.numbers import interval, short

if TYPE_CHECKING:
    from econ.claims.assess import Assessment

SHIPPED = Path(__file__).parents[1] / "calibration" / "lab"
HEAD = (
    "Expectations, written down before the confirmatory worlds were run, came from an earlier numerical study: 2 to 3 worlds, "
    "two learning rates, another code for raters and noise. Nothing was tuned to meet them. Ours: mean [95 % interval over "
    "worlds], out of distribution at 8,192 labels unless said. Reasons are readings of these measurements, not tests; where they "
    "name refusals, the grid `rates` (a world without REFUSE) is the test."
)


@dataclass
class Tables:
    """Shipped tables, read when they are asked for, and what `econ claims` makes of them."""

    assessment: Assessment
    read: dict[str, pd.DataFrame] = field(default_factory=dict)

    def rows(self, grid: str) -> pd.DataFrame:
        """Confirmatory rows of a grid; empty where it is not shipped."""
        if grid not in self.read:
            path = SHIPPED / grid / "measurements.parquet"
            table = read_measurements(path) if path.is_file() else pd.DataFrame(columns=["stage"])
            self.read[grid] = table[table["stage"] == "confirm"]
        return self.read[grid]

    def mean(
        self, column: str, method: str, grid: str = "full", distribution: str = "ood", n: int = 8192, **knobs: float
    ) -> str:
        """A mean over worlds with its interval; "not measured" where there are fewer than four."""
        rows = self.rows(grid)
        if rows.empty:
            return "not measured"
        chosen = (rows["method"] == method) & (rows["distribution"] == distribution) & (rows["n"] == n)
        for name, value in knobs.items():
            chosen &= np.isclose(rows[name].astype(float), value, atol=1e-4)
        values = rows[chosen].groupby("world")[column].mean().astype(float).to_numpy()
        return "not measured" if len(values) < 4 else interval(*mean_interval(values))

    def theta(self, statement: str) -> str:
        """The estimate of a registered statement."""
        for verdict in self.assessment.verdicts:
            for finding in verdict.findings:
                if finding.statement.id == statement and finding.measured is not None:
                    return interval(finding.measured.effect.value, *finding.measured.effect.interval)
        return "not measured"

    def labels_to(self, target: float) -> str:
        """Flags and pairs that reach a level of harm out of distribution at three quarters of the base's helpfulness."""
        for row in self.assessment.advantages:
            at = (row["distribution"], row["measure"], row["axis"], row["with_tuning"], row["target"], row["floor"])
            if at == ("ood", "A", "judgements", False, target, 0.75):
                pairs, flags = (row[f"at_{kind}"] for kind in ("preference", "negative"))
                return f"pairs {'never' if pairs is None else short(pairs)}, flags {'never' if flags is None else short(flags)}"
        return "not measured"

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Fitted learning curves of the registered pair and of all other methods."""
        return curve_table(self.assessment.context.evidence)

    def half(self, method: str) -> str:
        """Half-saturation of the form that predicts best, at the reference knobs, out of distribution."""
        own = self.curves
        own = own[(own["method"] == method) & (own["distribution"] == "ood") & (own["setting"] == "") & own["best"]]
        if own.empty:
            return "not measured"
        row = own.sort_values("budgets").iloc[-1]
        if row["refused"] == "half_saturation":
            return f"refused ({row['reason']})"
        return f"beyond {row['largest']:,.0f}" if row["extrapolated"] else short(row["half_saturation"])

    def best_forms(self) -> str:
        """How often each one-dimensional form predicts a left-out world best."""
        counts = self.curves.loc[self.curves["best"], "form"].value_counts()
        return ", ".join(f"{name} {count}" for name, count in counts.items())

    def matched_noise(self) -> str:
        """Flag noise at which a flag carries a pair's bits about violations."""
        rows = self.rows("maps")
        own = rows[rows["method"] == "flag_bits"].groupby("world")["miss"].first().astype(float).to_numpy()
        return interval(*mean_interval(own)) if len(own) > 3 else "not measured"

    def matched_pass(self) -> str:
        """pass@256 of the policies a program verifies, where all have the same pass@1 along training."""
        folder = SHIPPED / "zoo_b"
        if self.rows("zoo_b").empty:
            return "not measured"
        table = pass_table(self.rows("zoo_b"), pd.read_parquet(folder / "curves.parquet"), "ood")
        named = table[table["method"].isin(["base", "nsr_or", "grpo_or", "ppo_or"])]
        level, at = matched(named)
        last = at[at["k"] == 256]
        values = [f"`{row['method']}` {interval(row['mean'], row['low'], row['high'])}" for _, row in last.iterrows()]
        return f"at pass@1 = {level:.2f}: {', '.join(values)}"

    def without_refusing(self, column: str, method: str) -> str:
        """A mean in worlds with REFUSE and without, out of distribution at 1,378 labels."""
        folder = SHIPPED / "rates"
        if not (folder / "measurements.parquet").is_file():
            return "not measured"
        own = {m.setting: m.by_world[column].to_numpy() for m in measured(folder, 1378) if m.arm == method}
        with_token, without = (interval(*mean_interval(own[setting])) for setting in ((), (("refusal", "off"),)))
        return f"{with_token} with it, {without} without"

    def bits(self, method: str) -> str:
        """Bits about violations of one label, mean over worlds."""
        rows = self.rows("full")
        own = rows[(rows["method"] == method) & (rows["n"] == 8192) & (rows["distribution"] == "id")]
        return interval(*mean_interval((own["bits_harm"] / own["n"]).astype(float).to_numpy()))

    def spread(self) -> str:
        """Standard deviation over worlds of the difference in harm between the pair, over all budgets."""
        rows = self.rows("full")
        own = rows[(rows["distribution"] == "ood") & rows["method"].isin(["dpo", "npo_ret"])]
        wide = own.pivot_table(index=["n", "world"], columns="method", values="relative_harm", observed=True).astype(float)
        deviations = (wide["dpo"] - wide["npo_ret"]).groupby("n").std(ddof=1)
        return f"{deviations.min():.2f} to {deviations.max():.2f} over the budgets"

    def weakest(self, column: str) -> str:
        """The smallest difference of harm, preference minus negative, over a knob of the map, and where."""
        rows = self.rows("maps")
        own = rows[(rows["distribution"] == "ood") & (rows["n"] == 1378)].astype({"miss": float})
        flags = own[(own["method"] == "npo_ret") & (own["miss"] == own["false_alarm"])]
        pairs = own[own["method"] == "dpo"].groupby(["miss", "world"])["relative_harm"].mean()
        at_reference = flags[flags["coverage"] == 8] if column == "miss" else flags[np.isclose(flags["miss"], 0.02)]
        found = {}
        for value, part in at_reference.groupby(column):
            paired = part.set_index(["miss", "world"])["relative_harm"].astype(float)
            both = (pairs.reindex(paired.index).astype(float) - paired).dropna()
            if len(both) >= 4:
                found[float(value)] = mean_interval(both.to_numpy())
        if not found:
            return "not measured"
        value = min(found, key=lambda key: found[key][0])
        return f"smallest difference {interval(*found[value])}, at {value:g}"


@dataclass(frozen=True)
class Line:
    """One expectation: what, the earlier value, ours, and why they differ."""

    what: str
    earlier: str
    ours: Callable[[Tables], str]
    why: str


def _both(column: str, *methods: str, **where: Any) -> Callable[[Tables], str]:
    return lambda t: "; ".join(f"`{m}` {t.mean(column, m, **where)}" for m in methods)


REFUSING = "this world has a REFUSE token, which the earlier figures lack, and flags teach its use; rater and noise code differ"
LINES = (
    Line("relative harm", "`dpo` .73, `npo_ret` .30", _both("relative_harm", "dpo", "npo_ret"), REFUSING),
    Line("relative harm with and without a REFUSE token, 1,378 labels", "without, at 8,192: `dpo` .73, `npo_ret` .30", lambda t: "; ".join(f"`{m}` {t.without_refusing('relative_harm', m)}" for m in ("dpo", "npo_ret")), "without it the gap between the two narrows, from either side, and stays: refusing is a part of what flags teach, not all of it"),
    Line("sycophancy after `npo_ret` with and without it, 1,378 labels", "without: .40 to .43, not reduced", lambda t: t.without_refusing("sycophancy", "npo_ret"), "agrees: without refusals flags do not lower it (change from the base model: section on base rates)"),
    Line("labels to relative harm 0.80", "805 pairs, 184 flags", lambda t: t.labels_to(0.8), "as above: pairs cut harm less here, flags sooner, by refusing"),
    Line("half-saturation of `dpo`, of `npo_ret`", "about equal, 400 to 500", lambda t: f"{t.half('dpo')}; {t.half('npo_ret')}", "floors are open (the largest budgets still move), so these are half-saturations of forms, not of what was seen"),
    Line("gap of harm, out of minus in distribution, pairs minus flags", "nearly 0", lambda t: t.theta("H7"), "16 worlds tell a small gap from none; the shift is compositional, and so is the earlier one"),
    Line("sycophancy after `dpo` (base beside it)", ".80 (.38)", lambda t: f"{t.mean('sycophancy', 'dpo')} ({t.mean('sycophancy', 'base', n=0)})", "both start lower here, of which refusals (9 % of base answers, none of which agrees) explain a part; the rise is larger"),
    Line("sycophancy after `npo_ret`", ".40 to .43: not reduced", _both("sycophancy", "npo_ret"), "lower here: an answer that refuses does not agree"),
    Line("flag noise at which the advantage vanishes", "0.31", lambda t: t.weakest("miss"), "none within the map; at noise 0.4 the interval holds 0 where five rules of eight or fewer are drafted"),
    Line("rules drafted at which it vanishes", "2.6 of 8", lambda t: t.weakest("coverage"), "as above; 2 of 8 is the lowest cell"),
    Line("violation of the base model, in / out of distribution", ".49 / .69", lambda t: f"{t.mean('violation', 'base', n=0, distribution='id')} / {t.mean('violation', 'base', n=0)}", "16 worlds instead of 2 to 3; out of distribution that does not explain all of it"),
    Line("helpfulness of the base model", ".69 / .60", lambda t: f"{t.mean('helpfulness', 'base', n=0, distribution='id')} / {t.mean('helpfulness', 'base', n=0)}", "agrees"),
    Line("refusals of the base model", ".07 / .10", lambda t: f"{t.mean('refusal', 'base', n=0, distribution='id')} / {t.mean('refusal', 'base', n=0)}", "agrees"),
    Line("with a REFUSE token, `npo_ret`: refusals, over-refusal, helpfulness", ".48, .25, .36", lambda t: ", ".join(t.mean(c, "npo_ret") for c in ("refusal", "over_refusal", "helpfulness")), "configurations are tuned on worlds of their own here, by helpfulness minus violations"),
    Line("with a REFUSE token, `dpo`: refusals", ".003", _both("refusal", "dpo"), "agrees: it stops refusing"),
    Line("bits about violations in a pair, in a flag", ".025, .71", lambda t: f"{t.bits('dpo')}, {t.bits('npo_ret')}", "agrees"),
    Line("flag noise that matches a pair's bits", ".41", lambda t: t.matched_noise(), "agrees"),
    Line("`wr_lv`: harmful answers with scorers of 120 and 700 steps", ".54 and .32", lambda t: f"700 to 1,500 steps alone: {t.mean('violation', 'wr_lv')}", "it collapses into refusing here (over-refusal above 0.7), so that little is left to break a rule"),
    Line("`ga`: violation, helpfulness at 1,378 flags", ".01, .13", lambda t: ", ".join(t.mean(c, "ga", "zoo", n=1378) for c in ("violation", "helpfulness")), "tuned by helpfulness minus violations, so the collapsing rates are not chosen where others do better"),
    Line("World B, pass@1, 32, 256 of the base model, in distribution", ".42, .83, .995", lambda t: ", ".join(t.mean(c, "base", "zoo_b", "id", 0) for c in ("pass_1", "pass_32", "pass_256")), "tables are drawn for each world here; the earlier study shared one"),
    Line("pass@256 at matched pass@1, NSR minus another", "no advantage", lambda t: t.matched_pass(), "agrees: the intervals overlap; out of distribution, along training"),
    Line("one-dimensional forms", "power not identified; Hill best or tied", lambda t: f"best by left-out world: {t.best_forms()}", "counted over all curves of all methods"),
    Line("paired standard deviation of harm over worlds", ".04 to .09", lambda t: t.spread(), "16 worlds instead of 2 to 3"),
)  # fmt: skip


def table_of(assessment: Assessment) -> Iterator[list[str]]:
    """Rows of the table: what, the earlier value, ours, why."""
    tables = Tables(assessment)
    for line in LINES:
        yield [line.what, line.earlier, line.ours(tables), line.why]
