"""The report of finished runs: one self-contained HTML page, one PDF, figures for papers.

Data go one way: runs -> `material` (what is to be told) -> `assemble` (sections of blocks) -> `html` or
`pdf` (how it looks). Every text of a user (a scenario's title, say) stays data until it is rendered, where
it is escaped.
"""
