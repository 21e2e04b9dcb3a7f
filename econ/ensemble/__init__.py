"""Many runs of the market: design, blocks of replicates, workers, tables, statistics, comparison."""
