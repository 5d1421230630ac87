"""The vocabulary of facts: what happened, in the field's own words.

A fact is the only thing that enters the ledger. Connectors map vendor payloads to facts and
partners post them; both use the models of this package, which are a public contract.
"""

from shared.facts.costs import CostBooked
from shared.facts.envelope import Fact, Identity, Retraction
from shared.facts.kinds import FACT_KINDS, AnyFact, parse_fact, parse_facts
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
    "AnyFact",
    "ApplicationSubmitted",
    "AudienceRecorded",
    "CostBooked",
    "DealChanged",
    "EmployeeRecorded",
    "EngagementDaily",
    "Fact",
    "HireAccepted",
    "Identity",
    "LeadCreated",
    "LinkClicked",
    "MemberInvited",
    "MemberJoined",
    "MemberLeft",
    "PersonIdentified",
    "PostMetrics",
    "PostPublished",
    "Retraction",
    "SessionRecorded",
    "SsiRecorded",
    "TouchRecorded",
    "parse_fact",
    "parse_facts",
]
