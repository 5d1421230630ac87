"""Settings: what each process asks of its environment."""

import base64
from datetime import timedelta

import pytest
from pydantic import ValidationError

from shared.security.keyring import KeyRing
from shared.settings import (
    ApiSettings,
    CollectorSettings,
    CollectorWorkerSettings,
    MetricsWorkerSettings,
    MigrateSettings,
)

KEY = base64.b64encode(bytes(range(32))).decode()
OLD_KEY = base64.b64encode(bytes(32)).decode()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The least a process needs, and nothing inherited."""
    for name in (
        *("HTTP_PORT", "METRICS_PORT", "LOG_FORMAT", "PUBLIC_URL", "ALLOWED_ORIGINS"),
        "PREVIOUS_SECRET_KEYS",
    ):
        monkeypatch.delenv(f"EARNED_{name}", raising=False)
    monkeypatch.setenv("EARNED_DATABASE_URL", "postgresql://earned:hunter2@db/earned")
    monkeypatch.setenv("EARNED_REDIS_URL", "redis://:hunter3@redis/0")
    monkeypatch.setenv("EARNED_SECRET_KEY", KEY)
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_every_process_has_a_port_of_its_own() -> None:
    assert ApiSettings.from_environment().http_port == 8000
    assert CollectorSettings.from_environment().http_port == 8001
    assert CollectorWorkerSettings.from_environment().metrics_port == 8012
    assert MetricsWorkerSettings.from_environment().metrics_port == 8013


def test_values_come_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("EARNED_HTTP_PORT", "9000")
    environment.setenv("EARNED_DRAIN_DELAY", "0")
    environment.setenv("EARNED_SHUTDOWN_GRACE", "7")
    environment.setenv("EARNED_PUBLIC_URL", "https://collect.example.com/")

    settings = ApiSettings.from_environment()

    assert settings.http_port == 9000
    assert settings.drain_delay == timedelta(0)
    assert settings.shutdown_grace == timedelta(seconds=7)
    assert settings.public_url == "https://collect.example.com"


def test_migrating_needs_the_database_and_nothing_else(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("EARNED_REDIS_URL")
    environment.delenv("EARNED_SECRET_KEY")

    assert (
        MigrateSettings.from_environment()
        .database_url.get_secret_value()
        .startswith("postgresql://")
    )


@pytest.mark.usefixtures("environment")
def test_no_secret_shows_in_a_printed_settings_object() -> None:
    printed = repr(ApiSettings.from_environment())

    assert not any(secret in printed for secret in ("hunter2", "hunter3", KEY))


@pytest.mark.parametrize("key", ["", "not base64!", base64.b64encode(bytes(31)).decode()])
def test_a_bad_secret_key_is_refused_without_being_shown(
    environment: pytest.MonkeyPatch, key: str
) -> None:
    environment.setenv("EARNED_SECRET_KEY", key)

    with pytest.raises(ValidationError) as refusal:
        ApiSettings.from_environment()

    assert "secret_key" in str(refusal.value)
    assert not key or key not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREVIOUS_SECRET_KEYS", f"{OLD_KEY},hunter4"),
        ("DATABASE_URL", "hunter4"),
        ("DATABASE_URL", "mysql://hunter4@db/earned"),
        ("DATABASE_URL", "postgresql://earned@db:hunter4/earned"),
        ("REDIS_URL", "hunter4"),
        ("REDIS_URL", "redis://redis:hunter4/0"),
    ],
)
def test_what_no_process_could_use_is_refused_without_being_shown(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(f"EARNED_{name}", value)

    with pytest.raises(ValidationError, match=name.lower()) as refusal:
        ApiSettings.from_environment()

    assert "hunter4" not in str(refusal.value)


def test_previous_keys_are_a_comma_separated_list(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("EARNED_PREVIOUS_SECRET_KEYS", f" {OLD_KEY} , {KEY}")

    ring = ApiSettings.from_environment().keyring()

    assert [key.secret for key in ring] == [bytes(range(32)), bytes(32), bytes(range(32))]
    assert ring.current.secret == bytes(range(32))


def test_origins_are_a_comma_separated_list(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("EARNED_ALLOWED_ORIGINS", "https://app.example.com, http://localhost:3000")
    named = ApiSettings.from_environment().allowed_origins
    environment.setenv("EARNED_ALLOWED_ORIGINS", "")

    assert named == ("https://app.example.com", "http://localhost:3000")
    assert ApiSettings.from_environment().allowed_origins == ()


@pytest.mark.parametrize(
    "origin",
    [
        *("*", "null", "app.example.com", "https://*.example.com", "https://App.example.com"),
        *("https://app.example.com/", "https://app.example.com:443", "http://app.example.com:80"),
        *("https://user@app.example.com", "ftp://app.example.com", "https://a b.example"),
    ],
)
def test_what_no_browser_sends_as_an_origin_is_refused(
    environment: pytest.MonkeyPatch, origin: str
) -> None:
    environment.setenv("EARNED_ALLOWED_ORIGINS", f"https://app.example.com,{origin}")

    with pytest.raises(ValidationError, match="allowed_origins"):
        ApiSettings.from_environment()


def test_keys_in_the_url_safe_alphabet_are_read_too() -> None:
    secret = bytes([251, 255] * 16)

    assert KeyRing.from_base64(base64.urlsafe_b64encode(secret).decode()).current.secret == secret
