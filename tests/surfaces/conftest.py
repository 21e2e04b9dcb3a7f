"""A posterior fitted to synthetic measurements, made once."""

import pytest
from synthetic import critic_measurements, measurements

from econ.core.measurements import write_measurements
from econ.surfaces.estimate import fit_files


@pytest.fixture(scope="session")
def synthetic_tables(tmp_path_factory):
    """Path of a measurement table of 8 worlds with two distributions."""
    path = tmp_path_factory.mktemp("measured") / "measurements.parquet"
    table = measurements("S2, substitutes", worlds=8, v=(1.0, 0.5, 0.1), distributions=("id", "ood"))
    write_measurements(table, path, {})
    return path


@pytest.fixture(scope="session")
def synthetic_surfaces(synthetic_tables, tmp_path_factory):
    """Directory of surfaces fitted to it, 60 draws."""
    out = tmp_path_factory.mktemp("fitted") / "surfaces"
    fit_files([synthetic_tables], out, draws=60)
    return out


@pytest.fixture(scope="session")
def critic_table(tmp_path_factory):
    """Path of a table of labels that a critic wrote, exponential with floor 0.5 and half of its effect at 800."""
    path = tmp_path_factory.mktemp("critic") / "critic.parquet"
    write_measurements(critic_measurements(lambda n: 0.5 + 0.5 * 2.0 ** (-n / 800.0)), path, {})
    return path
