"""SQLModel classes of the configuration tables; constraints and policies are in the migrations."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ARRAY, Column, DateTime, LargeBinary, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

__all__ = [
    "ApiKey",
    "Assumption",
    "Connection",
    "Employee",
    "Goal",
    "ImportRun",
    "InboxDelivery",
    "Link",
    "Organization",
    "SyncRun",
    "SyncState",
]

_INSTANT = DateTime(timezone=True)


class Organization(SQLModel, table=True):
    """A company: its zone cuts days, its currency is what every amount is reported in."""

    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    time_zone: str = Field(sa_type=Text)
    currency: str = Field(sa_type=Text)
    attribution_window_days: int = 90
    attribution_half_life_days: int | None = None
    person_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    former_peppers: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    created_at: datetime = Field(sa_type=_INSTANT)


class ApiKey(SQLModel, table=True):
    """A hashed API key with its scopes."""

    __tablename__ = "api_key"

    org_id: UUID = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    secret_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(sa_type=_INSTANT)
    expires_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    revoked_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    last_used_on: date | None = None


class Employee(SQLModel, table=True):
    """Personal data of an employee; facts know the opaque ``employee`` reference only."""

    org_id: UUID = Field(primary_key=True)
    employee: str = Field(primary_key=True, sa_type=Text)
    display_name: str | None = Field(default=None, sa_type=Text)
    email: str | None = Field(default=None, sa_type=Text)
    updated_at: datetime = Field(sa_type=_INSTANT)


class Assumption(SQLModel, table=True):
    """A rate the formulas use, from a day on; a later version of the same day replaces it."""

    org_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, sa_type=Text)
    network: str = Field(default="", primary_key=True, sa_type=Text)
    effective_from: date = Field(primary_key=True)
    version: int = Field(primary_key=True)
    value: Decimal = Field(sa_type=Numeric(20, 8))
    source: str = Field(sa_type=Text)
    grade: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=_INSTANT)


class Goal(SQLModel, table=True):
    """A version of a goal: what is to be reached by when. Versions are appended, never changed."""

    org_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    kpi: str = Field(sa_type=Text)
    filters: dict[str, list[str]] = Field(sa_column=Column(JSONB, nullable=False))
    target: Decimal = Field(sa_type=Numeric)
    unit: str = Field(sa_type=Text)
    direction: str = Field(sa_type=Text)
    stretch: bool
    owner: str = Field(sa_type=Text)
    objective: str = Field(sa_type=Text)
    baseline_on: date
    due_on: date
    attainable: str = Field(sa_type=Text)
    forecast_low: Decimal | None = Field(default=None, sa_type=Numeric)
    forecast_high: Decimal | None = Field(default=None, sa_type=Numeric)
    is_archived: bool
    recorded_at: datetime = Field(sa_type=_INSTANT)
    recorded_by: str = Field(sa_type=Text)


class Link(SQLModel, table=True):
    """A tracked link: one per employee, content and network, so that a click names its sharer."""

    org_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    code: str = Field(sa_type=Text)
    target_url: str = Field(sa_type=Text)
    tagged_url: str = Field(sa_type=Text)
    employee: str | None = Field(default=None, sa_type=Text)
    account: str | None = Field(default=None, sa_type=Text)
    network: str | None = Field(default=None, sa_type=Text)
    campaign: str | None = Field(default=None, sa_type=Text)
    content: str | None = Field(default=None, sa_type=Text)
    channel: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=_INSTANT)


class Connection(SQLModel, table=True):
    """A configured connector. ``config`` is JSON without secrets; ``credentials`` are encrypted."""

    org_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    provider: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    config: str = Field(default="{}", sa_type=Text)
    credentials: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    state: str = Field(default="active", sa_type=Text)
    state_reason: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=_INSTANT)
    updated_at: datetime = Field(sa_type=_INSTANT)


class SyncState(SQLModel, table=True):
    """How far a stream of a connection has been read, and who holds its lease."""

    __tablename__ = "sync_state"

    org_id: UUID = Field(primary_key=True)
    connection_id: UUID = Field(primary_key=True)
    stream: str = Field(primary_key=True, sa_type=Text)
    cursor: str | None = Field(default=None, sa_type=Text)
    version: int = 0
    epoch: int = 0
    lease_owner: str | None = Field(default=None, sa_type=Text)
    lease_until: datetime | None = Field(default=None, sa_type=_INSTANT)
    next_due_at: datetime = Field(sa_type=_INSTANT)
    interval_seconds: int
    attempts: int = 0
    last_success_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    last_error: str | None = Field(default=None, sa_type=Text)


class SyncRun(SQLModel, table=True):
    """The outcome of one run of a stream."""

    __tablename__ = "sync_run"

    org_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    connection_id: UUID
    stream: str = Field(sa_type=Text)
    started_at: datetime = Field(sa_type=_INSTANT)
    finished_at: datetime = Field(sa_type=_INSTANT)
    outcome: str = Field(sa_type=Text)
    pages: int
    inserted: int
    unchanged: int
    corrected: int
    deleted: int
    quarantined: int
    error: str | None = Field(default=None, sa_type=Text)


class InboxDelivery(SQLModel, table=True):
    """A raw delivery as it arrived, kept until it is facts, or quarantined with the reason."""

    __tablename__ = "inbox"

    org_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    connection_id: UUID
    origin: str = Field(sa_type=Text)
    stream: str = Field(default="", sa_type=Text)
    delivery_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    body_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    headers: str = Field(default="{}", sa_type=Text)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    received_at: datetime = Field(sa_type=_INSTANT)
    state: str = Field(default="received", sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    attempts: int = 0
    next_attempt_at: datetime = Field(sa_type=_INSTANT)
    processed_at: datetime | None = Field(default=None, sa_type=_INSTANT)


class ImportRun(SQLModel, table=True):
    """A file that was imported, and what came of its rows."""

    __tablename__ = "import_run"

    org_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    file_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    rows: int
    inserted: int
    unchanged: int
    corrected: int
    created_at: datetime = Field(sa_type=_INSTANT)
