"""World B, the "strategy table": small reasoning problems with exactly one right answer, checked by a program."""
