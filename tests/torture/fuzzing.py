"""Broken input files: shipped ones after mutations of their structure and of their text."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import yaml

#: Pieces of text that have broken a parser somewhere.
PIECES = ["null", "true", "-1", "1e999", ".nan", ".inf", "[]", "{}", "{j1: 1}", "{uniform: [0, 1]}", "{99: 1}", "baseline", "'", '"', ": ",
          "- ", "\n", "\t", "&a ", "*a", "!!python/object:x ", "? ", "|\n", "<<: ", "%", "0x" + "f" * 5000, "2024-01-01", "1:2:3",
          "\\ud800", "\x00", "\ufeff", "é", "../../etc/passwd", "{" * 50, "[" * 2000, "levers:", "extends: trial.yaml\n", "  ",
          "0o17", "017", "1_000", "~", "=", "!!binary aGk=", "!!set {a}", "!!timestamp 1", "---\n", "...\n", "\r", "\x85", "\u2028",
          "\x1b[2J", "\u202e", "9" * 400, "1e308", "-0.0", "1e-400", "x" * 10_000, "yes", "no", "on", "{: }", "@", "`", "#", "&x [*x]",
          "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\U0001f600", "á" * 50]  # fmt: skip
#: Values of every type that YAML has, and some that it should not have.
VALUES: list[Any] = [None, True, False, 0, 1, -1, 10**18, 10**30, 2**63, 1e308, -1e308, 1e-320, float("inf"), float("-inf"), float("nan"), 0.5, 1.5,
                     "", " ", "a", "baseline", "null", "../../../etc/passwd", "/etc/passwd", "x" * 5000, "\u0000", "\x1b[31m", "é", "日本", "{{7*7}}",
                     "=1+1", "<b>", [], {}, [[]], [None], [1, 2], {"a": 1}, {1: 2}, {"uniform": [0, 1]}, {"uniform": [1, 0]}, {"uniform": "a"},
                     {"normal": [0, -1]}, {"lognormal": [0, 1]}, {"beta": [1]}, {"j1": 1, "j9": 2}, {0: 1, 10**9: 2}, {-5: 1}, {None: 1},
                     {True: 1}, {1.5: 1}, [{"quarter": 1}], ["a"] * 1000]  # fmt: skip


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def mutated(document: Any, rng: random.Random) -> Any:
    """A copy of a document with one node changed."""
    copy = yaml.safe_load(yaml.safe_dump(document, allow_unicode=True)) if rng.random() < 0.02 else _copy(document)
    holder, key = _pick(copy, rng)
    return copy if holder is None else _CHANGES[rng.randrange(len(_CHANGES))](copy, holder, key, rng)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _copy(v) for k, v in value.items()}
    return [_copy(v) for v in value] if isinstance(value, list) else value


def _pick(document: Any, rng: random.Random) -> tuple[Any, Any]:
    """A random node below the top, as the container that holds it and its key."""
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key in value.keys() if isinstance(value, dict) else range(len(value)):
            places.append((value, key))
            if isinstance(value[key], dict | list):
                walk(value[key])

    walk(document)
    return rng.choice(places) if places else (None, None)


def _replace(document: Any, holder: Any, key: Any, rng: random.Random) -> Any:
    holder[key] = rng.choice(VALUES)
    return document


def _delete(document: Any, holder: Any, key: Any, rng: random.Random) -> Any:
    del holder[key]
    return document


def _rename(document: Any, holder: Any, key: Any, rng: random.Random) -> Any:
    if isinstance(holder, dict):
        name = rng.choice(["x", "", 1, None, True, str(key).upper(), f"{key}s", str(key)[:-1], "name", "<<", "a.b", "é" * 300, 10**20])
        holder[name] = holder.pop(key)
    return document


def _nest(document: Any, holder: Any, key: Any, rng: random.Random) -> Any:
    holder[key] = rng.choice([{"value": holder[key]}, [holder[key]], [holder[key]] * 300, {str(i): holder[key] for i in range(300)}, nested(rng.choice((5, 19, 21, 40)))])
    return document


def _scale(document: Any, holder: Any, key: Any, rng: random.Random) -> Any:
    if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
        holder[key] = holder[key] * rng.choice([-1, 0, 1e6, 1e-6, 1e300, 1e-300, float("nan")])
    else:
        holder[key] = str(holder[key]) + rng.choice(["", " ", "\n", "x", ".", "/.."])
    return document


def _move(document: Any, holder: Any, key: Any, rng: random.Random) -> Any:
    value = holder[key]
    other, place = _pick(document, rng)
    # Only leaves move, so that nothing comes to lie within itself.
    if not isinstance(value, dict | list):
        other[place] = value
    return document


_CHANGES: list[Callable[[Any, Any, Any, random.Random], Any]] = [_replace, _replace, _replace, _delete, _rename, _nest, _scale, _move]


def scrambled(text: str, rng: random.Random) -> bytes:
    """A text after cuts, insertions, repetitions and flipped bits."""
    content = text
    for _ in range(rng.randint(1, 4)):
        begin = rng.randint(0, len(content))
        end = rng.randint(begin, min(len(content), begin + 30))
        piece = rng.choice([*PIECES, content[begin:end] * 2, ""])
        content = content[:begin] + piece + content[end:]
    raw = bytearray(content.encode("utf-8", "surrogatepass"))
    for _ in range(rng.choice((0, 0, 1, 3))):
        if raw:
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(raw)


def broken_yaml(documents: list[Any], texts: list[str], rng: random.Random) -> bytes:
    """A file that may be broken: structure changed in two cases of three, text in one, rubbish in one of fifty."""
    kind = rng.random()
    if kind < 0.02:
        return rng.randbytes(rng.randint(0, 3000))
    if kind < 0.65:
        document = rng.choice(documents)
        for _ in range(rng.randint(1, 3)):
            document = mutated(document, rng)
        style = rng.choice((None, False, True))
        text = yaml.safe_dump(document, allow_unicode=True, default_flow_style=style, sort_keys=False)
        if rng.random() < 0.05:
            # A key that stands twice.
            text += text.splitlines()[0] + "\n" if text.splitlines() else ""
        return text.encode("utf-8", "surrogatepass")
    return scrambled(rng.choice(texts), rng)


#: Cells of a table that break readers, programs that open the result, or pages that show it.
CELLS = ["", "NA", "nan", "inf", "-inf", "1e999", "-1", "abc", "1,5", "1.5.2", "0x10", "=1+1", "@SUM(A1)", "+1", "-2+3", "<script>alert(1)</script>",
         "\x1b[31mred", "é", "日本", "x" * 2000, "9" * 400, " 5 ", '"', "'", "\u202e", "1e-400", "true", "2024-01-01", "١٢", "½", "1_000", "#N/A"]  # fmt: skip


def broken_table(text: str, rng: random.Random) -> bytes:
    """A CSV file after changes of its cells, rows and columns, or of its text."""
    if rng.random() < 0.35:
        return scrambled(text, rng)
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(rng.randint(1, 5)):
        row = rng.randrange(len(rows))
        place = rng.randrange(len(rows[row])) if rows[row] else 0
        change = rng.randrange(7)
        if change < 3 and rows[row]:
            rows[row][place] = rng.choice(CELLS)
        elif change == 3:
            del rows[row][place:]
        elif change == 4:
            rows.insert(row, list(rows[rng.randrange(len(rows))]))
        elif change == 5 and len(rows) > 2:
            del rows[row]
        else:
            rows[row].append(rng.choice(CELLS))
    separator = rng.choice([",", ",", ",", ";", "\t"])
    return rng.choice([b"", b"", b"\xef\xbb\xbf"]) + ("\n".join(separator.join(row) for row in rows) + "\n").encode()
