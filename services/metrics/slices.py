"""From deltas to rollups: expand each delta to its slices, and apply them once.

Cells are kept at the finest useful grain and pre-summed for what dashboards ask. Every slice is
the sum of the finest cells it covers; a team's is the sum over the people who were in it that day.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

import asyncpg

from services.metrics.keyed.roster import TEAM_MOVES
from services.metrics.sql import BY_KEY, hash_of_name, run
from shared.rollups.contributions import DIMENSIONS
from shared.rollups.layout import FAMILIES, SLOTS, WIDTH, Place, assign, each_slot

__all__ = ["apply_corrections", "apply_deltas"]

_HAS_VALUE = f"num_nonnulls({each_slot('q{slot}')}) > 0"
_WHERE = ", ".join(DIMENSIONS)
_NAMES = ("employee", "account", "team", "network", "campaign", "content", "channel")
_NAME = ", ".join(_NAMES)
# What names a place, whoever was there; a place and a person name the finest cells.
_PLACES = ("account", "network", "campaign", "channel")
_FINEST = ("employee", *_PLACES)
_QUANTITIES = each_slot("q{slot}")

# What the deltas name: measures, and of some families which of their quantities are there.
_TOLD = f"""
SELECT DISTINCT measure AS name, NULL::boolean[] AS quantities FROM fold_delta
UNION ALL
SELECT family, ARRAY[{each_slot("bool_or(q{slot} <> 0)")}]
  FROM fold_row WHERE family = ANY ($1) GROUP BY family
"""
_HELD = "SELECT measure, family, slot FROM rollup_slot WHERE org_id = $1 AND generation = $2"
_PLACE = """
INSERT INTO rollup_slot (org_id, generation, measure, family, slot)
SELECT $1, $2, * FROM unnest($3::text[], $4::smallint[], $5::smallint[])
"""

_SUMS = each_slot("nullif(total(q{slot}), 0) AS q{slot}")


@lru_cache(maxsize=64)
def _sum(held: frozenset[tuple[str, Place]]) -> str:
    """Return the statement that sums the deltas, for a generation that keeps measures in ``held``.

    Measures that share a row of the rollups share one from here on. A delta that cancels out leaves
    no value, as if there had been none. Content does not name the finest cells: it is summed beside
    them, in rows that name nothing else.
    """
    told = " UNION ALL ".join(
        (
            f"""
            SELECT {_WHERE}, s.family, d.day,
                   {each_slot("CASE s.slot WHEN {slot} THEN d.quantity END AS q{slot}")}
              FROM fold_delta d
              JOIN rollup_slot s ON s.org_id = $1 AND s.generation = $2 AND s.measure = d.measure
            """,
            *_told_side_by_side(dict(held)),
        )
    )
    where = ", ".join(f"coalesce({dimension}, '')" for dimension in DIMENSIONS)
    # OFFSET 0, here and below: or each value is worked out again for the condition.
    return f"""
    INSERT INTO fold_sum
    SELECT {where}, family, day, {_QUANTITIES}
      FROM (
        SELECT {_WHERE}, family, day, {_SUMS}
          FROM ({told}) told
         GROUP BY family, day, GROUPING SETS (({", ".join(_FINEST)}), (content))
        HAVING content IS NULL OR content <> ''
        OFFSET 0
    ) summed
     WHERE {_HAS_VALUE}
    """


def _told_side_by_side(places: Mapping[str, Place]) -> Iterator[str]:
    """Yield the queries of what was told side by side, in the rows that the generation keeps.

    Families whose columns are those that they are declared in are read together, others singly.
    """
    in_order = {}
    for name, measures in FAMILIES.items():
        kept = {n: places[m] for n, m in enumerate(measures[:WIDTH], start=1) if m in places}
        families = sorted({place.family for place in kept.values()})
        if len(families) == 1 and all(place.slot == n for n, place in kept.items()):
            in_order[name] = families[0]
            continue
        for family in families:
            column = {place.slot: f"q{n}" for n, place in kept.items() if place.family == family}
            quantities = ", ".join(column.get(slot, "NULL") for slot in SLOTS)
            yield (
                f"SELECT {_WHERE}, {family}::smallint, day, {quantities}"
                f" FROM fold_row WHERE family = '{name}'"
            )
    if in_order:
        numbers = " ".join(f"WHEN '{name}' THEN {family}" for name, family in in_order.items())
        names = ", ".join(f"'{name}'" for name in in_order)
        yield (
            f"SELECT {_WHERE}, (CASE family {numbers} END)::smallint, day, {_QUANTITIES}"
            f" FROM fold_row WHERE family IN ({names})"
        )


# The team depends on the day, so it is a list of its own. People whose team is unknown form the
# team ''.
_TEAM = """
INSERT INTO fold_team
SELECT p.employee, p.day, coalesce(r.team, '')
  FROM (SELECT DISTINCT employee, day FROM fold_sum WHERE employee <> '') p
  LEFT JOIN LATERAL (
    SELECT r.team FROM roster r
     WHERE r.org_id = $1 AND r.generation = $2 AND r.employee = p.employee
       AND r.effective_on <= p.day
     ORDER BY r.effective_on DESC, r.fact_key DESC
     LIMIT 1
  ) r ON true
"""

# What names the cells of a slice. A team is looked up.
_NAMED_BY: Mapping[str, tuple[str, ...]] = {
    "total": (),
    "finest": _FINEST,
    **{name: (name,) for name in _NAMES},
}


def _named(slice_: str) -> str:
    """Return the columns that name the cells of a slice, '' where another slice has a name."""
    names = (name if name in _NAMED_BY[slice_] else f"'' AS {name}" for name in _NAMES)
    return f"'{slice_}' AS slice, {', '.join(names)}"


def _is_there(slice_: str) -> str:
    """Return whether a row of sums has a cell in a slice.

    A slice of one dimension exists for a value, not for its absence. No team is a team, too.
    """
    if slice_ in DIMENSIONS:
        return f"{slice_} <> ''"
    return "content = ''" if slice_ == "finest" else "true"


def _touched(slice_: str) -> str:
    """Return the query of the cells of a slice that a batch touches."""
    source = "fold_sum"
    if slice_ == "team":
        source = "(SELECT team FROM fold_team UNION ALL SELECT team FROM fold_move) t"
    return f"SELECT DISTINCT {_named(slice_)} FROM {source} WHERE {_is_there(slice_)}"


_TOUCHED = " UNION ALL ".join(map(_touched, _NAMED_BY))
# Cells are looked up by key, one probe each; those not found get the next numbers.
_FIND_CELLS = f"""
INSERT INTO fold_cell
SELECT w.slice, {", ".join(f"w.{name}" for name in _NAMES)},
       coalesce(c.cell, f.next_cell - 1 + row_number() OVER (PARTITION BY c.cell IS NULL)),
       c.cell IS NULL
  FROM (
    SELECT t.*, {hash_of_name("slice", *_NAMES)} AS name_hash FROM ({_TOUCHED}) t
    OFFSET 0
  ) w
 CROSS JOIN (
    SELECT next_cell FROM fold_cursor WHERE org_id = $1 AND generation = $2
 ) f
  LEFT JOIN LATERAL (
    SELECT * FROM cell
     WHERE org_id = $1 AND generation = $2 AND name_hash = w.name_hash
    OFFSET 0
  ) c ON {" AND ".join(f"c.{name} = w.{name}" for name in ("slice", *_NAMES))}
"""

_NAME_NEW_CELLS = f"""
WITH named AS (
    INSERT INTO cell (org_id, generation, cell, slice, {_NAME})
    SELECT $1, $2, cell, slice, {_NAME} FROM fold_cell WHERE is_new
    RETURNING 1
)
UPDATE fold_cursor SET next_cell = next_cell + (SELECT count(*) FROM named)
 WHERE org_id = $1 AND generation = $2 AND (SELECT count(*) FROM named) > 0
"""


def _summed(slice_: str, sums: str) -> str:
    """Return the query of the sums of a slice's cells, from ``sums`` that name the cells."""
    return (
        f"SELECT {_named(slice_)}, family, day, {_QUANTITIES} FROM {sums} WHERE {_is_there(slice_)}"
    )


def _netted(slice_: str, sums: str) -> str:
    """Return the same from ``sums`` of which several may be of one cell."""
    group = ", ".join((*_NAMED_BY[slice_], "family", "day"))
    return (
        f"SELECT {_named(slice_)}, family, day, {_SUMS} FROM {sums} WHERE {_is_there(slice_)}"
        f" GROUP BY {group}"
    )


_OF_TEAMS = f"""(
    SELECT t.team, s.family, s.day, {each_slot("s.q{slot}")}
      FROM person s JOIN fold_team t ON t.employee = s.employee AND t.day = s.day
    UNION ALL
    SELECT team, family, day, {_QUANTITIES} FROM fold_move
) t"""
_SLICES = (
    _summed("finest", "fold_sum"),
    _summed("content", "fold_sum"),
    _summed("employee", "person"),
    *(_netted(slice_, "place") for slice_ in ("total", *_PLACES)),
    _netted("team", _OF_TEAMS),
)
# People, and places whoever was there, are fewer by far than the finest cells: the other slices are
# netted from theirs. Each sum finds the number of its cell; rows come in the order of the rollups'
# key.
_CHANGE = f"""
INSERT INTO fold_change
WITH person AS MATERIALIZED (
    SELECT employee, family, day, {_SUMS}
      FROM fold_sum WHERE employee <> '' GROUP BY employee, family, day
), place AS MATERIALIZED (
    SELECT {", ".join(_PLACES)}, family, day, {_SUMS}
      FROM fold_sum WHERE content = '' GROUP BY {", ".join(_PLACES)}, family, day
)
SELECT family, cell, day, {_QUANTITIES}
  FROM ({" UNION ALL ".join(_SLICES)} OFFSET 0) s
  JOIN fold_cell USING (slice, {_NAME})
 WHERE {_HAS_VALUE}
 ORDER BY family, cell, day
"""

# Only what a repair adds has a moment of its own: a fold's changes are known by their position.
_LOG = f"""
INSERT INTO rollup_change (org_id, generation, position, known_on, repaired_at, cell, day, family,
                           {each_slot("d{slot}")})
SELECT $1, $2, $3, $4, $5, cell, day, family, {each_slot("q{slot}")} FROM fold_change
"""

# The cursor's lock makes this the only writer of the generation, so a plain look before the write
# is enough, and cheaper than an upsert, which is prepared for a writer beside it. Rows come in the
# order of the key.
_ADDED = (
    "v{slot} = CASE WHEN d.q{slot} IS NULL THEN r.v{slot}"
    " ELSE coalesce(r.v{slot}, 0) + d.q{slot} END"
)
_APPLY = f"""
MERGE INTO rollup r
USING fold_change d
   ON r.org_id = $1 AND r.generation = $2 AND r.family = d.family AND r.cell = d.cell
  AND r.day = d.day
 WHEN MATCHED THEN UPDATE SET {each_slot(_ADDED)}
 WHEN NOT MATCHED THEN
      INSERT (org_id, generation, cell, day, family, {each_slot("v{slot}")})
      VALUES ($1, $2, d.cell, d.day, d.family, {each_slot("d.q{slot}")})
"""

# As a change of the fold, but of cells by their numbers: nothing is expanded to other slices.
_CORRECT = f"""
INSERT INTO fold_change
SELECT s.family, c.cell, c.day,
       {each_slot("sum(c.quantity) FILTER (WHERE s.slot = {slot}) AS q{slot}")}
  FROM ({{corrections}}) c (measure, cell, day, quantity)
  JOIN rollup_slot s ON s.org_id = $1 AND s.generation = $2 AND s.measure = c.measure
 WHERE c.quantity <> 0
 GROUP BY s.family, c.cell, c.day
"""


async def apply_deltas(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    *,
    position: int,
    known_on: date,
    has_roster_change: bool,
) -> None:
    """Add what ``fold_delta`` and ``fold_row`` hold to every slice it belongs to, and log it."""
    held = await _places(connection, org_id, generation)
    for statement in (_sum(frozenset(held.items())), _TEAM):
        await run(connection, statement, org_id, generation)
    if has_roster_change:
        # The cells as they stood before this batch move with their people; the batch's own
        # deltas are booked under the new roster already.
        await run(connection, TEAM_MOVES, org_id, generation)
    for statement in (_FIND_CELLS, _NAME_NEW_CELLS, _CHANGE):
        await run(connection, statement, org_id, generation)
    await run(connection, _LOG, org_id, generation, position, known_on, None)
    await connection.execute(BY_KEY)
    await run(connection, _APPLY, org_id, generation)


async def apply_corrections(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    *,
    position: int,
    known_on: date,
    repaired_at: datetime,
    of_values: str,
    of_log: str,
) -> None:
    """Add to single cells what they lack, and to the log what it lacks: the two may differ.

    ``of_values`` and ``of_log`` are queries of (measure, cell, day, quantity). For repairs alone: a
    change of the fold is the same in both.
    """
    await connection.execute("TRUNCATE fold_change")
    await run(connection, _CORRECT.format(corrections=of_log), org_id, generation)
    await run(connection, _LOG, org_id, generation, position, known_on, repaired_at)
    await connection.execute("TRUNCATE fold_change")
    await run(connection, _CORRECT.format(corrections=of_values), org_id, generation)
    await connection.execute(BY_KEY)
    await run(connection, _APPLY, org_id, generation)


async def _places(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, generation: int
) -> dict[str, Place]:
    """Return where the generation keeps its measures; those that are new get their places now."""
    rows = await connection.fetch(_HELD, org_id, generation)
    held = {row["measure"]: Place(row["family"], row["slot"]) for row in rows}
    unsettled = [name for name, measures in FAMILIES.items() if set(measures[:WIDTH]) - set(held)]
    told = await connection.fetch(_TOLD, unsettled)
    wanted = {measure for name, quantities in told for measure in _measures(name, quantities)}
    if new := assign(held, wanted):
        columns = zip(*((measure, *place) for measure, place in new.items()), strict=True)
        await connection.execute(_PLACE, org_id, generation, *map(list, columns))
    return held | new


def _measures(name: str, quantities: Sequence[bool | None] | None) -> list[str]:
    if quantities is None:
        return [name]
    told = zip(FAMILIES[name], quantities[: len(FAMILIES[name])], strict=True)
    return [measure for measure, is_there in told if is_there]
