"""The declaration of a keyed operator."""

from dataclasses import dataclass

__all__ = ["KeyedOperator", "forget", "replace_state"]


@dataclass(frozen=True, slots=True)
class KeyedOperator:
    """One keyed operator, as SQL over the working tables of :mod:`services.metrics.stage`.

    In every statement ``$1`` is the organization, ``$2`` the generation and ``$3`` the attribution
    window in days, as far as the statement names them.

    Attributes:
        kinds: facts of these kinds change the operator's state.
        touch: mark the keys the batch touches, before the state changes.
        contributions: what the marked keys contribute, in the columns of a contribution query.
        held: the same before the state changes, if it is known of which keys nothing was held.
        is_side_by_side: both tell rows of a family of measures instead.
        update: bring the state up to date with the batch.
    """

    kinds: frozenset[str]
    touch: tuple[str, ...] = ()
    contributions: str | None = None
    held: str | None = None
    is_side_by_side: bool = False
    update: tuple[str, ...] = ()


def replace_state(
    table: str, kinds: str, old_key: str, new_row: str, *, joined: str = "", order: str = ""
) -> tuple[str, str]:
    """Return the two statements that make ``table`` hold what stands after the batch.

    ``old_key`` matches a row of the table (alias ``s``) to a retracted entry (alias ``b``);
    ``new_row`` lists the values of a row, from an entry (alias ``b``) that stands, with what
    ``joined`` adds to it. Rows come in the order of ``order``: what is read together lies together.
    """
    ordered = f" ORDER BY {order}" if order else ""
    return (
        forget(table, f"SELECT * FROM fold_retracted WHERE kind IN ({kinds})", old_key),
        f"INSERT INTO {table} SELECT $1, $2, {new_row}, b.position FROM fold_standing b {joined}"
        f" WHERE b.kind IN ({kinds}){ordered}",
    )


def forget(table: str, retracted: str, key: str) -> str:
    """Return the statement that moves the rows of the facts in ``retracted`` to the table's past.

    ``retracted`` (alias ``b``) holds entries of ``fold_retracted``; ``key`` matches a row (alias
    ``s``) to an entry, in the columns of the primary key. A row keeps the position of the entry
    that wrote it and gets, as ``until``, that of the entry that took it back: known from the one up
    to, and without, the other.
    """
    return f"""
    WITH gone AS MATERIALIZED (
        SELECT s.place, s.state, b.position AS until
          FROM ({retracted}) b
         CROSS JOIN LATERAL (
            SELECT s.ctid AS place, s AS state FROM {table} s
             WHERE s.org_id = $1 AND s.generation = $2 AND {key} AND s.fact_key = b.fact_key
            OFFSET 0
         ) s
    ), remembered AS (
        INSERT INTO {table}_past SELECT (g.state).*, g.until FROM gone g
    )
    DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT place FROM gone))
    """
