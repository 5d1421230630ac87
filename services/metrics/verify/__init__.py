"""Verify: recompute everything the fold keeps from the ledger alone, in another way, and compare.

``facts``, ``company``, ``histories`` and ``credit`` say what facts contribute, ``cells`` sums that
into slices, and ``recompute`` runs them. ``state`` compares what the keyed operators keep, ``past``
what was known on past days, ``heads`` and ``contents`` which versions of facts are current,
``ledger`` the ledger with itself, and ``beside`` with what is kept beside it. ``run`` puts them
together, a ``report`` tells what was found, ``repair`` mends; ``samples`` are looks at some of it,
and ``sampling`` is what the metrics worker does all the time.
"""

from services.metrics.verify.recompute import EVERYTHING, FAMILIES, Scope
from services.metrics.verify.repair import Repair, repair
from services.metrics.verify.report import Check, Mismatch, Report
from services.metrics.verify.run import verify
from services.metrics.verify.samples import Look, draw_scope, verify_sample
from services.metrics.verify.sampling import Sampler

__all__ = [
    "EVERYTHING",
    "FAMILIES",
    "Check",
    "Look",
    "Mismatch",
    "Repair",
    "Report",
    "Sampler",
    "Scope",
    "draw_scope",
    "repair",
    "verify",
    "verify_sample",
]
