"""`python -m econ`, where the script `econ` is not on the path."""

from econ.cli import main

main()
