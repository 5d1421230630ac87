"""Membership of the program: who joined, left and came back, however often that is told."""

from services.metrics.keyed.operator import KeyedOperator, replace_state
from shared.rollups import contributions

__all__ = ["MEMBERSHIP"]

_EVENTS = "'member.joined', 'member.left'"

MEMBERSHIP = KeyedOperator(
    kinds=frozenset({"member.joined", "member.left"}),
    touch=(
        f"INSERT INTO touched_member SELECT DISTINCT subject FROM fold_batch"
        f" WHERE kind IN ({_EVENTS})",
    ),
    contributions=contributions.memberships("touched_member"),
    update=replace_state(
        "membership",
        _EVENTS,
        "s.employee = b.subject AND s.happened_at = b.occurred_at",
        "b.subject, b.occurred_at, b.fact_key, b.day, split_part(b.kind, '.', 2)",
    ),
)
