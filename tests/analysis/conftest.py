"""A market whose moments are known functions of its levers, and calibrations of it."""

from __future__ import annotations

import known_market
import pytest

from econ.analysis.calibration import fit
from econ.analysis.calibration.execute import calibrate, plan_calibration
from econ.analysis.calibration.spec import Calibration
from econ.analysis.calibration.write import read_calibration, write_calibration
from econ.ensemble.execute import silent
from econ.ensemble.sweeps import schedulers


@pytest.fixture(scope="module", autouse=True)
def small_sample():
    """A cube of three sides needs no 32,768 points."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "SAMPLE", 2**12)
        yield


def run_known(out, scheduler=schedulers.here, simulate=known_market.simulate, half=(200.0, 200.0), **changes):
    """Calibrate the known market into a directory: the result, and what the directory holds."""
    spec = Calibration.model_validate(known_market.SPEC | changes)
    planned = plan_calibration(spec, known_market.Scenario(), known_market.FakeSurfaces(), known_market.facts(half))
    result = calibrate(planned, known_market.Engine(simulate, {}), out, scheduler, write_calibration, progress=silent)
    return result, read_calibration(out)


@pytest.fixture
def calibrate_known(tmp_path):
    """`calibrate_known(NAME, …)`: a calibration of the known market under a name."""
    return lambda name="out", *arguments, **options: run_known(tmp_path / name, *arguments, **options)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """The known market's calibration as the other tests take it."""
    return run_known(tmp_path_factory.mktemp("known") / "out")
