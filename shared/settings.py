"""Settings: read from ``EARNED_*`` variables when a process starts, never on import.

One class per process, so that a process asks for what it uses and for nothing else.
"""

import re
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.db.url import sqlalchemy_url
from shared.security.keyring import KeyRing, KeyRingError
from shared.text import comma_separated

__all__ = [
    "ApiSettings",
    "CollectorSettings",
    "CollectorWorkerSettings",
    "HttpSettings",
    "MetricsWorkerSettings",
    "MigrateSettings",
    "ProcessSettings",
    "WorkerSettings",
]

# As RFC 6454 writes them. Another spelling would never equal what a browser sends.
_ORIGIN: Final = re.compile(
    r"(?:http://(?!.*:80$)|https://(?!.*:443$))(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
)

Port = Annotated[int, Field(ge=0, le=65535)]


def _seconds(value: object) -> object:
    """Read a plain number as seconds; ISO 8601 durations (``PT5S``) are read by pydantic."""
    try:
        return timedelta(seconds=float(value)) if isinstance(value, str) else value
    except (ValueError, OverflowError):
        return value


def _parts(value: object) -> object:
    """Read a text as its comma-separated parts."""
    return comma_separated(value) if isinstance(value, str) else value


def _require_keys(*keys: SecretStr) -> None:
    try:
        for key in keys:
            KeyRing.from_base64(key.get_secret_value())
    except KeyRingError as error:
        raise ValueError(str(error)) from None


Duration = Annotated[timedelta, BeforeValidator(_seconds)]
_COMMA_SEPARATED: Final = BeforeValidator(_parts)


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="EARNED_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    database_url: SecretStr
    """Where PostgreSQL is: ``postgresql://user@host/db``, or ``?host=/socket/directory``."""
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    revision: str = "unknown"
    """The source revision the image was built from; shown in ``earned_build_info``."""

    @field_validator("database_url")
    @classmethod
    def _is_of_postgresql(cls, value: SecretStr) -> SecretStr:
        sqlalchemy_url(value.get_secret_value())
        return value

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings now.

        Raises:
            pydantic.ValidationError: a variable is missing or wrong; it names the variable and
                never shows the value.
        """
        return cls()


class MigrateSettings(_Settings):
    """The one-shot ``migrate`` process; its address is the schema owner's."""


class ProcessSettings(_Settings):
    """What every long-running process needs."""

    redis_url: SecretStr
    secret_key: SecretStr
    """32 bytes in base64: stored credentials and key hashes are derived from it."""
    previous_secret_keys: Annotated[tuple[SecretStr, ...], NoDecode, _COMMA_SEPARATED] = ()
    """Comma-separated; still accepted for reading while a rotation is under way."""
    database_pool_size: int = Field(default=5, ge=1, le=100)
    database_pool_overflow: int = Field(default=5, ge=0, le=100)
    shutdown_grace: Duration = Field(default=timedelta(seconds=25), ge=timedelta(0))
    """How long work in hand may take to finish after SIGTERM."""

    @field_validator("redis_url")
    @classmethod
    def _is_of_redis(cls, value: SecretStr) -> SecretStr:
        # Here: to migrate takes no Redis, and need not wait until its client is imported.
        from shared.queue.url import require_redis_url

        require_redis_url(value.get_secret_value())
        return value

    @field_validator("secret_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        _require_keys(value)
        return value

    @field_validator("previous_secret_keys")
    @classmethod
    def _are_keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        _require_keys(*value)
        return value

    def keyring(self) -> KeyRing:
        """Return the process's keys: the current one and those still accepted for reading."""
        return KeyRing.from_base64(
            self.secret_key.get_secret_value(),
            *(key.get_secret_value() for key in self.previous_secret_keys),
        )


class HttpSettings(ProcessSettings):
    """A process that answers HTTP."""

    http_host: str = "127.0.0.1"
    http_port: Port = 8000
    public_url: str = "http://localhost:8001"
    """The collector's address as vendors and browsers see it, without a trailing slash."""
    drain_delay: Duration = Field(default=timedelta(seconds=5), ge=timedelta(0))
    """After SIGTERM: how long ``/readyz`` answers 503 while requests are still taken."""
    allowed_origins: Annotated[tuple[str, ...], NoDecode, _COMMA_SEPARATED] = ()
    """Comma-separated: the origins whose front ends browsers let call this process (CORS)."""

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError(
                "must be origins as browsers send them, such as https://app.example.com or"
                " http://localhost:3000: in lower case, without a path, the usual port or wildcards"
            )
        return value

    @field_validator("public_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")


class ApiSettings(HttpSettings):
    """The API: front ends and partners."""

    allow_private_vendors: bool = False
    """Whether a connection may point to this machine or its network; as for the collector."""


class CollectorSettings(HttpSettings):
    """The collector's HTTP side: webhooks, tracked links, imports."""

    http_port: Port = 8001


class WorkerSettings(ProcessSettings):
    """A process that works off what is due; its only HTTP is probes and metrics."""

    http_host: str = "127.0.0.1"
    metrics_port: Port
    public_url: str = "http://localhost:8001"
    sweep_every: Duration = Field(default=timedelta(seconds=5), gt=timedelta(0))
    concurrency: int = Field(default=4, ge=1, le=64)
    """How many organizations each task is run for at once; rebuilding, verifying and measuring
    half-lives share half as many."""


class CollectorWorkerSettings(WorkerSettings):
    """Polls vendors and works off the inbox."""

    metrics_port: Port = 8012
    allow_private_vendors: bool = False
    """Whether vendors may be on this machine or its network: for look-alikes, never for strangers'
    configuration."""


class MetricsWorkerSettings(WorkerSettings):
    """Folds the ledger into rollups, and verifies samples of them."""

    metrics_port: Port = 8013
    verify_every: Duration = Field(default=timedelta(minutes=15), ge=timedelta(seconds=1))
    """How often samples of one organization's figures are recomputed from its ledger."""
