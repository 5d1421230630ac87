"""The closed sets of words that definitions, the fold and the API use for the same things."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "Aggregation",
    "AttributionModel",
    "Axis",
    "Category",
    "ConversionKind",
    "CostCategory",
    "Dimension",
    "Direction",
    "GlobalModel",
    "Grade",
    "SsiPillar",
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


class SsiPillar(StrEnum):
    """The four pillars of LinkedIn's Social Selling Index, 0 to 25 points each."""

    BRAND = "brand"
    PEOPLE = "people"
    INSIGHTS = "insights"
    RELATIONSHIPS = "relationships"


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
