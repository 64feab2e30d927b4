"""Every runtime option: one declaration each, values append-only.

Today's value counts at any business date; with `known_at` the one recorded by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from sandbox.audit import record_change
from sandbox.errors import BadRequest
from sandbox.models import Option, Site


@dataclass(frozen=True)
class OptionDeclaration:
    """key: stable name; kind: the Python type of a value; default: when nobody set one."""

    key: str
    kind: type
    default: Any
    title: Promise | str


OPTIONS = [
    OptionDeclaration("churn_days", int, 45, _("days away that count as churned in the month")),
    OptionDeclaration(
        "consumption_window_days", int, 60, _("days that recent spending is counted over")
    ),
    OptionDeclaration(
        "relationship_window_days", int, 60, _("days that the relationship index looks back")
    ),
    OptionDeclaration(
        "relationship_half_life", int, 14, _("days after which a service counts half")
    ),
    OptionDeclaration("relationship_hour_weight", float, 0.5, _("what an hour adds to a service")),
    OptionDeclaration(
        "relationship_yuan_weight", float, 0.002, _("what a yuan billed adds to a service")
    ),
    OptionDeclaration("relationship_k", float, 6.0, _("sum at which the relationship is 50")),
    OptionDeclaration("stickiness_window_days", int, 180, _("days that stickiness looks back")),
    OptionDeclaration("stickiness_half_life", int, 45, _("days after which a visit counts half")),
    OptionDeclaration("stickiness_k", float, 4.0, _("sum at which stickiness is 50")),
    OptionDeclaration("store_level_s", int, 200, _("yuan a table and day from which a store is S")),
    OptionDeclaration("store_level_a", int, 120, _("yuan a table and day from which a store is A")),
    OptionDeclaration("store_level_b", int, 60, _("yuan a table and day from which a store is B")),
    OptionDeclaration(
        "at_risk_ratio", float, 1.5, _("overdue ratio from which a member is at risk")
    ),
    OptionDeclaration(
        "late_data_minutes", int, 30, _("minutes without a bill before data is late")
    ),
    OptionDeclaration(
        "quality_limits", dict, {}, _("what a check of the data tolerates, by check")
    ),
    OptionDeclaration(
        "quality_severities", dict, {}, _("checks of the data that are hard or soft, by check")
    ),
    OptionDeclaration("snapshot_sample", int, 10, _("members and assistants kept of every night")),
    OptionDeclaration("ai_step_timeout", int, 180, _("seconds an AI step may take")),
    OptionDeclaration("ai_rate_per_minute", int, 60, _("AI calls a store may make in a minute")),
    OptionDeclaration("rate_wait_seconds", int, 60, _("seconds an event chain waits for the rate")),
    OptionDeclaration("ai_provider", str, "", _("AI provider; empty: as configured at start")),
    OptionDeclaration("retention_days", int, 180, _("days that personal text of AI runs is kept")),
]
_BY_KEY = {declaration.key: declaration for declaration in OPTIONS}


def option(key: str, site: Site | int | None = None) -> Any:
    """The value in force: the store's newest, else the chain's newest, else the default.

    Raises:
        KeyError: no such option is declared.
    """
    declaration = _BY_KEY[key]
    site_id = site.pk if isinstance(site, Site) else site
    rows = Option.objects.filter(Q(site=None) | Q(site=site_id), key=key)
    # The store's own value wins over a newer one of the chain.
    row = rows.order_by("site_id", "-id").values_list("value", flat=True).first()
    return declaration.default if row is None else declaration.kind(row)


def option_values(keys: Sequence[str], site: Site | int | None = None) -> dict[str, Any]:
    """`option` of several keys at once, in their order.

    Raises:
        KeyError: one of them is not declared.
    """
    site_id = site.pk if isinstance(site, Site) else site
    rows = Option.objects.filter(Q(site=None) | Q(site=site_id), key__in=keys)
    newest = dict(
        rows.order_by("key", "site_id", "-id").distinct("key").values_list("key", "value")
    )
    return {
        key: declaration.kind(newest[key]) if key in newest else declaration.default
        for key, declaration in ((key, _BY_KEY[key]) for key in keys)
    }


def set_option(*, key: str, value: Any, site: Site | None, actor_id: int | None) -> Option:
    """Append a value and audit it.

    Raises:
        BadRequest: no such option, or a value of another kind.
    """
    declaration = _BY_KEY.get(key)
    if declaration is None:
        raise BadRequest(fields={"key": [str(_("There is no option of this name."))]})
    try:
        clean = declaration.kind(value)
    except (TypeError, ValueError) as error:
        message = _("Expected a value of type %(kind)s.") % {"kind": declaration.kind.__name__}
        raise BadRequest(fields={"value": [str(message)]}) from error
    before = option(key, site)
    row = Option.objects.create(site=site, key=key, value=clean, recorded_by_id=actor_id)
    record_change(
        action="option_set",
        subject=row,
        site_id=site.pk if site else None,
        actor_id=actor_id,
        before={key: before},
        after={key: clean},
    )
    return row
