"""Credit of conversions, recomputed in SQL: the journeys, the models, the largest remainder.

The fold credits in Python, journey by journey. Here every share of every journey under every model
is computed at once, over the tables of :mod:`services.metrics.verify.histories`.
"""

from services.metrics.verify.facts import parameter

__all__ = ["CREDIT", "CREDITED", "CREDIT_MEASURES", "MODELS"]

MODELS = (
    "first",
    "last",
    "last_non_direct",
    "linear",
    "position",
    "w_shaped",
    "time_decay",
    "shapley",
)
CREDIT_MEASURES = tuple(
    f"{measure}.{model}"
    for measure in ("revenue", "wins", "leads", "applications", "hires")
    for model in MODELS
)
_SHARE_DIGITS = 12

# What a person's touches led to, and the moments on the way there that W looks at. A hire that
# names nobody is its application's person. A sample asks for what is credited on its days.
_CONVERSIONS = f"""
CREATE TEMPORARY TABLE verify_conversion ON COMMIT DROP AS
SELECT *
  FROM (
    SELECT 'lead' AS kind, lead AS conversion, person, created_at AS converted_at,
           day AS converted_day, NULL::numeric AS amount, created_at AS stage,
           NULL::timestamptz AS later_stage
      FROM verify_lead WHERE person IS NOT NULL
    UNION ALL
    SELECT 'deal', d.deal, l.person, d.closed_at, d.closed_on, d.amount, l.created_at, d.opened_at
      FROM verify_deal d JOIN verify_lead l USING (lead)
     WHERE d.state = 'won' AND l.person IS NOT NULL
    UNION ALL
    SELECT CASE s.event WHEN 'submitted' THEN 'application' ELSE 'hire' END, s.application,
           coalesce(s.person, first.person), s.happened_at, s.day, NULL, first.happened_at, NULL
      FROM verify_step s
      LEFT JOIN verify_step first
             ON first.application = s.application AND first.event = 'submitted'
     WHERE coalesce(s.person, first.person) IS NOT NULL
  ) c
 WHERE converted_day BETWEEN {parameter("first_day")} AND {parameter("last_day")}
"""

# Whole weights for the fractions of Shapley: a number that the touches of each of its channels
# divide. Of the numbers up to the length of the path it would have as many digits as this is long.
_MULTIPLE = """
CREATE OR REPLACE AGGREGATE pg_temp.common_multiple (numeric) (
    sfunc = lcm, stype = numeric, initcond = '1'
)
"""

# The path of a conversion: its person's touches up to it, inside the window, in order. In order of
# time, the touches up to a stage are the first ones: how many there are is the place of the last.
_PATH = f"""
CREATE TEMPORARY TABLE verify_path ON COMMIT DROP AS
SELECT p.*, count(*) FILTER (WHERE roles = 0) OVER whole AS without_role,
       coalesce(max(place) FILTER (WHERE channel <> 'direct') OVER whole, touches) AS last_indirect,
       pg_temp.common_multiple(touches_of_channel) OVER whole AS multiple
  FROM (
    SELECT p.*, (place = 1)::integer + (place = up_to_stage)::integer
                + (place = up_to_later_stage)::integer AS roles
      FROM (
        SELECT c.kind, c.conversion, c.amount, c.converted_day, t.fact_key AS touch_key,
               t.day AS touch_day, t.channel, t.employee, t.account, t.network, t.campaign,
               t.content, row_number() OVER path AS place, count(*) OVER whole AS touches,
               max(t.day) OVER whole - t.day AS days_before_last,
               count(*) OVER (PARTITION BY c.kind, c.conversion, t.channel) AS touches_of_channel,
               count(*) FILTER (WHERE t.touched_at <= c.stage) OVER whole AS up_to_stage,
               count(*) FILTER (WHERE t.touched_at <= c.later_stage) OVER whole
                   AS up_to_later_stage
          FROM verify_conversion c
          JOIN verify_touch t ON t.person = c.person
         WHERE t.touched_at <= c.converted_at
           AND t.day >= c.converted_day - {parameter("window_days")}
        WINDOW whole AS (PARTITION BY c.kind, c.conversion),
               path AS (PARTITION BY c.kind, c.conversion ORDER BY t.touched_at, t.fact_key)
      ) p
  ) p
WINDOW whole AS (PARTITION BY kind, conversion)
"""

# 2^(-days / half-life) to forty digits, once per number of days.
_DECAY = f"""
CREATE TEMPORARY TABLE verify_decay ON COMMIT DROP AS
SELECT days, round(exp(-days * ln(2::numeric(80, 75)) / {parameter("half_life_days")})
                   * 1e40::numeric) AS weight
  FROM (SELECT DISTINCT days_before_last AS days FROM verify_path) d
"""

# Whole weights in the right proportion. Position gives two fifths to each end and one fifth to all
# between them; W three tenths to each role and one to all without one; Shapley gives each channel
# the same, and so each touch of a channel.
_WEIGHTS = """
    ('first', CASE WHEN place = 1 THEN 1 ELSE 0 END::numeric),
    ('last', CASE WHEN place = touches THEN 1 ELSE 0 END),
    ('last_non_direct', CASE WHEN place = last_indirect THEN 1 ELSE 0 END),
    ('linear', 1),
    ('position', CASE WHEN touches <= 2 THEN 1
                      WHEN place IN (1, touches) THEN 2 * (touches - 2) ELSE 1 END),
    ('w_shaped', CASE WHEN roles > 0 THEN 3 * roles * greatest(without_role, 1) ELSE 1 END),
    ('time_decay', v.weight),
    ('shapley', div(multiple, touches_of_channel))
"""


def _divided(whole: str, name: str) -> str:
    # Largest remainder: everybody gets the floor of the quota, the units left over go to the
    # largest remainders, of equal ones to the earlier touch. A negative whole mirrors a positive.
    return f"""
       sign({whole}) * (div(abs({whole}) * weight, total)
           + CASE WHEN row_number() OVER (
                    PARTITION BY kind, conversion, model
                    ORDER BY mod(abs({whole}) * weight, total) DESC, place)
                    <= abs({whole}) - sum(div(abs({whole}) * weight, total)) OVER journey
                  THEN 1 ELSE 0 END) AS {name}"""


_CREDIT = f"""
CREATE TEMPORARY TABLE verify_credit ON COMMIT DROP AS
SELECT kind, conversion, model, touch_key, converted_day, touch_day, employee, account, network,
       campaign, content, channel, share_units * 1e-{_SHARE_DIGITS} AS share,
       amount_units * ('1e-' || digits)::numeric AS amount
  FROM (
    SELECT w.*, {_divided(f"1e{_SHARE_DIGITS}::numeric", "share_units")},
           {_divided("units", "amount_units")}
      FROM (
        SELECT p.*, m.model, m.weight, sum(m.weight) OVER journey AS total,
               p.amount * ('1e' || p.digits)::numeric AS units
          FROM (
            SELECT *, greatest({parameter("digits")}, scale(trim_scale(amount))) AS digits
              FROM verify_path
          ) p
          JOIN verify_decay v ON v.days = p.days_before_last
         CROSS JOIN LATERAL (VALUES {_WEIGHTS}) m (model, weight)
        WINDOW journey AS (PARTITION BY p.kind, p.conversion, m.model)
      ) w
    WINDOW journey AS (PARTITION BY kind, conversion, model)
  ) divided
 WHERE share_units <> 0 OR amount_units <> 0
"""

CREDIT = (
    *(_CONVERSIONS, "ANALYZE verify_conversion", _MULTIPLE, _PATH, "ANALYZE verify_path"),
    *(_DECAY, _CREDIT, "ANALYZE verify_credit"),
)
CREDITED = """
    SELECT m.measure || model, converted_day, employee, account, network, campaign, content,
           channel, m.quantity, touch_key
      FROM verify_credit c
      JOIN LATERAL (VALUES ('deal', 'revenue.', amount), ('deal', 'wins.', share),
                           ('lead', 'leads.', share), ('application', 'applications.', share),
                           ('hire', 'hires.', share)
      ) m (kind, measure, quantity) ON m.kind = c.kind
"""
