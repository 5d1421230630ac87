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

from typing import Final

from services.api.roi.repository import Basis
from shared.kpis.vocabulary import ConversionKind
from shared.rollups import converting

__all__ = ["unconverted"]

#: The days of touches of which the runs asked about have one, and those of the touches that decide
#: about them: the path up to the last one, and whether one follows it. A day may run backwards
#: where clocks do, hence the two days more.
_MET: Final = {
    Basis.COHORT: "t.day >= $4::date AND t.day < $5::date",
    Basis.PERIOD: "t.day >= $4::date - $3::integer AND t.day < $5::date - $3::integer",
}
_AROUND: Final = {
    Basis.COHORT: "t.day >= $4::date - $3::integer - 2 AND t.day < $5::date + 2 * $3::integer + 2",
    Basis.PERIOD: "t.day >= $4::date - 2 * $3::integer - 2 AND t.day < $5::date + 2",
}


def unconverted(kind: ConversionKind, basis: Basis) -> str:
    """Return the touches of the journeys of a kind that led nowhere, one row per touch.

    ``kind`` is not that of deals. The columns are those of ``converting.journeys``. Among them may
    be journeys that are not of the period.
    """
    applied = "AND r.applied_on <= r.last_day + $3" if kind is ConversionKind.HIRE else ""
    return f"""
    SELECT '{kind}' AS kind, r.whole || '/' || r.last_day AS conversion, false AS is_won,
           NULL::numeric AS amount, r.last_at AS converted_at, r.last_day + $3 AS converted_day,
           NULL::timestamptz AS lead_at, NULL::timestamptz AS opened_at, r.fact_key AS touch_key,
           r.touched_at, r.day AS touch_day, r.channel, r.employee, r.account, r.network,
           r.campaign, r.content
      FROM ({_with_last(basis, converting.converted_on(kind))}) r
     WHERE r.last_day + $3 < $6::date AND r.last_day - r.day <= $3
       AND (r.converted_on IS NULL OR r.converted_on > r.last_day + $3) {applied}
    """


def _with_last(basis: Basis, converted: str) -> str:
    """Return touches with when the last one of their run came, and when the person converted.

    ``converted`` is a query as of ``converting.converted_on``: the first days of the person, if
    there are any, are ``converted_on`` and ``applied_on``.
    """
    # Backwards, so that what follows a touch is known where the touch is. What else is known of
    # somebody comes after all their touches, and is met before them.
    backwards = "(PARTITION BY t.whole ORDER BY t.touched_at DESC, t.fact_key DESC)"
    return f"""
        SELECT t.*, min(t.day) FILTER (WHERE t.is_last) OVER backwards AS last_day,
               min(t.touched_at) FILTER (WHERE t.is_last) OVER backwards AS last_at
          FROM (
            SELECT t.whole, t.fact_key, t.touched_at, t.day, t.channel, t.employee, t.account,
                   t.network, t.campaign, t.content, min(t.converted_on) OVER backwards,
                   min(t.applied_on) OVER backwards,
                   lag(t.day) OVER backwards - t.day <= $3 IS NOT TRUE AS is_last
              FROM ({_laid_together(basis, converted)}) t
            WINDOW backwards AS {backwards}
          ) t (whole, fact_key, touched_at, day, channel, employee, account, network, campaign,
               content, converted_on, applied_on, is_last)
         WHERE t.fact_key IS NOT NULL
        WINDOW backwards AS {backwards}
    """


def _laid_together(basis: Basis, converted: str) -> str:
    """Return what is known of people: their touches, when they converted, as whom they are known.

    ``whole`` names whose it is: the first of the identifiers of a person. Only touches have a key.
    """
    # Everybody at once, and laid together and sorted. Asked person by person, each would cost as
    # much as a statement; joined, a list of which nobody knows the length could be read anew for
    # each row of another one.
    nothing = "'infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"
    return f"""
        {_NAMES}
        SELECT coalesce(min(p.known_as) OVER (PARTITION BY p.person), p.person) AS whole, p.*
          FROM (
            SELECT t.person, NULL AS known_as, NULL::date AS converted_on,
                   NULL::date AS applied_on, t.touched_at, t.fact_key, t.day, t.channel,
                   t.employee, t.account, t.network, t.campaign, t.content
              FROM (
                SELECT t.*, bool_or({_MET[basis]}) OVER (PARTITION BY t.person) AS is_met
                  FROM touch t
                 WHERE t.org_id = $1 AND t.generation = $2 AND {_AROUND[basis]}
              ) t
             WHERE t.is_met OR EXISTS (
                SELECT FROM person_link k
                 WHERE k.org_id = $1 AND k.generation = $2 AND k.person = t.person)
             UNION ALL
            SELECT person, whole, NULL, NULL, {nothing} FROM named
             UNION ALL
            SELECT person, NULL, converted_on, applied_on, {nothing} FROM ({converted}) c
             WHERE person IS NOT NULL
          ) p
    """


# Whoever has several identifiers is found from the first of them. To begin with, that is whichever
# comes before all others within two links: of one that thousands are linked to it is one of these,
# not each.
_NAMES: Final = """
    WITH RECURSIVE link AS MATERIALIZED (
        SELECT person, other FROM person_link WHERE org_id = $1 AND generation = $2
    ), named (person, whole) AS (
        SELECT n.person, n.person
          FROM (
            SELECT other AS person, min(near) AS near
              FROM (
                SELECT other, least(person, min(other) OVER (PARTITION BY person)) AS near FROM link
              ) l
             GROUP BY other
          ) n
         WHERE n.near >= n.person
        UNION
        SELECT l.other, n.whole
          FROM named n
         CROSS JOIN LATERAL (
            SELECT other FROM person_link
             WHERE org_id = $1 AND generation = $2 AND person = n.person
            OFFSET 0
         ) l
         WHERE l.other > n.whole
    )
"""
