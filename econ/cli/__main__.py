"""`python -m econ.cli`, where the script `econ` is not on the path."""

from econ.cli import main

main()
