"""The kinds of rows that come in, in the order in which their files are taken in."""

from __future__ import annotations

from django.utils.translation import gettext as _

from metrics.importers.kinds.base import Column, Kind
from metrics.importers.kinds.people import ASSIGNMENTS, CONTACTS, MEMBERS, NOTES
from metrics.importers.kinds.sales import CARD_ENTRIES, SERVICE_LINES, SETTLEMENTS
from metrics.importers.kinds.staff import (
    ADJUSTMENTS,
    ASSISTANTS,
    LEVELS,
    PLANS,
    TASK_EVENTS,
    TASKS,
)
from metrics.importers.kinds.store import AREAS, CLOSURES
from sandbox.errors import BadRequest

__all__ = [
    "ADJUSTMENTS",
    "AREAS",
    "ASSIGNMENTS",
    "ASSISTANTS",
    "CARD_ENTRIES",
    "CLOSURES",
    "CONTACTS",
    "KINDS",
    "LEVELS",
    "MEMBERS",
    "NOTES",
    "PLANS",
    "SERVICE_LINES",
    "SETTLEMENTS",
    "TASKS",
    "TASK_EVENTS",
    "Column",
    "Kind",
    "find_kind",
]

KINDS = {
    kind.name: kind
    for kind in (
        AREAS,
        CLOSURES,
        MEMBERS,
        ASSISTANTS,
        LEVELS,
        PLANS,
        SETTLEMENTS,
        SERVICE_LINES,
        CARD_ENTRIES,
        ASSIGNMENTS,
        ADJUSTMENTS,
        TASKS,
        TASK_EVENTS,
        CONTACTS,
        NOTES,
    )
}


def find_kind(name: str) -> Kind:
    """The kind of that name.

    Raises:
        BadRequest: there is none.
    """
    kind = KINDS.get(name.replace("-", "_"))
    if kind is None:
        text = _("There is no kind “%(kind)s”; choose one of: %(choices)s.") % {
            "kind": name[:40],
            "choices": ", ".join(KINDS),
        }
        raise BadRequest(text, code="unknown_kind", fields={"kind": [text]})
    return kind
