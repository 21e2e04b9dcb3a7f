"""The market: labelers, curators, firms, regulators, and the quarter in which they meet."""
