"""The vocabulary of facts: what happened, in the field's own words.

A fact is the only thing that enters the ledger. Connectors map vendor payloads to facts and
partners post them; both use the models of this package, which are a public contract.
"""

from shared.facts.company import (
    EmploymentEnded,
    FigureRecorded,
    IncidentRecorded,
    InternalDaily,
    MailDaily,
    ProcessCompleted,
    QuotaSet,
    TiesRecorded,
)
from shared.facts.costs import CostBooked
from shared.facts.envelope import Fact, Identity, Retraction
from shared.facts.kinds import FACT_KINDS, AnyFact, parse_fact, parse_facts
from shared.facts.listening import DemographicsRecorded, MentionRecorded, SurveyRecorded
from shared.facts.participation import (
    AccessRecorded,
    ActivityLogged,
    ContentReleased,
    ContentSubmitted,
    LoginRecorded,
    PointsAwarded,
    TrainingCompleted,
)
from shared.facts.people import (
    EmployeeRecorded,
    MemberInvited,
    MemberJoined,
    MemberLeft,
    SsiRecorded,
)
from shared.facts.posts import (
    AudienceRecorded,
    EngagementDaily,
    LinkClicked,
    PostMetrics,
    PostPublished,
    SessionRecorded,
)
from shared.facts.selling import (
    ApplicationSubmitted,
    DealChanged,
    HireAccepted,
    LeadCreated,
    PersonIdentified,
    TouchRecorded,
)

__all__ = [
    "FACT_KINDS",
    "AccessRecorded",
    "ActivityLogged",
    "AnyFact",
    "ApplicationSubmitted",
    "AudienceRecorded",
    "ContentReleased",
    "ContentSubmitted",
    "CostBooked",
    "DealChanged",
    "DemographicsRecorded",
    "EmployeeRecorded",
    "EmploymentEnded",
    "EngagementDaily",
    "Fact",
    "FigureRecorded",
    "HireAccepted",
    "Identity",
    "IncidentRecorded",
    "InternalDaily",
    "LeadCreated",
    "LinkClicked",
    "LoginRecorded",
    "MailDaily",
    "MemberInvited",
    "MemberJoined",
    "MemberLeft",
    "MentionRecorded",
    "PersonIdentified",
    "PointsAwarded",
    "PostMetrics",
    "PostPublished",
    "ProcessCompleted",
    "QuotaSet",
    "Retraction",
    "SessionRecorded",
    "SsiRecorded",
    "SurveyRecorded",
    "TiesRecorded",
    "TouchRecorded",
    "TrainingCompleted",
    "parse_fact",
    "parse_facts",
]
