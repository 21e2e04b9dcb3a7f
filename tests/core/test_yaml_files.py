"""YAML from strangers: what is read, and what is refused in one sentence."""

import pytest

from econ.core.errors import InputError
from econ.core.yaml_files import LARGEST_FILE, read_yaml


def _write(tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    return path


def test_values_types_and_lines(tmp_path):
    found = read_yaml(_write(tmp_path, "a: 1\nb:\n  c: 1e-3\n  d: [x, 2.5, null]\ne: 'on'\nf: \"1e3\"\n"))
    assert found.data == {"a": 1, "b": {"c": 0.001, "d": ["x", 2.5, None]}, "e": "on", "f": "1e3"}
    assert found.line(("b", "c")) == 3
    assert found.line(("b", "d", 1)) == 4
    assert found.line(("b", "missing")) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds nothing"),
        ("- a\n- b\n", "holds a list"),
        ("just words", "holds a single value"),
        ("a: [1, 2\nb: 3", "not valid YAML"),
        ("a: 1\na: 2\n", "stands twice"),
        ("a: &x [1]\nb: *x\n", "aliases are not used"),
        *((f"a: !!{kind} {text}\n", "cannot be read") for kind, text in (("timestamp", "1x"), ("bool", "perhaps"), ("int", "''"), ("float", "x"))),
        ("a: !!python/object/apply:os.system ['true']\n", "is not used here"),
        ("a: !mine 3\n", "is not used here"),
        ("? [1, 2]\n: 3\n", "a key must be"),
        ("a: " + "[" * 30 + "]" * 30, "levels deep"),
        ("a: " + "[" * 5000 + "]" * 5000, "a.yaml"),
        ("a: 2020-99-99\n", "cannot be read"),
        ("a: \x00\n", "not valid YAML"),
    ],
)
def test_faults_end_in_one_sentence_that_names_the_file(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read_yaml(_write(tmp_path, text))
    assert "a.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_yaml(tmp_path / "missing.yaml")
    with pytest.raises(InputError, match="not a file"):
        read_yaml(tmp_path)
    with pytest.raises(InputError, match="too large"):
        read_yaml(_write(tmp_path, "a: '" + "x" * LARGEST_FILE + "'"))
    (tmp_path / "b.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        read_yaml(tmp_path / "b.yaml")
    with pytest.raises(InputError, match=r"cannot be read|no such file"):
        read_yaml("a\x00b")
