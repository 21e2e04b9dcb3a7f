"""What less harm costs: what `econ cost` finds, prints and writes, and its figures."""
