"""What every layer may use: errors, safe files, keyed random streams, the measurement table, provenance."""
