"""A plain price book and a small posterior."""

from __future__ import annotations

import pytest
from small_posteriors import PLAIN, mixed_posterior


@pytest.fixture
def plain():
    return dict(PLAIN)


@pytest.fixture(scope="session")
def forms():
    return mixed_posterior()
