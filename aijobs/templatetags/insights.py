"""What the AI found out about a member, as panels of a page; also served alone to live pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

from aijobs.cache import fetch
from aijobs.clues import clues_of
from aijobs.registry import AI_APPS
from aijobs.wording import age_text
from sandbox.access import role_of
from sandbox.context import RuntimeContext

register = template.Library()
register.filter("age", age_text)


@register.inclusion_tag("aijobs/insight_panel.html", takes_context=True)
def insight_panel(context: dict[str, Any], app: str, target_id: int) -> dict[str, Any]:
    """The newest result of an app for a target, with its button."""
    request = context["request"]
    ctx: RuntimeContext = request.context
    declared = AI_APPS[app]
    return {
        "app": declared,
        "target_id": target_id,
        "insight": fetch(cache_type=declared.cache_type, target_id=str(target_id), ctx=ctx),
        "runtime": ctx,
        "may_run": may_run_apps(request.user),
    }


@register.inclusion_tag("aijobs/clue_panel.html", takes_context=True)
def clue_panel(context: dict[str, Any], member_id: int) -> dict[str, Any]:
    """The member's clues in force, with the button of the app that collects them."""
    request = context["request"]
    ctx: RuntimeContext = request.context
    now = timezone.now()
    clues = clues_of(member_id=member_id, ctx=ctx)
    for clue in clues:
        clue.age_seconds = int((now - clue.valid_from).total_seconds())  # type: ignore[attr-defined]
    return {
        "app": AI_APPS["app3_clue"],
        "target_id": member_id,
        "clues": clues,
        "runtime": ctx,
        "may_run": may_run_apps(request.user),
    }


def may_run_apps(user: Any) -> bool:
    """The admin's side of aijobs.permissions: managers and operators."""
    return role_of(user) in ("operator", "manager")
