"""Inputs of the golden numbers: token log-probabilities of eight sequences, four chosen, four rejected."""

from __future__ import annotations

import torch

TOKENS = [
    [-0.088477], [-0.455628, -0.632306], [-0.293888, -0.518522, -0.697668],
    [-0.681609, -0.915194, -0.397100, -0.874156], [-0.952738], [-0.175910, -0.269834],
    [-0.723109, -0.742336, -0.526296], [-0.138717, -0.242235, -0.815469, -0.793161],
]  # fmt: skip
OLD_TOKENS = [
    [-0.339972], [-0.529428, 0.058449], [-0.283829, -0.305496, -0.203907],
    [-1.465605, -1.424136, -0.465572, -0.790169], [-0.851336], [-0.241560, -1.000353],
    [-0.999548, -0.759195, -0.713105], [-0.101546, 0.107200, -0.538457, -0.376972],
]  # fmt: skip
LOG_PROB = torch.tensor([sum(tokens) for tokens in TOKENS], dtype=torch.float64)
LENGTH = torch.tensor([len(tokens) for tokens in TOKENS], dtype=torch.float64)
CHOSEN, REJECTED = LOG_PROB[:4], LOG_PROB[4:]
REFERENCE_CHOSEN = torch.tensor([-0.834757, -1.445876, -2.459341, -2.991200], dtype=torch.float64)
REFERENCE_REJECTED = torch.tensor([-2.095323, -1.702639, -2.505729, -0.616796], dtype=torch.float64)
H_CHOSEN, H_REJECTED = CHOSEN - REFERENCE_CHOSEN, REJECTED - REFERENCE_REJECTED
KTO_REFERENCE = torch.tensor(
    [-1.779516, -0.337042, -0.460371, -0.725125, -2.178710, -2.103240, -0.611471, -1.953161], dtype=torch.float64
)
KTO_KL = torch.tensor(
    [-2.323458, -1.310674, -1.557272, -1.847557, -2.430565, -2.940291, -0.344065, -0.950295], dtype=torch.float64
)
KTO_REFERENCE_KL = torch.tensor(
    [-2.786020, -3.657099, -3.740415, -3.764714, -2.398029, -0.260835, -2.183985, -0.748789], dtype=torch.float64
)
DESIRABLE = torch.tensor([1, 0, 0, 1, 0, 1, 0, 0], dtype=torch.bool)
