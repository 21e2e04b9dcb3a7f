"""Errors are one sentence that names what a user needs to mend them."""

from econ.core.errors import InputError, nearest_name


def test_the_sentence_holds_file_line_key_found_allowed_and_nearest():
    error = InputError(
        "unknown lever", file="a.yaml", line=3, key="levers.comons", found=0.1, allowed="a lever", nearest="commons"
    )  # fmt: skip
    assert str(error) == "a.yaml:3: levers.comons: unknown lever, found 0.1; allowed: a lever; did you mean 'commons'?"
    assert error.exit_code == 2


def test_long_values_and_line_breaks_stay_on_one_short_line():
    error = InputError("too long\nby far", found="x" * 1000)
    assert "\n" not in str(error)
    assert len(str(error)) < 120


def test_the_nearest_name_is_offered_only_where_one_is_near():
    assert nearest_name("baselin", ["baseline", "commons"]) == "baseline"
    assert nearest_name("zzz", ["baseline", "commons"]) is None
