"""Measurement tables with known contrasts: grids of knobs, methods over budgets, world B along training."""

import json

import numpy as np
import pandas as pd

from econ.core.measurements import PASS_AT, check_measurements

REFERENCE = {
    "v": 0.93, "coverage": 8, "bias": 2.0, "flag_bias": 0.0, "confounding": 0.85, "comp": 0.5, "harm_weight": 2.0,
    "miss": 0.0501, "false_alarm": 0.0501,
}  # fmt: skip
KINDS = {
    "npo_ret": ("flag", "negative"), "d2o_clean3": ("flag", "negative"), "flag_dpo": ("flag", "both"),
    "dpo": ("preference", "both"), "kto": ("desirability", "both"), "hybrid": ("flag+preference", "both"),
    "sft": ("demonstration", "positive"), "nsr_or": ("verification", "negative"), "psr_or": ("verification", "positive"),
    "nsr_lv": ("flag", "negative"), "base": ("none", "none"),
}  # fmt: skip
WORLDS = range(1000, 1008)
NOISE = (0.02, 0.1, 0.2, 0.3, 0.4)
COVERAGE = (2, 4, 5, 6, 8)
BIAS = (0.0, 0.5, 1.0, 2.0, 4.0)
CONFOUNDING = (0.25, 0.4, 0.55, 0.7, 0.85)


def row(method, world, n, *, harm=1.0, help_=0.6, sycophancy=0.3, refusal=0.1, distribution="ood", **columns):
    """One run under one distribution at the reference knobs, unless columns say otherwise."""
    kind, polarity = KINDS[method]
    flags = {"flag": n, "flag+preference": round(0.85 * n)}.get(kind, 0)
    pairs = {"preference": n, "flag+preference": n - round(0.85 * n)}.get(kind, 0)
    base = 0.6 + 0.01 * np.sin(world)
    key = json.dumps([method, world, n, sorted(columns.items())])
    return {
        "run_id": key, "config_hash": "abc123", "task": "A", "method": method, "label_kind": kind, "polarity": polarity,
        "stage": "confirm", "world": world, "n": n, "a": flags, "b": pairs, **REFERENCE, "distribution": distribution,
        "violation": harm * base, "violation_base": base, "relative_harm": harm, "helpfulness": help_,
        "helpfulness_base": 0.6, "sycophancy": sycophancy, "sycophancy_base": 0.3, "over_refusal": refusal,
        "over_refusal_base": 0.1, "collapsed": False, "scorer_weak": False, "judgements": n if kind != "verification" else 0,
        "verifications": 64 * n if kind == "verification" else 0, "human_minutes": 0.7 * n + 480.0 * (flags > 0),
        "flops": 1e7 * n, "steps": 100, "lr": 1e-3, "beta": 0.1, "tuning_judgements": 10, **columns,
    }  # fmt: skip


def wiggle(world, *key):
    """Differences between worlds that sum to nearly nothing."""
    return 0.02 * np.sin(3.0 * world + sum(hash(float(k)) % 97 for k in key))


def maps_table():
    """Phase diagrams whose contrast is known: harm 0.5 - noise x 2 + 0.05 x (coverage - 8), sycophancy 0.1 x (bias - 1)."""
    rows = [row("base", w, 0) for w in WORLDS]
    for w in WORLDS:
        for noise in NOISE:
            knobs = {"miss": noise, "false_alarm": noise}
            rows.append(row("dpo", w, 1378, harm=0.9 + wiggle(w, noise), **knobs))
            for coverage in COVERAGE:
                harm = 0.9 - (0.5 - 2.0 * noise + 0.05 * (coverage - 8)) + wiggle(w, noise, coverage)
                rows.append(row("npo_ret", w, 1378, harm=harm, **knobs, coverage=coverage))
        for confounding in CONFOUNDING:
            rows.append(row("npo_ret", w, 1378, harm=0.5, sycophancy=0.3 + wiggle(w, confounding), confounding=confounding))
            for bias in BIAS:
                rows.append(
                    row("dpo", w, 1378, harm=0.9, sycophancy=0.3 + 0.1 * (bias - 1.0) + wiggle(w, bias), bias=bias, confounding=confounding)
                )
    return check_measurements(pd.DataFrame(rows).drop_duplicates("run_id"), "maps")


def methods_table(methods=("npo_ret", "d2o_clean3", "dpo", "kto", "hybrid", "sft", "nsr_lv", "nsr_or", "psr_or")):
    """Methods over four budgets; harm falls with flags and verifications, hardly with the others."""
    rows = [row("base", w, 0) for w in WORLDS]
    for number, method in enumerate(methods):
        fall = 0.8 if KINDS[method][0] in ("flag", "verification", "flag+preference") else 0.1
        for n in (16, 128, 1024, 8192):
            share = np.log2(n / 8) / 10.0
            for w in WORLDS:
                harm = 1.0 - fall * share + wiggle(w, n, number)
                rows.append(
                    row(
                        method, w, n, harm=harm, help_=0.6 - 0.2 * fall * share, sycophancy=0.3 + 0.5 * (1.0 - fall) * share,
                        refusal=0.1 + 0.2 * fall * share, collapsed=method == "hybrid" and n > 1000,
                        scorer_weak=method == "nsr_lv" and n < 1000,
                    )
                )  # fmt: skip
    return check_measurements(pd.DataFrame(rows), "methods")


def strategy_tables():
    """World B: runs whose pass@1 climbs while pass@256 falls (psr), stays (nsr) or rises (dpo), and their curves."""
    ends, along = [], []
    for w in WORLDS:
        start = 0.4 + wiggle(w)
        ends.append(row("base", w, 0, task="B", steps=0, **passes(start, 0.99)))
        for method, far, top in (("nsr_or", 0.0, 0.7), ("psr_or", -0.2, 0.75), ("dpo", 0.005, 0.6), ("nsr_lv", 0.0, 0.55)):
            end = row(method, w, 1024, task="B", steps=100, **passes(top + wiggle(w), 0.99 + far))
            ends.append(end)
            for step in (0, 20, 40, 60, 80):
                share = step / 100.0
                point = passes(start + share * (top - start), 0.99 + share * far)
                along.append({"run_id": end["run_id"], "step": step, "distribution": "ood", **point})
    curves = pd.DataFrame(along)
    return check_measurements(pd.DataFrame(ends).assign(relative_harm=np.nan), "strategy"), curves


def passes(first, last):
    """pass@k rising from its first to its last value, linear in log k."""
    share = np.log2(PASS_AT) / np.log2(PASS_AT[-1])
    return {f"pass_{k}": float(first + s * (last - first)) for k, s in zip(PASS_AT, share, strict=True)}


def configurations_table():
    """Six rates of `dpo` and `npo_ret` on tuning worlds, the better the smaller their number, and a chosen one over budgets."""
    rows = [row("base", w, 0, distribution="id") for w in WORLDS]
    for method in ("dpo", "npo_ret"):
        for place in range(6):
            for w in range(2000, 2004):
                own = {"lr": 0.001 * (place + 1), "stage": "tune", "distribution": "id"}
                rows.append(row(method, w, 1378, harm=0.5 + 0.05 * place + wiggle(w, place), help_=0.6 - 0.01 * place, collapsed=place >= 3, **own))
        for n in (256, 1378, 4096):
            rows += [row(method, w, n, harm=0.6, lr=0.001, distribution=d) for w in WORLDS for d in ("id", "ood")]
    return check_measurements(pd.DataFrame(rows), "configurations")
