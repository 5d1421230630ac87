"""The facts that stand, kept as they are, for answers that are counted when they are asked for."""

from services.metrics.keyed.operator import KeyedOperator, forget

__all__ = ["STANDING"]

_WHOLE_KINDS = (
    "access.recorded",
    "application.submitted",
    "content.released",
    "employment.ended",
    "figure.recorded",
    "hire.accepted",
    "internal.daily",
    "login.recorded",
    "mail.daily",
    "member.invited",
    "mention.recorded",
    "process.completed",
    "quota.set",
    "survey.recorded",
    "ties.recorded",
    "training.completed",
)
#: Of kinds whose state is kept elsewhere, only the facts that say one of these.
_FIELDS_OF_OTHERS = {
    "deal.changed": ("customer", "units", "is_new_market"),
    "post.metrics": ("reach",),
    "post.published": ("hashtags",),
}
_WHOLE = ", ".join(f"'{kind}'" for kind in _WHOLE_KINDS)
_PARTLY = " OR ".join(
    f"b.kind = '{kind}' AND b.body ?| ARRAY[{', '.join(repr(name) for name in names)}]"
    for kind, names in _FIELDS_OF_OTHERS.items()
)
_KINDS = ", ".join(f"'{kind}'" for kind in (*_WHOLE_KINDS, *_FIELDS_OF_OTHERS))
# All kinds are named by themselves, too: what is of none of them is not even looked at.
_IS_KEPT = f"b.kind IN ({_KINDS}) AND (b.kind IN ({_WHOLE}) OR {_PARTLY})"

STANDING = KeyedOperator(
    kinds=frozenset({*_WHOLE_KINDS, *_FIELDS_OF_OTHERS}),
    update=(
        forget(
            "standing",
            f"SELECT * FROM fold_retracted b WHERE {_IS_KEPT}",
            "true",
        ),
        f"""
        INSERT INTO standing
        SELECT $1, $2, b.kind, b.day, b.fact_key, b.occurred_at, b.employee, b.account, b.network,
               b.campaign, b.content, b.channel, b.body, b.position
          FROM fold_standing b
         WHERE {_IS_KEPT}
        """,
    ),
)
