"""What the AI found out, as panels of a page; also served alone to live pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import template
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from aijobs.cache import Insights, fetch_all
from aijobs.clues import CATEGORIES, judged_clues_of
from aijobs.models import ClueFeedback
from aijobs.opinions import Opinions
from aijobs.registry import AI_APPS, app_title
from aijobs.targets import CELL, PAIR, Target
from aijobs.wording import age_text, duration_text, sentence_for
from metrics.calculations.areas import ALL
from metrics.catalog import METRICS
from metrics.member_page import OwnAssistant
from metrics.ranges import RANGES
from metrics.templatetags.figures import figure
from sandbox.access import role_of
from sandbox.context import RuntimeContext

register = template.Library()
register.filter("age", age_text)
register.filter("duration", duration_text)
register.filter("sentence", sentence_for)
register.filter("app_title", app_title)

# How the result of an app is shown: templates/aijobs/results/.
PANELS = {
    "app2_finance": "finance",
    "app2a_finance_area": "finance",
    "app4_analysis": "relationship",
    "app5_tactics": "tactics",
    "app7_customer": "customer",
}


# The verdicts that ask why.
_ASKING = (ClueFeedback.Verdict.WRONG, ClueFeedback.Verdict.UNSUITABLE)


@dataclass(frozen=True)
class Judge:
    """Who looks at clues or talking points, what everybody thinks of them, and who may say so."""

    opinions: Opinions
    user_id: int | None
    may_judge: bool

    @classmethod
    def of(cls, request: HttpRequest, opinions: Opinions | None) -> Judge:
        may_judge = not request.context.is_sandbox and request.user.has_perm(  # type: ignore[attr-defined]
            "aijobs.add_cluefeedback"
        )
        return cls(opinions or Opinions([]), request.user.pk, may_judge)


@register.inclusion_tag("aijobs/verdicts.html", takes_context=True)
def verdicts(
    context: dict[str, Any], url: str, fingerprint: str, written_at: datetime | None = None
) -> dict[str, Any]:
    """What people think of one clue or talking point, with buttons to say so."""
    judge: Judge = context["judge"]
    mine = judge.opinions.word_of(judge.user_id, fingerprint, written_at=written_at)
    counts = judge.opinions.counts(fingerprint)
    return {
        "url": url,
        "fingerprint": fingerprint,
        "may_judge": judge.may_judge,
        "mine": mine,
        "choices": [
            {
                "value": verdict.value,
                "label": verdict.label,
                "count": counts.get(verdict, 0),
                "asks": verdict in _ASKING,
            }
            for verdict in ClueFeedback.Verdict
        ],
    }


@register.inclusion_tag("aijobs/insight_panel.html", takes_context=True)
def insight_panel(
    context: dict[str, Any],
    app: str,
    target_id: int | str,
    insights: Insights | None = None,
) -> dict[str, Any]:
    """The newest result of an app (one of PANELS) for a target, with its button.

    Args:
        insights: where the page has read it already.
    """
    request = context["request"]
    ctx: RuntimeContext = request.context
    declared = AI_APPS[app]
    key = (declared.cache_type, str(target_id))
    insight = (fetch_all([key], ctx=ctx) if insights is None else insights).get(key)
    return {
        "app": declared,
        "body": f"aijobs/results/{PANELS[app]}.html",
        "target_id": str(target_id),
        "insight": insight,
        "judge": Judge.of(request, insight.opinions if insight else None),
        "runtime": ctx,
        "may_run": may_run_apps(request.user),
    }


@register.inclusion_tag("aijobs/insight_panel.html", takes_context=True)
def pair_panel(
    context: dict[str, Any],
    app: str,
    assistant_id: int,
    member_id: int,
    insights: Insights | None = None,
) -> dict[str, Any]:
    """The newest result about an assistant and a member."""
    target = Target(member_id=member_id, assistant_id=assistant_id)
    return insight_panel(context, app, PAIR.write(target), insights)


@register.simple_tag(takes_context=True)
def member_insights(
    context: dict[str, Any], member_id: int, assistants: Sequence[OwnAssistant]
) -> Insights:
    """What the panels of a member's page show, read at once."""
    pairs = [Target(member_id=member_id, assistant_id=one.pk) for one in assistants]
    wanted = [("app7_customer", str(member_id))]
    wanted += [
        (app, PAIR.write(pair)) for pair in pairs for app in ("app5_tactics", "app4_analysis")
    ]
    keys = [(AI_APPS[app].cache_type, target_id) for app, target_id in wanted]
    return fetch_all(keys, ctx=context["request"].context)


@register.inclusion_tag("aijobs/insight_panel.html", takes_context=True)
def finance_panel(context: dict[str, Any], area_names: dict[str, str]) -> dict[str, Any]:
    """The finance insight of the range and area in the address, with both to choose from."""
    request = context["request"]
    names = {ALL: _("the whole store")} | {c: n for c, n in area_names.items() if c != ALL}
    range_key = _chosen(request.GET.get("range"), RANGES)
    area = _chosen(request.GET.get("area"), names)
    app = "app2_finance" if area == ALL else "app2a_finance_area"
    target_id = CELL.write(Target(range_key=range_key, area=area))
    return {
        **insight_panel(context, app, target_id),
        "choice": {"ranges": RANGES, "areas": names, "range": range_key, "area": area},
    }


def _chosen(key: str | None, among: Mapping[str, Any]) -> str:
    """The key, or the first where there is no such one."""
    return key if key is not None and key in among else next(iter(among))


@register.filter
def severity(level: str) -> str:
    """How grave a risk is, in a word."""
    return {"low": _("low"), "medium": _("medium"), "high": _("high")}.get(level, level)


@register.filter
def metric_title(key: str | None) -> str:
    """What a metric is called; empty for what is none."""
    return next((str(metric.title) for metric in METRICS if metric.key == key), "")


@register.filter
def in_unit_of(value: Any, key: str) -> str:
    """A metric's value as an AI gave it, in the metric's unit; words of its own as they are."""
    unit = next((metric.unit for metric in METRICS if metric.key == key), "")
    try:
        return figure(Decimal(str(value)), unit)
    except InvalidOperation:
        return str(value)


@register.inclusion_tag("aijobs/clue_panel.html", takes_context=True)
def clue_panel(context: dict[str, Any], member_id: int) -> dict[str, Any]:
    """The member's clues in force, with the button of the app that collects them."""
    request = context["request"]
    ctx: RuntimeContext = request.context
    now = timezone.now()
    clues, opinions = judged_clues_of(member_id=member_id, ctx=ctx)
    for clue in clues:
        clue.age_seconds = int((now - clue.valid_from).total_seconds())  # type: ignore[attr-defined]
    return {
        "app": AI_APPS["app8_consolidate"],
        "target_id": member_id,
        "clues": clues,
        "has_ai_clues": any(clue.run_id for clue in clues),
        "categories": CATEGORIES,
        "judge": Judge.of(request, opinions),
        "may_trace": request.user.has_perm("aijobs.view_retentionclue"),
        "may_write": not ctx.is_sandbox and request.user.has_perm("aijobs.change_retentionclue"),
        "runtime": ctx,
        "may_run": may_run_apps(request.user),
    }


def may_run_apps(user: Any) -> bool:
    """The admin's side of aijobs.permissions: managers and operators."""
    return role_of(user) in ("operator", "manager")
