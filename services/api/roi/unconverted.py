"""Journeys that led nowhere, of the kinds of which nobody tells a failure.

A deal is told to be lost. That somebody became no lead, or did not apply, no source ever says: it
shows when the window behind the last touch is over, because what comes later is credited to none
of these touches. So:

- The touches of a person fall into *runs*: one that comes more than the window's days after the
  one before it begins a run.
- A run led nowhere if the window behind its last touch is over and the person had not converted by
  then. Who has converted once is won: no later run of the person counts as lost.
- Only who applied can be hired, as only deals can be won: for hires, the runs of those who had
  applied by then count.
- Its path is what a conversion with the last touch would have been credited to, and the day on
  which it ended is the last one of the window behind that touch.

What is decided so stays decided, as a lost deal does, unless facts come late: a run that is over
can neither grow nor convert. ``$1`` is the organization, ``$2`` the generation, ``$3`` the window
in days, ``$4`` and ``$5`` the period, ``$6`` today.
"""

from services.api.roi.repository import Basis
from shared.kpis.vocabulary import ConversionKind
from shared.rollups import converting

__all__ = ["unconverted"]

#: The days of touches of which the runs asked about have one.
_MET = {
    Basis.COHORT: "day >= $4::date AND day < $5::date",
    Basis.PERIOD: "day >= $4::date - $3::integer AND day < $5::date - $3::integer",
}
_KEYS = {
    ConversionKind.LEAD: "lead",
    ConversionKind.APPLICATION: "application",
    ConversionKind.HIRE: "application",
}


def unconverted(kind: ConversionKind, basis: Basis) -> str:
    """Return the touches of the journeys of a kind that led nowhere, one row per touch.

    ``kind`` is not that of deals. The columns are those of ``converting.journeys``.
    """
    applied = "AND r.applied_day <= r.last_day + $3" if kind is ConversionKind.HIRE else ""
    return f"""
    SELECT '{kind}' AS kind, r.whole || '/' || r.run AS conversion, false AS is_won,
           NULL::numeric AS amount, r.last_at AS converted_at, r.last_day + $3 AS converted_day,
           NULL::timestamptz AS lead_at, NULL::timestamptz AS opened_at, r.fact_key AS touch_key,
           r.touched_at, r.day AS touch_day, r.channel, r.employee, r.account, r.network,
           r.campaign, r.content
      FROM (
        SELECT t.*, max(t.day) OVER run AS last_day,
               max(t.touched_at) OVER run AS last_at
          FROM ({_in_runs(kind, basis)}) t
        WINDOW run AS (PARTITION BY t.whole, t.run)
      ) r
     WHERE r.last_day + $3 < $6::date AND r.last_day - r.day <= $3
       AND (r.converted_day IS NULL OR r.converted_day > r.last_day + $3) {applied}
    """


def _in_runs(kind: ConversionKind, basis: Basis) -> str:
    """Return every touch of everybody met in the days that matter, with the number of its run."""
    in_time = "PARTITION BY t.whole ORDER BY t.touched_at, t.fact_key"
    return f"""
        SELECT t.*, count(*) FILTER (WHERE t.begins) OVER ({in_time}) AS run
          FROM (
            SELECT t.*, t.day - lag(t.day) OVER ({in_time}) > $3 IS TRUE AS begins
              FROM (
                SELECT w.people[1] AS whole, w.converted_day, w.applied_day, t.*
                  FROM ({_everybody(kind, basis)}) w
                 CROSS JOIN unnest(w.people) met (person)
                 CROSS JOIN LATERAL (
                    SELECT * FROM touch
                     WHERE org_id = $1 AND generation = $2 AND person = met.person
                    OFFSET 0
                 ) t
              ) t
          ) t
    """


def _everybody(kind: ConversionKind, basis: Basis) -> str:
    """Return who was met in the days that matter, and on which day they first converted, if ever.

    ``people`` are a person's identifiers; the first one stands for all of them.
    """
    applied = "NULL::date"
    if kind is ConversionKind.HIRE:
        applied = f"({_first_day(ConversionKind.APPLICATION)})"
    return f"""
        SELECT w.people, ({_first_day(kind)}) AS converted_day, {applied} AS applied_day
          FROM (
            SELECT DISTINCT s.people
              FROM (
                SELECT DISTINCT person FROM touch
                 WHERE org_id = $1 AND generation = $2 AND {_MET[basis]}
              ) p
             CROSS JOIN LATERAL (
                SELECT array_agg(person ORDER BY person) AS people
                  FROM ({converting.same_person("p.person")}) s
                OFFSET 0
             ) s
            OFFSET 0 -- asked once for each person, not for each touch
          ) w
        OFFSET 0
    """


def _first_day(kind: ConversionKind) -> str:
    """Return the query of the day on which a person (``w.people``) first converted, if ever."""
    key = _KEYS[kind]
    # OFFSET 0, or all rows are read in the order of their keys, for each person.
    told = f"""(
        SELECT DISTINCT k.{key}
          FROM (
            SELECT {key} FROM {key}
             WHERE org_id = $1 AND generation = $2 AND person = s.person
            OFFSET 0
          ) k
    )"""
    return f"""
        SELECT min(c.converted_day)
          FROM unnest(w.people) s (person)
         CROSS JOIN LATERAL ({converting.decided(kind, told)} OFFSET 0) c
         WHERE c.person = s.person
    """
