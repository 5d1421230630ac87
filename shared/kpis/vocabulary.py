"""The closed sets of words that definitions, the fold and the API use for the same things."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "PLACES",
    "ROSTER_PLACES",
    "Aggregation",
    "AttributionModel",
    "AudienceFacet",
    "Axis",
    "Category",
    "ConversionKind",
    "CostCategory",
    "Dimension",
    "Direction",
    "Generation",
    "GlobalModel",
    "Grade",
    "RetentionWeek",
    "SsiPillar",
    "SurveyTopic",
    "Unavailable",
    "Unit",
    "Worth",
]


class AttributionModel(StrEnum):
    """How the credit for one conversion is divided among the touches before it."""

    FIRST = "first"
    LAST = "last"
    LAST_NON_DIRECT = "last_non_direct"
    LINEAR = "linear"
    POSITION = "position"  # U: 40 % first, 40 % last
    W_SHAPED = "w_shaped"  # 30 % first, 30 % each for the touches that led to lead and opportunity
    TIME_DECAY = "time_decay"
    SHAPLEY = "shapley"  # over channels, exact, of the sum game


class GlobalModel(StrEnum):
    """How credit is divided by a look at all journeys at once; nothing of it is stored."""

    MARKOV = "markov"  # removal effect


class ConversionKind(StrEnum):
    """What a journey can lead to and touches are credited with."""

    LEAD = "lead"
    DEAL = "deal"
    APPLICATION = "application"
    HIRE = "hire"


class Aggregation(StrEnum):
    """What may be done with several values of one figure."""

    ADDITIVE = "additive"  # summed over time and over every dimension it carries
    DISTINCT = "distinct"  # a count of a set: one person can be in two parts, so never summed
    RATIO = "ratio"  # numerator and denominator are summed, the division comes last
    QUANTILE = "quantile"  # needs the values themselves
    GAUGE = "gauge"  # a level: summed over entities, never over time
    ATTRIBUTED = "attributed"  # credit of conversions: summed like an additive one
    COMPOSITE = "composite"  # a score or a mean of people: never combined


class Dimension(StrEnum):
    """What a figure can be grouped and filtered by."""

    TEAM = "team"
    EMPLOYEE = "employee"
    NETWORK = "network"
    CAMPAIGN = "campaign"
    CHANNEL = "channel"
    CONTENT = "content"
    ACCOUNT = "account"
    HASHTAG = "hashtag"  # a post has several: its values overlap
    DEPARTMENT = "department"
    ROLE = "role"
    JOB = "job"  # the opening that somebody applied for, or that was recruited for
    MARKET = "market"
    LANGUAGE = "language"
    COHORT = "cohort"  # the month in which somebody first joined the program, as in 2025-03


ROSTER_PLACES = (Dimension.TEAM, Dimension.DEPARTMENT, Dimension.ROLE)
"""What the roster says of an employee from a day on; who has none is in the group ""."""
PLACES = (*ROSTER_PLACES, Dimension.COHORT)
"""What divides employees, on any day; who has none, or never joined, is in the group ""."""


class Axis(StrEnum):
    """The direction of a roll-up that is not a dimension: along the calendar."""

    TIME = "time"


class Category(StrEnum):
    """The chapter of the catalogue a KPI belongs to."""

    ADOPTION = "AD"
    CONTENT = "CO"
    AWARENESS = "AW"
    ENGAGEMENT = "EN"
    TRAFFIC = "TR"
    MEDIA_VALUE = "MV"
    SOCIAL_SELLING = "SS"
    REVENUE = "RV"
    RECRUITING = "RC"
    INTERNAL_NETWORK = "ES"
    LISTENING = "LS"
    EXPERIENCE = "EX"
    GAMIFICATION = "GM"
    DATA_QUALITY = "DQ"


class Worth(StrEnum):
    """Whether a figure leads to a decision or only flatters."""

    VANITY = "vanity"
    SUCCESS = "success"


class Direction(StrEnum):
    """Which way is better."""

    UP = "up"
    DOWN = "down"
    NEUTRAL = "neutral"


class Grade(StrEnum):
    """How well a figure is founded; the weakest input grades a result."""

    MEASURED = "measured"
    MODELLED = "modelled"
    CLAIMED = "claimed"


class Unit(StrEnum):
    """The unit of a measure, an assumption or a KPI. Percent values are percents: 30, not 0.3."""

    PEOPLE = "people"
    POSTS = "posts"
    VIEWS = "views"
    CLICKS = "clicks"
    SESSIONS = "sessions"
    EVENTS = "events"
    EDGES = "edges"
    LEADS = "leads"
    DEALS = "deals"
    APPLICATIONS = "applications"
    HIRES = "hires"
    MONEY = "money"
    PERCENT = "percent"
    RATIO = "ratio"
    POINTS = "points"
    POSTS_PER_WEEK = "posts_per_week"
    POSTS_PER_PERSON_WEEK = "posts_per_person_week"
    SECONDS = "seconds"
    MINUTES = "minutes"
    DAYS = "days"
    WEEKS = "weeks"
    HOURS = "hours"
    ITEMS = "items"
    MENTIONS = "mentions"
    ANSWERS = "answers"
    CUSTOMERS = "customers"
    UNITS = "units"
    PAIRS = "pairs"
    PERSON_DAYS = "person_days"
    PERCENTAGE_POINTS = "percentage_points"
    PER_WEEK = "per_week"
    DATE = "date"


class SsiPillar(StrEnum):
    """The four pillars of LinkedIn's Social Selling Index, 0 to 25 points each."""

    BRAND = "brand"
    PEOPLE = "people"
    INSIGHTS = "insights"
    RELATIONSHIPS = "relationships"


class SurveyTopic(StrEnum):
    """What surveys ask about."""

    ENGAGEMENT = "engagement"
    ENPS = "enps"
    STRESS = "stress"
    COMPETENCE = "competence"
    CUSTOMER_NPS = "customer_nps"
    BRAND_TRUST = "brand_trust"
    EMPLOYER_BRAND_AWARENESS = "employer_brand_awareness"
    BRAND_PERCEPTION = "brand_perception"
    COHESION = "cohesion"
    MORALE = "morale"
    RETENTION_INTENT = "retention_intent"


class AudienceFacet(StrEnum):
    """What an audience is divided by to see whether the right people were reached."""

    COMPANY = "company"
    TITLE = "title"
    CITY = "city"


class Generation(StrEnum):
    """Birth cohorts of an audience; never of staff."""

    SILENT = "silent"
    BOOMERS = "boomers"
    GEN_X = "gen_x"
    MILLENNIALS = "millennials"
    GEN_Z = "gen_z"


class RetentionWeek(StrEnum):
    """Weeks after joining in which a cohort is looked at again."""

    FIRST = "1"
    FOURTH = "4"
    EIGHTH = "8"
    TWELFTH = "12"
    HALF_YEAR = "26"


class Unavailable(StrEnum):
    """Why a figure that the field speaks of has no number here, whatever the facts."""

    #: Networks report unique people per post; across posts only bounds are known.
    ONLY_BOUNDS_KNOWN = "only_bounds_known"
    #: It would rank named people; nothing records that they agreed.
    CONSENT_NOT_RECORDED = "consent_not_recorded"


class CostCategory(StrEnum):
    """What the program's money and working time is spent on."""

    PLATFORM = "platform"
    INFRASTRUCTURE = "infrastructure"
    TRAINING = "training"
    EMPLOYEE_TIME = "employee_time"
    MANAGER_TIME = "manager_time"
    CONTENT = "content"
    REWARDS = "rewards"
    AGENCY = "agency"
    EXPERT = "expert"
    PAID_BOOST = "paid_boost"
    OTHER = "other"
