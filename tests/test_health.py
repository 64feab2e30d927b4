from __future__ import annotations

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings

from zqyy.health import SILENCE_SECONDS, check_migrations


def call_as(name: str) -> psycopg.Connection:
    """A process of this name, as far as PostgreSQL can tell."""
    parameters = {**connection.get_connection_params(), "application_name": f"zqyy-{name}"}
    process = psycopg.connect(**parameters, autocommit=True)
    process.execute("SELECT 1")
    return process


def test_it_is_alive_without_a_database(client: Client) -> None:
    # pytest-django blocks every database access of a test that does not ask for it.
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


@pytest.mark.django_db
def test_it_is_not_ready_without_workers_and_says_which(client: Client) -> None:
    with call_as("realtime"):
        response = client.get("/readyz")

    assert response.status_code == 503
    checks = response.json()["checks"]
    assert checks["database"] == checks["cache"] == checks["migrations"] == "ok"
    assert checks["workers:realtime"] == "ok"
    assert (
        checks["workers:batch"] == checks["sweeper"] == "not running: no connection to the database"
    )


@pytest.mark.django_db
def test_it_is_ready_when_every_process_talks(client: Client) -> None:
    with call_as("realtime"), call_as("batch"), call_as("sweeper"):
        response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["status"] == "ok"


@pytest.mark.django_db
def test_a_silent_process_does_not_count(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zqyy.health.SILENCE_SECONDS", -1)
    assert SILENCE_SECONDS > 0

    with call_as("sweeper"):
        response = client.get("/readyz")

    assert response.json()["checks"]["sweeper"].startswith("silent for")


@pytest.mark.django_db
def test_a_cache_that_is_away_is_named(client: Client) -> None:
    away = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}

    with override_settings(CACHES=away):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert "ConnectionError" in response.json()["checks"]["cache"]


@pytest.mark.django_db
def test_a_missing_migration_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    check_migrations.cache_clear()
    monkeypatch.setattr(
        "django.db.migrations.recorder.MigrationRecorder.applied_migrations", lambda self: {}
    )

    response = client.get("/readyz")

    assert "migrations are not applied, first" in response.json()["checks"]["migrations"]


@pytest.mark.django_db
def test_a_database_that_is_away_is_named_at_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")

    response = client.get("/readyz")

    checks = response.json()["checks"]
    assert response.status_code == 503
    assert checks["database"].startswith("OperationalError")
    assert checks["sweeper"] == "not known while the database is away"
