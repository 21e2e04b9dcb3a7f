"""Reading YAML that strangers wrote: safe types only, bounded size, no duplicate keys, no alias bombs.

Every fault is an `InputError` that names the file and, where there is one, the line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from econ.core.errors import InputError

#: Files above this size are refused before they are parsed (bytes).
LARGEST_FILE = 1_000_000
#: Deeper nesting than any of our formats needs is refused, so that no file exhausts the stack.
DEEPEST = 20
#: Whole numbers above this are refused; Python would not even print the longest ones.
LARGEST_INTEGER = 2**63


@dataclass(frozen=True)
class YamlFile:
    """A parsed file: its mapping and the line of every key.

    Attributes
    ----------
    path : Path
    data : dict
        The mapping at the top of the file.
    lines : dict of tuple to int
        Line, counted from 1, by key path such as ``("levers", "commons")``.
    """

    path: Path
    data: dict[str, Any]
    lines: dict[tuple[Any, ...], int]

    def line(self, keys: tuple[Any, ...]) -> int | None:
        """Line of the innermost key on the path that the file holds."""
        for end in range(len(keys), 0, -1):
            if keys[:end] in self.lines:
                return self.lines[keys[:end]]
        return None


def read_yaml(path: str | Path) -> YamlFile:
    """Read a YAML mapping.

    Raises
    ------
    InputError
        If the file is missing, unreadable, too large, not UTF-8, not YAML, not a mapping, nested
        too deeply, or holds duplicate keys, aliases or tags.
    """
    path = Path(path)
    return parse_yaml(read_text(path), path)


def parse_yaml(text: str, path: Path) -> YamlFile:
    """The mapping that a text holds, as a file at `path` would hold it.

    Raises
    ------
    InputError
        As `read_yaml`.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise _syntax_error(path, error) from None
    if root is None or not isinstance(root, yaml.MappingNode):
        kind = "nothing" if root is None else "a list" if isinstance(root, yaml.SequenceNode) else "a single value"
        raise InputError(f"the file must hold keys and values, but holds {kind}", file=path)
    lines: dict[tuple[Any, ...], int] = {}
    data = _construct(root, (), lines, path, set())
    return YamlFile(path, data, lines)


def read_yaml_value(text: str, name: str) -> Any:
    """A value typed on a command line, read by the same rules as a file's.

    Parameters
    ----------
    text : str
        Such as ``0.1``, ``mandatory`` or ``{j1: 1, j2: 0.5}``.
    name : str
        What it is for, named in errors.

    Raises
    ------
    InputError
    """
    path = Path(name)
    if len(text) > LARGEST_FILE:
        raise InputError("the value is too long", key=name)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        raise InputError("not valid YAML", key=name, found=text) from None
    return None if root is None else _construct(root, (), {}, path, set())


def read_text(path: Path, largest: int = LARGEST_FILE) -> str:
    """Text of a user's file, refused with a sentence when it cannot be used."""
    try:
        if not path.is_file():
            raise InputError("there is no such file" if not path.exists() else "this is not a file", file=path)
        size = path.stat().st_size
        if size > largest:
            raise InputError(f"the file is too large ({size:,} bytes)", file=path, allowed=f"at most {largest:,} bytes")
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("the file is not UTF-8 text", file=path) from None
    except (OSError, ValueError) as error:
        raise InputError(f"the file cannot be read ({error})", file=path) from None


def _syntax_error(path: Path, error: Exception) -> InputError:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return InputError(f"not valid YAML: {error.problem}", file=path, line=error.problem_mark.line + 1)
    return InputError("not valid YAML", file=path)


def _construct(node: yaml.Node, keys: tuple[Any, ...], lines: dict[tuple[Any, ...], int], path: Path, seen: set[int]) -> Any:
    """Plain Python values from a node tree, noting lines and refusing what our formats do not use."""
    line = node.start_mark.line + 1
    if id(node) in seen:
        raise InputError("YAML anchors and aliases are not used here", file=path, line=line)
    seen.add(id(node))
    if len(keys) > DEEPEST:
        raise InputError(f"nested more than {DEEPEST} levels deep", file=path, line=line)
    if not isinstance(node, yaml.ScalarNode) and node.tag not in _CONTAINER_TAGS:
        raise InputError(f"the YAML type '{node.tag}' is not used here", file=path, line=line)
    if isinstance(node, yaml.MappingNode):
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = _scalar(key_node, path)
            here = (*keys, key)
            lines[here] = key_node.start_mark.line + 1
            if key in mapping:
                raise InputError("this key stands twice", file=path, line=lines[here], key=".".join(map(str, here)))
            mapping[key] = _construct(value_node, here, lines, path, seen)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            lines[(*keys, index)] = item.start_mark.line + 1
            items.append(_construct(item, (*keys, index), lines, path, seen))
        return items
    return _scalar(node, path)


def _readable(character: str) -> bool:
    """Whether a character is text: no terminal command, nor one that reverses the direction of reading."""
    return character in "\n\t" or (unicodedata.category(character) not in ("Cc", "Cs") and character not in _BIDIRECTIONAL)


class _Scalars(yaml.constructor.SafeConstructor):
    """PyYAML's own safe scalar types."""


def _scalar(node: yaml.Node, path: Path) -> Hashable:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.ScalarNode):
        raise InputError("a key must be a word or a number", file=path, line=line)
    if node.tag not in _PLAIN_TAGS:
        raise InputError(f"the YAML type '{node.tag}' is not used here", file=path, line=line)
    try:
        value: Hashable = _Scalars().construct_object(node)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError):
        # PyYAML checks no value whose type is written before it, as in `!!bool perhaps`.
        raise InputError("this value cannot be read", file=path, line=line, found=node.value) from None
    if type(value) is int and abs(value) > LARGEST_INTEGER:
        raise InputError("this number is too large", file=path, line=line)
    if isinstance(value, str) and not all(map(_readable, value)):
        raise InputError("control characters are not used here", file=path, line=line, found=value)
    # YAML 1.1 reads 1e-3 as text because it has no dot; every user means the number.
    if isinstance(value, str) and node.style is None:
        try:
            return float(value) if any(c.isdigit() for c in value) and "_" not in value else value
        except ValueError:
            return value
    return value


#: Overrides and isolates that show text in another order than it is read.
_BIDIRECTIONAL = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp")}
_CONTAINER_TAGS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
