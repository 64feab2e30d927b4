"""Whether a demo was begun here, with what, and whether it is complete.

Kept in the audit log: the note that it began is written with the stores themselves, so that a
load that was killed is taken up again with the same seed and clock, and by then repeats itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.audit import record_change
from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry, Site
from zqyy.demo.parameters import STORES
from zqyy.demo.plan import Plan

_BEGUN, _COMPLETE = "demo_begun", "demo_complete"


@dataclass(frozen=True)
class Found:
    """What the database holds: nothing, the beginning of a demo, all of it, or other stores."""

    sites: Sequence[Site] = ()
    plan: Plan | None = None
    is_complete: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.sites

    @property
    def is_half_loaded(self) -> bool:
        return self.plan is not None and not self.is_complete


def find_demo() -> Found:
    """Look at the stores and at what was noted about them."""
    sites = list(Site.objects.order_by("pk"))
    first = next((site for site in sites if site.code == STORES[0].code), None)
    if first is None:
        return Found(sites=sites)
    with use_context(live_context(first)):
        notes = {
            entry.action: entry.after
            for entry in AuditEntry.objects.filter(site=first, action__in=(_BEGUN, _COMPLETE))
        }
    begun = notes.get(_BEGUN)
    plan = Plan.from_json(begun) if begun else None
    return Found(sites=sites, plan=plan, is_complete=_COMPLETE in notes)


def note_begun(*, sites: Sequence[Site], plan: Plan) -> None:
    """Write down what is being loaded; belongs in the transaction that makes the stores."""
    _note(sites[0], _BEGUN, plan.as_json())


def note_complete(*, sites: Sequence[Site]) -> None:
    """Write down that all of it is there."""
    _note(sites[0], _COMPLETE, {"sites": len(sites)})


def _note(site: Site, action: str, after: dict[str, Any]) -> None:
    with use_context(live_context(site)):
        record_change(action=action, subject=site, site_id=site.pk, actor_id=None, after=after)
