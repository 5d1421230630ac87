"""Rollups: what each fact contributes to which measure, and how measures are read back.

The same contribution queries feed the fold (which sums them) and explain (which lists them), so
the facts an explanation lists add up to the number by construction.
"""
