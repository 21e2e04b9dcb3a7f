"""The table of random streams: one number per decision, never reused.

A stream number is half of a Philox key; the seed is the other half. Numbers are frozen by a test:
a decision that disappears leaves a gap, a new one takes a new number.
"""

from __future__ import annotations

from enum import IntEnum


class Stream(IntEnum):
    """Named random streams. Counter layout: (replicate, quarter, agent, draw) unless said."""

    # Scenario: one draw per replicate, agent = hash of the parameter's name.
    PRIOR = 1
    # Surfaces: which posterior draw a replicate uses; bootstrap weights of a fit (world, 0, draw, 0).
    SURFACE_DRAW = 10
    BOOTSTRAP = 11
    MULTISTART = 12
    SYNTHETIC = 13
    # Market, at the status quo.
    POSITION = 20
    BRAND_START = 21
    CURATOR_NORM = 22
    CURATOR_HOME = 23
    CURATOR_QUALITY = 24
    LIBRARY_START = 25
    LABELER_ABILITY = 26
    LABELER_RESERVATION = 27
    LABELER_LAST = 28
    LABELER_START = 29
    BELIEF_START = 30
    STAKE = 31
    # Market, each quarter.
    ENTRY = 40
    ENTRANT = 41
    MERGER = 42
    CERT_DUE = 43
    CERT_TEST = 44
    LIBRARY_RECONSIDER = 45
    LIBRARY_CHOICE = 46
    DOCUMENT_RECONSIDER = 47
    DOCUMENT_CHOICE = 48
    LABELER_RECONSIDER = 49
    LABELER_CHOICE = 50
    PROVENANCE = 51
    BRAND = 52
    INCIDENT = 53
    DAMAGE = 54
    BELIEF_SIGNAL = 55
    QUALITY = 56
    # Laboratory. Counter layout: (world, step, index, draw).
    WORLD = 100
    OMITTED_RULES = 101
    PRETRAIN = 102
    POOL = 103
    MINIBATCH = 104
    GUMBEL = 105
    EVALUATION = 106
    INITIAL_WEIGHTS = 107
    LABEL_PREFERENCE = 110
    LABEL_FLAG = 111
    LABEL_DESIRABILITY = 112
    LABEL_DEMONSTRATION = 113
    LABEL_CRITIC = 114
    LABEL_RANDOM = 115
    LABEL_CHANNEL = 116
    RATER_POOL = 117
    # On-policy steps: prompts (their noise is GUMBEL). Scorers: minibatches. Errors of verifiers.
    ROLLOUT = 120
    SCORER = 121
    VERIFIER = 122
