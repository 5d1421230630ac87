"""What earns credit, and the touches it is divided among, as SQL over the state of the fold.

Leads, deals, applications and hires, each told by the one row that speaks for it; the people behind
them, as all they are known as; and the journeys that led there. ``$1`` is the organization and
``$2`` the generation.
"""

from operator import itemgetter

from shared.kpis.vocabulary import ConversionKind

__all__ = [
    "conversion_of",
    "conversions",
    "converted_on",
    "current_deal",
    "decided",
    "decided_deals",
    "inside_window",
    "is_won",
    "journeys",
    "lead_of",
    "same_people",
    "same_person",
    "speaking_row",
    "touches_of",
]

#: Which conversion a row of :func:`journeys` belongs to.
conversion_of = itemgetter("kind", "conversion")


def conversions(deals: str, leads: str, applications: str) -> str:
    """Return everything that earns credit: leads, won deals, applications and hires.

    The arguments name relations (deal), (lead) and (application).
    """
    parts = (
        decided_deals(deals, "'won'"),
        _created_leads(leads),
        _applications(applications, ", ".join(_STEPS.values())),
    )
    return " UNION ALL ".join(parts)


def decided(kind: ConversionKind, keys: str) -> str:
    """Return the conversions of one kind whose person is known; of deals, the lost ones as well.

    ``keys`` names a relation of them: (deal), (lead) or, for applications and hires, (application).
    Columns: those of :func:`decided_deals`.
    """
    match kind:
        case ConversionKind.DEAL:
            return decided_deals(keys)
        case ConversionKind.LEAD:
            return _created_leads(keys)
        case ConversionKind.APPLICATION | ConversionKind.HIRE:
            return _applications(keys, _STEPS[kind])


def decided_deals(keys: str, states: str = "'won', 'lost'") -> str:
    """Return the deals in one of ``states`` whose person is known.

    ``keys`` names a relation (deal). Columns: kind, conversion (its id), whether it was won,
    person, amount, when and on which day it was decided, and when its lead was created and its
    opportunity opened.
    """
    return f"""
    SELECT 'deal' AS kind, d.deal AS conversion, d.state = 'won' AS is_won, l.person, d.amount,
           d.closed_at AS converted_at, d.closed_day AS converted_day,
           l.created_at AS lead_at, d.opened_at
      FROM {keys} k
      JOIN LATERAL ({current_deal("k.deal")}) d ON d.state IN ({states})
      JOIN LATERAL ({lead_of("d.lead")}) l ON l.person IS NOT NULL
    """


def _created_leads(keys: str) -> str:
    return f"""
    SELECT 'lead' AS kind, k.lead AS conversion, true AS is_won, l.person, NULL::numeric AS amount,
           l.created_at AS converted_at, l.day AS converted_day, l.created_at AS lead_at,
           NULL::timestamptz AS opened_at
      FROM {keys} k
      JOIN LATERAL ({lead_of("k.lead")}) l ON l.person IS NOT NULL
    """


#: Each step of an application as what it is credited as.
_STEPS = {
    ConversionKind.APPLICATION: "('application', 'submitted')",
    ConversionKind.HIRE: "('hire', 'accepted')",
}


def _applications(keys: str, steps: str) -> str:
    # A hire that names nobody is its application's person. The submission is its first stage.
    return f"""
    SELECT e.kind, k.application AS conversion, true AS is_won,
           coalesce(a.person, s.person) AS person, NULL::numeric AS amount,
           a.happened_at AS converted_at, a.day AS converted_day, s.happened_at AS lead_at,
           NULL::timestamptz AS opened_at
      FROM {keys} k
     CROSS JOIN (VALUES {steps}) e (kind, event)
      JOIN LATERAL ({_application("k.application", "e.event")}) a ON true
      LEFT JOIN LATERAL ({_application("k.application", "'submitted'")}) s ON true
     WHERE coalesce(a.person, s.person) IS NOT NULL
    """


def converted_on(kind: ConversionKind) -> str:
    """Return who converted on which day, of all people at once, by the rows that speak for it.

    ``kind`` is not that of deals. Columns: person (who may be unknown), ``converted_on`` and, for
    hires, of another row ``applied_on``; one of the two.
    """
    if kind is ConversionKind.LEAD:
        return """
        SELECT DISTINCT ON (lead) person, day AS converted_on, NULL::date AS applied_on
          FROM lead
         WHERE org_id = $1 AND generation = $2
         ORDER BY lead, created_at, fact_key
        """
    event = "accepted" if kind is ConversionKind.HIRE else "submitted"
    return f"""
        SELECT coalesce(s.person, max(s.person) FILTER (WHERE s.event = 'submitted')
                                      OVER (PARTITION BY s.application)) AS person,
               CASE WHEN s.event = '{event}' THEN s.day END AS converted_on,
               CASE WHEN s.event <> '{event}' THEN s.day END AS applied_on
          FROM (
            SELECT DISTINCT ON (application, event) application, event, person, day
              FROM application
             WHERE org_id = $1 AND generation = $2 AND event IN ('submitted', '{event}')
             ORDER BY application, event, happened_at, fact_key
          ) s
    """


def _application(application: str, event: str) -> str:
    # The one row that speaks for a step of an application: the first to have told it.
    return f"""
        SELECT a.person, a.happened_at, a.day, a.fact_key
          FROM application a
         WHERE a.org_id = $1 AND a.generation = $2 AND a.application = {application}
           AND a.event = {event}
         ORDER BY a.happened_at, a.fact_key
         LIMIT 1
    """


def speaking_row(kind: ConversionKind, conversion: str) -> str:
    """Return the query of the row (``fact_key``) that speaks for one conversion."""
    match kind:
        case ConversionKind.DEAL:
            return current_deal(conversion)
        case ConversionKind.LEAD:
            return lead_of(conversion)
        case ConversionKind.APPLICATION:
            return _application(conversion, "'submitted'")
        case ConversionKind.HIRE:
            return _application(conversion, "'accepted'")


def journeys(conversions: str) -> str:
    """Return the touches of each conversion's person up to it, one row per touch.

    ``conversions`` is a query with the columns of :func:`decided_deals`. A touch counts if it came
    at or before the conversion and, in whole local days, inside the attribution window (``$3``,
    inclusive at both ends).
    """
    in_window = inside_window("c.converted_at", "c.converted_day")
    return f"""
    SELECT c.kind, c.conversion, c.is_won, c.amount, c.converted_at, c.converted_day, c.lead_at,
           c.opened_at, t.fact_key AS touch_key, t.touched_at, t.day AS touch_day, t.channel,
           t.employee, t.account, t.network, t.campaign, t.content
      FROM ({conversions}) c
     CROSS JOIN LATERAL ({touches_of("c.person", in_window)}) t
    """


def inside_window(moment: str, day: str, window: str = "$3::integer") -> str:
    """Return whether a touch (alias ``t``) came inside the window of what happened then.

    ``window`` is SQL of its days.
    """
    # Days decide. That no day begins before Greenwich's day before it lets the index find where the
    # window begins: who was touched for years is not read from the first year on.
    begins = f"({day} - {window} - 1)::timestamp AT TIME ZONE 'UTC'"
    return f"t.touched_at <= {moment} AND t.touched_at >= {begins} AND {day} - t.day <= {window}"


def touches_of(person: str, condition: str) -> str:
    """Return the query of a person's touches (alias ``t`` in ``condition``), as all it is known as.

    One look by key for each identifier; as a plain join it would be planned over all touches.
    """
    return f"""
        SELECT t.*
          FROM ({same_person(person)} OFFSET 0) s
         CROSS JOIN LATERAL (
            SELECT * FROM touch t
             WHERE t.org_id = $1 AND t.generation = $2 AND t.person = s.person AND {condition}
            OFFSET 0
         ) t
    """


def same_person(person: str) -> str:
    """Return the query of every identifier (``person``) of the one known as ``person``.

    Links are followed in both directions as far as they lead; who has none is alone.
    """
    return same_people(f"SELECT {person}")


def same_people(people: str, besides: str | None = None) -> str:
    """Return the query of every identifier (``person``) of all whom the query ``people`` names.

    ``besides`` is a table of further links: of each ``person`` the ``others``, in both directions.
    """
    further, told = "", ""
    if besides is not None:
        # Found by hash: there may be many of both.
        told = f"LEFT JOIN {besides} further ON further.person = same.person"
        further = "UNION ALL SELECT unnest(further.others)"
    return f"""
        WITH RECURSIVE same (person) AS (
            {people}
            UNION
            SELECT k.other
              FROM same {told}
             CROSS JOIN LATERAL (
                SELECT other FROM person_link
                 WHERE org_id = $1 AND generation = $2 AND person = same.person
                {further}
                OFFSET 0
             ) k
        )
        SELECT person FROM same
    """


def lead_of(lead: str) -> str:
    """Return the query of the one row that speaks for a lead: the first to have created it."""
    return f"""
        SELECT l.person, l.created_at, l.day, l.fact_key
          FROM lead l
         WHERE l.org_id = $1 AND l.generation = $2 AND l.lead = {lead}
         ORDER BY l.created_at, l.fact_key
         LIMIT 1
    """


def is_won(lead: str) -> str:
    """Return whether a lead became a won deal, as the rows that speak for deals tell."""
    return f"""EXISTS (
        SELECT FROM deal d
         CROSS JOIN LATERAL ({current_deal("d.deal")}) c
         WHERE d.org_id = $1 AND d.generation = $2 AND d.lead = {lead}
           -- of the row that speaks: asked of d, the index on closed deals would be looked at
           AND c.fact_key = d.fact_key AND c.state = 'won'
        OFFSET 0 -- by key: joined, all deals are read for each lead if the planner knows of none
    )"""


def current_deal(deal: str) -> str:
    """Return the query of the one row that speaks for a deal known to several sources."""
    return f"""
        SELECT s.deal, s.lead, s.state, s.amount, s.opened_at, s.opened_day, s.closed_at,
               s.closed_day, s.employee, s.fact_key
          FROM deal s
         WHERE s.org_id = $1 AND s.generation = $2 AND s.deal = {deal}
         ORDER BY s.opened_at, s.fact_key
         LIMIT 1
    """
