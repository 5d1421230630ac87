"""Publications: a post counts once, however many sources tell that it went out."""

from services.metrics.keyed.operator import KeyedOperator, replace_state
from shared.rollups.posted import posted

__all__ = ["PUBLICATIONS"]

# Of a post that is told again, another row may speak than before: all of its rows are looked at.
_TOUCHED = "(SELECT DISTINCT subject AS post FROM fold_batch WHERE kind = 'post.published')"
# Most posts are new: what is looked up in the ledger are those that it held before.
_STAGED = """(
    SELECT position, day, channel, body FROM fold_batch WHERE kind = 'post.published'
)"""

PUBLICATIONS = KeyedOperator(
    kinds=frozenset({"post.published"}),
    contributions=posted(_TOUCHED, _STAGED),
    held=posted(_TOUCHED),
    update=replace_state(
        "post",
        "'post.published'",
        "s.post = b.subject",
        "b.subject, b.fact_key, b.occurred_at, b.employee, b.account, b.network, b.campaign,"
        " b.content",
    ),
)
