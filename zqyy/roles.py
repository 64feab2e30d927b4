"""The four groups that make a user an operator, a manager, an auditor or an assistant."""

from __future__ import annotations

from typing import Any

from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions

# What the roles are about: the applications of ZQYY itself.
APPLICATIONS = ("durable", "sandbox", "metrics", "aijobs")
TIME_TRAVEL = ("sandbox", "time_travel")
CHANGE_CONTEXT = ("sandbox", "change_context")
# What of the AI is the chain's and not a store's: what it is asked, and how it works.
_OPERATORS_VIEWS = ("view_prompt", "view_run", "view_providercall")


def make_roles(*, apps: Apps = current_apps, verbosity: int = 0, **kwargs: Any) -> None:
    """Bring the groups and their permissions to what this module says; changes nothing twice.

    After every migrate rather than in a migration: a flush empties these tables too.
    """
    try:
        groups = apps.get_model("auth", "Group")
        permissions = apps.get_model("auth", "Permission")
    except LookupError:
        return  # migrated only up to a point before auth
    for label in APPLICATIONS:
        # This may run before Django's own receiver has made them.
        create_permissions(current_apps.get_app_config(label), verbosity=verbosity, apps=apps)
    known = list(
        permissions.objects.filter(content_type__app_label__in=(*APPLICATIONS, "auth"))
        .select_related("content_type")
        .order_by("pk")
    )
    for role, belongs in _RULES.items():
        group, _ = groups.objects.get_or_create(name=role)
        group.permissions.set(
            [
                permission
                for permission in known
                if belongs(permission.content_type.app_label, permission.codename)
            ]
        )


def _may_operate(app: str, codename: str) -> bool:
    """Everything of ZQYY; of the accounts only to see them, as changing one could make a
    superuser."""
    return app in APPLICATIONS or codename in ("view_user", "view_group")


def _may_manage(app: str, codename: str) -> bool:
    """See the figures and the AI of the own stores, write notes and clues, reach out to members,
    give tasks and close them, correct pay, change the date."""
    if codename in _OPERATORS_VIEWS:
        return False
    return (
        (app in ("metrics", "aijobs") and codename.startswith("view_"))
        or (app, codename) in (TIME_TRAVEL, CHANGE_CONTEXT)
        or codename
        in (
            "view_site",
            "add_note",
            "add_contact",
            "change_member",
            "add_retentionclue",
            "change_retentionclue",
            "add_cluefeedback",
            "add_coachtask",
            "add_coachtaskevent",
            "add_salaryadjustmentbatch",
        )
    )


def _may_audit(app: str, codename: str) -> bool:
    """See everything, at any date; change nothing."""
    return app in APPLICATIONS and (codename.startswith("view_") or (app, codename) == TIME_TRAVEL)


def _may_assist(app: str, codename: str) -> bool:
    """Nothing in the admin: the API asks which assistant they are."""
    return False


_RULES = {
    "operator": _may_operate,
    "manager": _may_manage,
    "auditor": _may_audit,
    "assistant": _may_assist,
}
