"""What a connector declares. The engine in :mod:`services.collector.sync` does the rest.

A connector is data plus pure functions: which credentials it takes, which streams it has, how a
request for a window of time looks, how pages follow, what a record becomes. It opens no socket,
reads no clock and writes no row, so a new vendor is a new declaration and not a new engine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from services.collector.connectors.errors import Unreadable
from services.collector.connectors.webhooks import Webhooks
from services.collector.http.auth import OAuthGrant, ServiceAccountKey, StaticToken
from services.collector.http.message import JsonObject, Request
from services.collector.http.paginators import Paginator, SinglePage
from services.collector.http.rules import AnswerRules
from shared.facts import Fact, Retraction
from shared.facts.envelope import Channel

__all__ = [
    "Belonging",
    "Connector",
    "ConnectorConfig",
    "Credential",
    "Frame",
    "Item",
    "LinkTarget",
    "Page",
    "PostScope",
    "Record",
    "Replacement",
    "Stream",
    "TrackedPost",
    "Unreadable",
    "Walk",
    "Window",
]

Credential = StaticToken | OAuthGrant | ServiceAccountKey
Item = Fact | Retraction


class ConnectorConfig(BaseModel):
    """What every connection may configure; each connector adds its own fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str = Field(description="Where the vendor's API is, without a trailing slash.")
    token_url: str | None = Field(
        default=None, description="Where OAuth tokens are renewed, if not at the vendor's usual."
    )
    start_on: date | None = Field(
        default=None, description="The first day to ask for; each stream has its own default."
    )


ConfigT = TypeVar("ConfigT", bound=ConnectorConfig)
ContextT = TypeVar("ContextT")


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """What a tracked link says about the visits it brings."""

    channel: Channel
    employee: str | None = None
    account: str | None = None
    network: str | None = None
    campaign: str | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True)
class TrackedPost:
    """A published post that the organization already knows of."""

    post: str
    employee: str
    campaign: str | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True)
class PostScope:
    """Which posts a stream asks about: an employee's, on one network, not older than ``age``.

    ``pattern``, a regular expression, is what the vendor's ids look like. Who tells of a post may
    name it otherwise, and such a question would end the run.
    """

    employee: str
    network: str
    age: timedelta
    pattern: str


@dataclass(frozen=True, slots=True)
class Frame(Generic[ConfigT]):
    """What is fixed during one run: the connection, the organization, the time.

    ``links`` and ``posts`` are filled only for streams that ask for them.
    """

    config: ConfigT
    source: str
    now: datetime
    currency: str
    person_of: Callable[[str], str]
    links: Mapping[str, LinkTarget] = field(default_factory=dict)
    posts: tuple[TrackedPost, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch of a stream: what a request asks for. ``end`` is not part of it."""

    start: datetime
    end: datetime
    post: TrackedPost | None = None

    @property
    def first_day(self) -> date:
        """The first day of the window, in UTC."""
        return self.start.date()

    @property
    def end_day(self) -> date:
        """The day after the last day of the window, in UTC."""
        return self.end.date()


@dataclass(frozen=True, slots=True)
class Page:
    """A vendor's answer with the answers that belong to it, such as the associations of deals."""

    window: Window
    main: JsonObject
    companions: Mapping[str, JsonObject] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a page. ``key`` is the vendor's id of it, as far as it could be read.

    ``content`` is plain JSON: what cannot be read is kept as JSON, to be mapped again one day.
    """

    key: str
    content: JsonObject


@dataclass(frozen=True, slots=True)
class Replacement:
    """Says that a complete answer for whole days replaces what was booked for them.

    ``prefix`` begins the ids of the facts that a connection's answers speak for; ``is_complete``
    tells whether the vendor gave everything it has.
    """

    kind: str
    prefix: Callable[[Any], str]
    is_complete: Callable[[Page], bool]


@dataclass(frozen=True, slots=True)
class Belonging(Generic[ConfigT]):
    """How to ask which objects of a stream belong to named ones of another, and what is answered.

    ``ids`` raises BadPayload to refuse the answer.
    """

    request: Callable[[Frame[ConfigT], Sequence[str]], Request]
    ids: Callable[[JsonObject], Sequence[str]]


class Walk(Protocol):
    """How a stream moves through time, and what it remembers of it between runs."""

    def first(self, cursor: str | None, frame: Frame[Any]) -> Window | None:
        """Return the first window of a run, or None if there is nothing to ask for."""
        ...

    def leaves(self, window: Window, *, high_water: datetime | None) -> bool:
        """Tell whether what a window has left is asked for as a window of its own; it seldom is.

        ``high_water`` is the latest modification seen.
        """
        return False

    def following(
        self, window: Window, frame: Frame[Any], *, high_water: datetime | None, is_full: bool
    ) -> Window | None:
        """Return the window after ``window``, or None at the end of the run.

        ``is_full`` says that more is in the window than was read of it: it was left, or the vendor
        gives no more.

        Raises:
            PaginationAborted: the next window would be the same again.
        """
        ...

    def remember(
        self, cursor: str | None, window: Window, *, high_water: datetime | None, is_done: bool
    ) -> str | None:
        """Return the cursor to store with a page; ``is_done`` says it was the window's last."""
        ...


@dataclass(frozen=True, slots=True)
class Stream(Generic[ConfigT, ContextT]):
    """One kind of data of a vendor.

    ``preparations`` are asked once per run and given to the connector's ``context``. A page is read
    like this: ``request`` for the window, ``companions`` for what the page alone does not say,
    ``records`` to split it, ``to_facts`` for each record. ``records`` raises BadPayload to refuse
    the page, ``to_facts`` raises :class:`Unreadable` to refuse one record.

    ``read_objects`` asks for a page of named objects: what a webhook said has changed.
    ``belonging`` finds those that a webhook does not name, by what they belong to. With
    ``skips_missing`` a window whose object is gone (404) is passed over instead of ending the run.
    """

    name: str
    interval: timedelta
    walk: Walk
    request: Callable[[Frame[ConfigT], Window], Request]
    records: Callable[[Page], Sequence[Record]]
    to_facts: Callable[[Record, ContextT], Sequence[Item]]
    paginator: Paginator = field(default_factory=SinglePage)
    companions: Callable[[Frame[ConfigT], Page], Mapping[str, Request]] = lambda _, __: {}
    preparations: Callable[[Frame[ConfigT]], Mapping[str, Request]] = lambda _: {}
    modified_at: Callable[[Record], datetime | None] = lambda _: None
    read_objects: Callable[[Frame[ConfigT], Sequence[str]], Request] | None = None
    belonging: Belonging[ConfigT] | None = None
    applies: Callable[[ConfigT], bool] = lambda _: True
    needs_links: bool = False
    posts: Callable[[ConfigT], PostScope] | None = None
    replaces: Replacement | None = None
    skips_missing: bool = False
    page_cap: int = 10_000


@dataclass(frozen=True, slots=True)
class Connector(Generic[ConfigT, ContextT]):
    """One vendor.

    ``context`` turns the frame and the answers to a stream's preparations into what its mapping
    needs to know: a frozen value, so that the mapping stays pure.
    """

    provider: str
    config: type[ConfigT]
    credentials: tuple[type[Credential], ...]
    streams: tuple[Stream[ConfigT, ContextT], ...]
    context: Callable[[Frame[ConfigT], Mapping[str, JsonObject]], ContextT]
    rules: AnswerRules = field(default_factory=AnswerRules)
    headers: Callable[[ConfigT], Mapping[str, str]] = lambda _: {}
    token_url: str | None = None
    scope: str = ""
    webhooks: Webhooks | None = None

    def stream(self, name: str) -> Stream[ConfigT, ContextT]:
        """Return a stream by name.

        Raises:
            KeyError: the connector has none of this name.
        """
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise KeyError(name)

    def streams_of(self, config: ConfigT) -> tuple[Stream[ConfigT, ContextT], ...]:
        """Return the streams that a connection of this configuration has."""
        return tuple(stream for stream in self.streams if stream.applies(config))
