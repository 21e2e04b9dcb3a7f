"""The laboratory: small models trained from scratch on labels that say what is wrong or what is preferred.

Worlds with known rules (`world`), labels through one noisy channel (`labels`), batched transformers
(`model`), one function per loss (`losses`), a registry of methods (`methods`), the training loop
(`training`), evaluation (`evaluation`), grids of runs (`grid`, `programs`, `runner`) and their
measurement table (`tables`). Nothing here is read by the market: the table is the only way out.
"""

from __future__ import annotations

#: Part of the identity of every run, so that `--reuse` takes none that other code would give other numbers.
#: Raise it by hand whenever a change of code changes results. Checkpoints need no such care: they are kept
#: apart by the source itself (`checkpoints`).
RESULTS_VERSION = 1
