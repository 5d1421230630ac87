"""Every kind of fact, and the one way from outside data to a typed fact."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, get_args

import orjson
from pydantic import ConfigDict, Field, TypeAdapter

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
from shared.facts.envelope import Fact
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

__all__ = ["FACT_KINDS", "AnyFact", "parse_fact", "parse_facts"]

AnyFact = Annotated[
    EmployeeRecorded
    | MemberInvited
    | MemberJoined
    | MemberLeft
    | PostPublished
    | PostMetrics
    | EngagementDaily
    | AudienceRecorded
    | LinkClicked
    | SessionRecorded
    | TouchRecorded
    | PersonIdentified
    | LeadCreated
    | DealChanged
    | ApplicationSubmitted
    | HireAccepted
    | CostBooked
    | SsiRecorded
    | LoginRecorded
    | AccessRecorded
    | ContentSubmitted
    | ContentReleased
    | PointsAwarded
    | TrainingCompleted
    | ActivityLogged
    | MentionRecorded
    | SurveyRecorded
    | DemographicsRecorded
    | InternalDaily
    | MailDaily
    | TiesRecorded
    | ProcessCompleted
    | IncidentRecorded
    | EmploymentEnded
    | QuotaSet
    | FigureRecorded,
    Field(discriminator="kind"),
]

# Names of fields come again and again, values hardly do: to look each of them up among those that
# came before takes longer than to make it anew.
_CONFIG: Final = ConfigDict(cache_strings="keys")
_ONE: TypeAdapter[Fact] = TypeAdapter(AnyFact, config=_CONFIG)
_MANY: TypeAdapter[Sequence[Fact]] = TypeAdapter(list[AnyFact], config=_CONFIG)

#: kind → model, for documentation and the typed reader.
FACT_KINDS: dict[str, type[Fact]] = {
    model.model_fields["kind"].default: model for model in get_args(get_args(AnyFact)[0])
}


def parse_fact(data: bytes | str | Any) -> Fact:
    """Return the typed fact of a JSON document, or of plain Python data of the same shape.

    Raises:
        pydantic.ValidationError: the kind is unknown or a field is wrong.
    """
    return _ONE.validate_json(_as_json(data))


def parse_facts(data: bytes | str | Any) -> list[Fact]:
    """Return the typed facts of a JSON array; as :func:`parse_fact`, all or none."""
    return list(_MANY.validate_json(_as_json(data)))


def _as_json(data: Any) -> bytes | str:
    # One parser for everything from outside: JSON in, straight into the compiled validator.
    return data if isinstance(data, bytes | str) else orjson.dumps(data)
