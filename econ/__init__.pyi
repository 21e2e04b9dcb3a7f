from econ.claims.assess import assess_claims
from econ.market import MarketModel as MarketModel
from econ.report.comparison.compared import Comparison as Comparison
from econ.report.comparison.compared import compare as compare
from econ.report.runs import Run as Run
from econ.report.runs import open_run as open_run
from econ.report.runs import run as run
from econ.report.sweep_results import SweepResult as SweepResult
from econ.report.sweep_results import open_sweep as open_sweep
from econ.scenario import Scenario as Scenario
from econ.scenario import load_scenario as load_scenario
from econ.surfaces import Surfaces as Surfaces
from econ.surfaces import load_surfaces as load_surfaces

__version__: str
claims = assess_claims
