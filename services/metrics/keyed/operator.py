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
        update: bring the state up to date with the batch.
    """

    kinds: frozenset[str]
    touch: tuple[str, ...] = ()
    contributions: str | None = None
    update: tuple[str, ...] = ()


def replace_state(
    table: str, kinds: str, old_key: str, new_row: str, *, joined: str = ""
) -> tuple[str, str]:
    """Return the two statements that make ``table`` hold what stands after the batch.

    ``old_key`` matches a row of the table (alias ``s``) to a retracted entry (alias ``b``);
    ``new_row`` lists the values of a row, from an entry (alias ``b``) that stands, with what
    ``joined`` adds to it.
    """
    return (
        forget(
            table, f"SELECT * FROM fold_batch b WHERE weight = -1 AND kind IN ({kinds})", old_key
        ),
        f"INSERT INTO {table} SELECT $1, $2, {new_row} FROM fold_standing b {joined}"
        f" WHERE b.kind IN ({kinds})",
    )


def forget(table: str, retracted: str, key: str) -> str:
    """Return the statement that deletes the rows of the facts in ``retracted`` (alias ``b``).

    ``key`` matches a row (alias ``s``) to a fact, in the columns of the primary key.
    """
    return f"""
    DELETE FROM {table} WHERE ctid = ANY (ARRAY(
        SELECT s.ctid
          FROM ({retracted}) b
         CROSS JOIN LATERAL (
            SELECT s.ctid FROM {table} s
             WHERE s.org_id = $1 AND s.generation = $2 AND {key} AND s.fact_key = b.fact_key
            OFFSET 0
         ) s
    ))
    """
