"""System checks: what would make the time machine or tenancy a lie stops the start-up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register, run_checks
from django.core.management.base import SystemCheckError
from django.db import connections

from zqyy.database import acting_as_owner

# Tables with a site that carry no policy, because they are read before a context is known, or
# hold nothing but counters. tests/test_row_level_security.py keeps this list honest.
WITHOUT_POLICY = frozenset(
    {
        "site_grants",
        "runtime_settings",
        "site_ingest",
        "site_nights",
        "dws_builds",
        "leases",
        "claims",
        "alert_seq",
        "guard_site",
        "budgets",
        "kill_switches",
    }
)


@register(Tags.database)
def check_application_role(
    *, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """zqyy.E001: the connection must be bound by row-level security."""
    if not databases or acting_as_owner():
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper, rolbypassrls,"
            " EXISTS (SELECT 1 FROM pg_class WHERE relname = 'sites' AND relkind = 'r'"
            "         AND relowner = pg_roles.oid)"
            " FROM pg_roles WHERE rolname = current_user"
        )
        user, is_super, bypasses, owns = cursor.fetchone()
    if not (is_super or bypasses or owns):
        return []
    return [
        Error(
            f"The application connects as {user}, which row-level security does not bind.",
            hint="DATABASE_URL must name a role that is neither superuser, BYPASSRLS nor owner; "
            "DATABASE_OWNER_URL names the owner.",
            id="zqyy.E001",
        )
    ]


@register(Tags.database)
def check_policies(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """zqyy.E002: every table with a site has a policy or is listed in WITHOUT_POLICY."""
    if not databases or acting_as_owner():
        return []
    site_tables = {
        model._meta.db_table
        for model in apps.get_models()
        if any(field.column == "site_id" for field in model._meta.concrete_fields)
    }
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')")
        existing = {name for (name,) in cursor.fetchall()}
        cursor.execute(
            "SELECT DISTINCT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid"
            " WHERE relrowsecurity"
        )
        protected = {name for (name,) in cursor.fetchall()}
    return [
        Error(
            f"Table {table} has a site and no row-level security policy.",
            hint="Protect it in the app's sql/ or list it in zqyy.checks.WITHOUT_POLICY.",
            id="zqyy.E002",
        )
        for table in sorted((site_tables & existing) - protected - WITHOUT_POLICY)
    ]


def run_startup_checks() -> None:
    """Run what `manage.py check` leaves out unless told; web and workers call it on start.

    Raises:
        SystemCheckError: naming every failed check.
    """
    errors = [
        message
        for message in run_checks(databases=["default"], include_deployment_checks=False)
        if message.is_serious()
    ]
    if errors:
        raise SystemCheckError("\n".join(str(error) for error in errors))
