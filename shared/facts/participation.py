"""Facts about what employees do for the program beside posting."""

from typing import Literal

from pydantic import Field

from shared.facts.envelope import Fact
from shared.facts.fields import Amount, Count, Flag, Hours, Ref
from shared.facts.shapes import OfEmployee

__all__ = [
    "AccessRecorded",
    "ActivityLogged",
    "ContentReleased",
    "ContentSubmitted",
    "LoginRecorded",
    "PointsAwarded",
    "TrainingCompleted",
]

_CONTENT = Field(description="The content item.", examples=["article-12"])


class LoginRecorded(OfEmployee):
    """An employee opened a system of the program."""

    kind: Literal["login.recorded"] = Field(
        default="login.recorded", description="Kind of fact.", examples=["login.recorded"]
    )
    system: Literal["advocacy", "listening"] = Field(
        default="advocacy",
        description="advocacy: the sharing platform; listening: a report of social listening.",
        examples=["advocacy"],
    )


class AccessRecorded(OfEmployee):
    """The state of an employee's account from an instant on. A later row ends the earlier one."""

    kind: Literal["access.recorded"] = Field(
        default="access.recorded", description="Kind of fact.", examples=["access.recorded"]
    )
    system: Literal["network", "internal"] = Field(
        description="network: the social network named by `network`, connected to the platform; "
        "internal: the company's own network.",
        examples=["network"],
    )
    state: Literal["live", "expired", "removed"] = Field(
        description="Whether the account, or its token, works.", examples=["live"]
    )


class ContentSubmitted(OfEmployee):
    """An employee proposed a story for others to share."""

    subject_field = "content"
    kind: Literal["content.submitted"] = Field(
        default="content.submitted", description="Kind of fact.", examples=["content.submitted"]
    )
    content: Ref = _CONTENT


class ContentReleased(Fact):
    """An item became available to share; ``employee`` is who proposed it, if somebody did."""

    subject_field = "content"
    kind: Literal["content.released"] = Field(
        default="content.released", description="Kind of fact.", examples=["content.released"]
    )
    content: Ref = _CONTENT


class PointsAwarded(OfEmployee):
    """Game points, under one version of one rule. Negative points take some back."""

    kind: Literal["points.awarded"] = Field(
        default="points.awarded", description="Kind of fact.", examples=["points.awarded"]
    )
    points: Amount = Field(description="How many.", examples=["10"])
    rule: Ref = Field(description="The rule that gave them.", examples=["share"])
    rule_version: Count = Field(description="Its version.", examples=[1])


class TrainingCompleted(OfEmployee):
    """An employee completed a training."""

    kind: Literal["training.completed"] = Field(
        default="training.completed", description="Kind of fact.", examples=["training.completed"]
    )
    course: Ref = Field(description="The course.", examples=["social-selling-1"])
    hours: Hours = Field(description="How long it took.", examples=["2.5"])
    is_onboarding: Flag = Field(
        default=False, description="Whether it introduced a newcomer.", examples=[False]
    )


class ActivityLogged(Fact):
    """Advocacy that no network counts, entered by hand, or working time set aside for it."""

    kind: Literal["activity.logged"] = Field(
        default="activity.logged", description="Kind of fact.", examples=["activity.logged"]
    )
    activity: Literal["program", "event", "email", "forum", "branded_wear", "contest_entry"] = (
        Field(
            description="program: time alone; contest_entry: somebody took part in the contest "
            "named by `campaign`; the others are advocacy away from the networks.",
            examples=["event"],
        )
    )
    count: Count = Field(default=1, description="How often.", examples=[1])
    hours: Hours | None = Field(
        default=None, description="Working time it took, if known.", examples=["1.5"]
    )
