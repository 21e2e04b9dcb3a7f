"""econ: from small training experiments to policy figures about the market for AI feedback.

Data goes one way: a scenario meets measured response surfaces, the market runs, outcomes come out,
figures show them. Importing the package loads none of torch, pandas, mesa and matplotlib.
"""

from __future__ import annotations

__version__ = "0.1.0"
