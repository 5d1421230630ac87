"""The vocabulary of facts: what happened, in the field's own words.

A fact is the only thing that enters the ledger. Connectors map vendor payloads to facts and
partners post them; both use the models of this package, which are a public contract.
"""

from shared.facts.envelope import Fact, Identity, Retraction
from shared.facts.kinds import (
    FACT_KINDS,
    AnyFact,
    ApplicationSubmitted,
    AudienceRecorded,
    CostBooked,
    DealChanged,
    EmployeeRecorded,
    EngagementDaily,
    HireAccepted,
    LeadCreated,
    LinkClicked,
    MemberInvited,
    MemberJoined,
    MemberLeft,
    PostMetrics,
    PostPublished,
    SessionRecorded,
    SsiRecorded,
    TouchRecorded,
    parse_fact,
    parse_facts,
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
    "PostMetrics",
    "PostPublished",
    "Retraction",
    "SessionRecorded",
    "SsiRecorded",
    "TouchRecorded",
    "parse_fact",
    "parse_facts",
]
