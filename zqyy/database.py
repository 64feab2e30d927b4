"""The two roles: an application role that row-level security binds, and the owner of the tables.

One alias, two URLs. Reads and writes go through the application role; `as_owner` swaps the
credentials for what only an owner may do (migrate, create the test database, truncate).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import environ
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

# Django's own bookkeeping: the application may read it, never write it.
READ_ONLY_TABLES = ("django_migrations",)
# With one URL for both roles, every session steps down to this one (settings.py).
ASSUMED_ROLE = "zqyy_app"

_owner_is_active = False


def acting_as_owner() -> bool:
    """True inside `as_owner`: the checks on the application role do not apply there."""
    return _owner_is_active


def app_role() -> str:
    """The name of the role that the application runs as.

    Not read from settings.DATABASES, whose dict is the connection's own: `as_owner` swaps it.
    """
    if not settings.DATABASE_OWNER_URL:
        return ASSUMED_ROLE
    return str(environ.Env.db_url_config(settings.DATABASE_URL)["USER"])


@contextmanager
def as_owner() -> Iterator[None]:
    """Run the block as the owner of the tables.

    The connection is closed on the way in and on the way out, so no transaction may be open.

    Raises:
        RuntimeError: a transaction is open.
    """
    global _owner_is_active
    if connection.in_atomic_block:
        raise RuntimeError("as_owner() needs a connection without an open transaction")
    connection.close()
    was_active = _owner_is_active
    before = {**connection.settings_dict, "OPTIONS": {**connection.settings_dict["OPTIONS"]}}
    try:
        connection.settings_dict.update(_owner_settings(connection.settings_dict))
        _owner_is_active = True
        yield
    finally:
        _owner_is_active = was_active
        connection.close()
        # Only the credentials: the test runner may have renamed the database meanwhile.
        connection.settings_dict.update(
            {key: before[key] for key in ("USER", "PASSWORD", "OPTIONS")}
        )


def _owner_settings(current: dict[str, Any]) -> dict[str, Any]:
    options = {
        key: value
        for key, value in current["OPTIONS"].items()
        if key not in ("pool", "assume_role")
    }
    if not settings.DATABASE_OWNER_URL:
        return {"OPTIONS": options}
    owner = environ.Env.db_url_config(settings.DATABASE_OWNER_URL)
    return {"USER": owner["USER"], "PASSWORD": owner["PASSWORD"], "OPTIONS": options}


def ensure_app_role() -> None:
    """Create the application role where one URL must serve for both; call as owner.

    Raises:
        ImproperlyConfigured: the role is missing and this user may not create it; the message
            carries the statements for the database administrator.
    """
    role = app_role()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone():
            return
        statements = (
            f'CREATE ROLE "{role}" NOLOGIN NOSUPERUSER NOBYPASSRLS',
            f'GRANT "{role}" TO CURRENT_USER WITH INHERIT FALSE, SET TRUE',
        )
        cursor.execute(
            "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
        if not cursor.fetchone()[0]:
            raise ImproperlyConfigured(
                f"The application role {role} does not exist and this user may not create it. "
                f"Ask the database administrator to run: {'; '.join(statements)};"
            )
        for statement in statements:
            cursor.execute(statement)


def grant_to_app_role() -> None:
    """Let the application role use every table and sequence; call as owner, after migrating."""
    role = app_role()
    with connection.cursor() as cursor:
        cursor.execute(f'GRANT USAGE ON SCHEMA public TO "{role}"')
        cursor.execute(
            f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "{role}"'
        )
        cursor.execute(f'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO "{role}"')
        if connection.pg_version >= 170000:  # type: ignore[attr-defined]
            # For ANALYZE after an import; older servers leave that to autovacuum.
            cursor.execute(f'GRANT MAINTAIN ON ALL TABLES IN SCHEMA public TO "{role}"')
        for table in READ_ONLY_TABLES:
            cursor.execute(f'REVOKE INSERT, UPDATE, DELETE ON "{table}" FROM "{role}"')
