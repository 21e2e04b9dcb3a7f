"""Designs of experiments over scenario keys: many points, each an ensemble, as one Parquet dataset.

`spec` reads a sweep file, `points` lays out its design, `point` computes one point, `store` keeps it,
`schedulers` say where points are computed, `execute` runs a sweep and joins its shards.
"""
