"""A member's timeline, with what the AI said about them among the rest."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse

from aijobs.member_moments import ai_moments_of
from metrics.timeline import KINDS, MOST, PAGE, timeline_of
from sandbox.context import RuntimeContext

register = template.Library()


@register.inclusion_tag("metrics/timeline.html", takes_context=True)
def member_timeline(context: dict[str, Any], member_id: int) -> dict[str, Any]:
    """The newest moments; which kind and how many stand in the address (`kind`, `show`)."""
    request = context["request"]
    ctx: RuntimeContext = request.context
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else ""
    asked = request.GET.get("show", "")
    # A number of a few digits: more of them than MOST are none.
    shown = int(asked) if asked.isdecimal() and len(asked) < 6 else PAGE
    limit = min(max(shown, PAGE), MOST)
    of_ai = kind in ("", "ai")
    ai = ai_moments_of(member_id=member_id, ctx=ctx, limit=limit + 1) if of_ai else []
    found = timeline_of(member_id=member_id, ctx=ctx, kind=kind, limit=limit, others=ai)
    address = reverse("admin:metrics_member_change", args=[member_id])
    wider = {"show": limit + PAGE, **({"kind": kind} if kind else {})}
    return {
        "kinds": KINDS,
        "kind": kind,
        "moments": found.moments,
        "address": address,
        "more": f"{address}?{urlencode(wider)}#timeline" if found.has_more and limit < MOST else "",
        "is_cut": found.has_more and limit >= MOST,
        "most": MOST,
    }
