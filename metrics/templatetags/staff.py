"""How what assistants do is written on a page."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext_lazy as _

from metrics.task_board import STATES, is_late

register = template.Library()

_COURSES = {
    "base": _("base course"),
    "incentive": _("incentive course"),
    "trial": _("trial course"),
}


@register.filter
def course(course_type: str) -> str:
    """A course type in words; the till's own ones as they are."""
    return str(_COURSES.get(course_type, course_type))


@register.filter
def task_state(task: Any) -> str:
    """A task's state in words; done after it was due is said."""
    return str(_("completed late") if is_late(task) else STATES[task.state])


@register.filter
def choices_of(changelist: Any, spec: Any) -> list[dict[str, Any]]:
    """What a filter of a list offers, each with its address."""
    return list(spec.choices(changelist))
