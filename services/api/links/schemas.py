"""What the link endpoints take and answer."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.api.model import Input, Output, Page, PageQuery
from shared.facts.envelope import Channel
from shared.facts.fields import EmployeeRef, Ref, Slug

__all__ = ["Link", "Links", "ListQuery", "NewLink"]

_ID = "0197c1a4-6f1e-7c53-9d7b-5d0f3f0c2a11"
_TARGET = "https://www.example.com/insights"


class ListQuery(PageQuery):
    """A page of links."""

    employee: EmployeeRef | None = Field(
        default=None, description="Only links of this employee.", examples=["E007"]
    )
    campaign: Ref | None = Field(
        default=None, description="Only links of this campaign.", examples=["launch-2025"]
    )


class NewLink(Input):
    """A link to be: one per employee, content and network, so that a click names its sharer."""

    target_url: str = Field(
        description="Where it leads: an absolute http(s) address.",
        max_length=2000,
        examples=[_TARGET],
    )
    employee: EmployeeRef | None = Field(
        default=None, description="Whose link it is.", examples=["E007"]
    )
    account: Ref | None = Field(
        default=None, description="Or which brand account's.", examples=["golden-ratio"]
    )
    network: Slug | None = Field(
        default=None, description="Where it is shared.", examples=["linkedin"]
    )
    campaign: Ref | None = Field(default=None, description="Campaign.", examples=["launch-2025"])
    content: Ref | None = Field(default=None, description="Content.", examples=["article-12"])
    channel: Channel = Field(
        default="employee_advocacy",
        description="The channel its clicks belong to.",
        examples=["employee_advocacy"],
    )


class Link(Output):
    """A tracked link."""

    id: UUID = Field(description="Id of the link.", examples=[_ID])
    code: str = Field(description="Its code.", examples=["4kLm2ZqP9xW1a"])
    short_url: str = Field(
        description="The address to share.", examples=["https://go.example.com/l/4kLm2ZqP9xW1a"]
    )
    target_url: str = Field(description="Where it leads.", examples=[_TARGET])
    tagged_url: str = Field(
        description="The target with UTM parameters, as visitors reach it.",
        examples=[f"{_TARGET}?utm_source=linkedin&utm_medium=advocacy"],
    )
    employee: str | None = Field(description="Whose link it is.", examples=["E007"])
    account: str | None = Field(description="Or which brand account's.", examples=[None])
    network: str | None = Field(description="Where it is shared.", examples=["linkedin"])
    campaign: str | None = Field(description="Campaign.", examples=["launch-2025"])
    content: str | None = Field(description="Content.", examples=["article-12"])
    channel: Channel = Field(description="Its channel.", examples=["employee_advocacy"])
    created_at: datetime = Field(description="When it was made.", examples=["2025-01-02T08:00:00Z"])


class Links(Page):
    """Links, the newest first."""

    links: list[Link] = Field(description="This page's links.")
