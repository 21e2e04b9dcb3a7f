"""What readers see: runs and comparisons with their figures, tables, overviews."""
