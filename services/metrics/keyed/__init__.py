"""Keyed operators: what is not additive is recomputed per key the batch touched.

Each operator says which facts touch which keys, what a key contributes, and how its state is
brought up to date. The fold takes the contributions of the touched keys before the state changes,
takes them again afterwards, and applies new − old. Cost is proportional to what was touched.
"""

from services.metrics.keyed.applying import APPLICATIONS, APPLYING_KINDS
from services.metrics.keyed.gauges import GAUGES
from services.metrics.keyed.identity import IDENTITY
from services.metrics.keyed.leaving import LEAVING
from services.metrics.keyed.membership import MEMBERSHIP
from services.metrics.keyed.operator import KeyedOperator
from services.metrics.keyed.posts import POSTS
from services.metrics.keyed.publications import PUBLICATIONS
from services.metrics.keyed.roster import ROSTER
from services.metrics.keyed.selling import DEALS, LEADS, SELLING_KINDS, TOUCHES
from services.metrics.keyed.standing import STANDING

__all__ = ["CREDITED_KINDS", "KEYED_OPERATORS", "KeyedOperator"]

#: Facts that can change somebody's credit.
CREDITED_KINDS = SELLING_KINDS | APPLYING_KINDS

#: In the order in which they mark keys: people mark leads, leads mark deals.
KEYED_OPERATORS: tuple[KeyedOperator, ...] = (
    ROSTER,
    MEMBERSHIP,
    PUBLICATIONS,
    POSTS,
    GAUGES,
    IDENTITY,
    TOUCHES,
    LEADS,
    DEALS,
    APPLICATIONS,
    LEAVING,
    STANDING,
)
