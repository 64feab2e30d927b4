"""An operator with one database URL: the first migration makes the role that sessions step down to."""

import json
from urllib.parse import urlsplit

import psycopg
import pytest

pytestmark = pytest.mark.slow

STAY = """
import os, signal
from zqyy.embedded import attach_or_start
attach_or_start()
print(os.environ["DATABASE_URL"], flush=True)
signal.pause()
"""


@pytest.fixture
def server(start, new_folder):
    """A PostgreSQL without the application role, and the superuser's URL of it."""
    start("-c", STAY, folder=new_folder).wait_for_line("postgres://")
    environment = json.loads((new_folder / "servers.json").read_text())["environment"]
    password = json.loads((new_folder / "secrets.json").read_text())["superuser"]
    place = urlsplit(environment["DATABASE_URL"])
    superuser = f"postgres://postgres:{password}@{place.hostname}:{place.port}/postgres"
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("DROP DATABASE zqyy")
        connection.execute("DROP OWNED BY zqyy_app")
        connection.execute("DROP ROLE zqyy_app")
    return superuser, f"{place.hostname}:{place.port}", environment["REDIS_URL"]


@pytest.fixture
def manage(start, server, new_folder):
    """Run manage.py as the owner of a database of its own; its exit status and output."""
    superuser, place, redis = server

    def run(*arguments, rights):
        with psycopg.connect(superuser, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'one'").fetchone():
                connection.execute(f"CREATE ROLE one LOGIN PASSWORD 'snooker' {rights}")
                connection.execute("CREATE DATABASE one OWNER one")
        command = start(
            "manage.py",
            *arguments,
            folder=new_folder,
            DATABASE_URL=f"postgres://one:snooker@{place}/one",
            REDIS_URL=redis,
            SECRET_KEY="test",
        )
        return command.process.wait(120), command.process.stdout.read()

    return run


def test_an_owner_who_may_create_roles_needs_no_second_url(manage):
    assert manage("migrate", "-v0", rights="CREATEROLE") == (0, "")

    status, output = manage("check", "--database", "default", rights="CREATEROLE")

    assert status == 0, output


def test_an_owner_who_may_not_is_told_the_statements(manage):
    status, output = manage("migrate", rights="NOCREATEROLE")

    assert status != 0
    assert 'CREATE ROLE "zqyy_app"' in output
    assert 'GRANT "zqyy_app"' in output
