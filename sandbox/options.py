"""Every runtime option: one declaration each, values append-only.

Today's value counts at any business date; with `known_at` the one recorded by then.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from sandbox.audit import record_change
from sandbox.context import forget_kept, kept_in_context
from sandbox.errors import BadRequest
from sandbox.models import Option, Site
from sandbox.option_rules import (
    are_providers,
    at_least,
    between,
    is_provider,
    is_time_of_day,
    is_timezone,
    parse_hours,
)

# How long work under way may go by what an option was.
OPTIONS_AGE_SECONDS = 2.0


@dataclass(frozen=True)
class OptionDeclaration:
    """One runtime setting.

    Attributes:
        key: stable name. kind: the Python type of a value. default: when nobody set one.
        check: raises ValueError, in words for people, for a value that makes no sense.
        is_chain_wide: about all stores together, so that no store has a value of its own.
    """

    key: str
    kind: type
    default: Any
    title: Promise | str
    check: Callable[[Any], object] | None = None
    is_chain_wide: bool = False


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
        "contact_pause_days", int, 7, _("days between two contacts with a member"), at_least(1)
    ),
    OptionDeclaration(
        "low_balance_yuan", int, 100, _("yuan on the card below which a balance is low")
    ),
    OptionDeclaration(
        "quiet_from", str, "22:00", _("time from which no member is written to"), is_time_of_day
    ),
    OptionDeclaration(
        "quiet_until",
        str,
        "10:00",
        _("time from which members may be written to again"),
        is_time_of_day,
    ),
    OptionDeclaration(
        "late_data_minutes", int, 30, _("minutes without a bill before data is late")
    ),
    OptionDeclaration(
        "large_discount_rate",
        float,
        0.3,
        _("part of a bill from which its discount is large"),
        at_least(0),
    ),
    OptionDeclaration(
        "large_discount_yuan",
        int,
        50,
        _("yuan below which no discount is large"),
        at_least(0),
    ),
    OptionDeclaration(
        "quality_limits", dict, {}, _("what a check of the data tolerates, by check")
    ),
    OptionDeclaration(
        "quality_severities", dict, {}, _("checks of the data that are hard or soft, by check")
    ),
    OptionDeclaration("snapshot_sample", int, 10, _("members and assistants kept of every night")),
    OptionDeclaration("ai_step_timeout", int, 180, _("seconds an AI step may take"), at_least(1)),
    # --- The gate
    OptionDeclaration(
        "ai_rate_per_minute", int, 60, _("AI calls a store may make in a minute"), at_least(0)
    ),
    OptionDeclaration(
        "ai_rate_by_hour",
        str,
        "",
        _("factors of that rate by the store's hour, as in 0-7:1.4,8-16:1.0; other hours 1"),
        parse_hours,
    ),
    OptionDeclaration(
        "prewarm_rate", int, 40, _("how many of every 60 AI calls a prewarm may make"), at_least(1)
    ),
    OptionDeclaration(
        "rate_wait_seconds", int, 60, _("seconds an event chain waits for the rate"), at_least(0)
    ),
    OptionDeclaration(
        "breaker_failures",
        int,
        5,
        _("failures in a row after which an AI app pauses itself"),
        at_least(1),
        is_chain_wide=True,
    ),
    OptionDeclaration(
        "breaker_open_seconds",
        int,
        60,
        _("seconds until a paused AI app tries again"),
        at_least(1),
        is_chain_wide=True,
    ),
    OptionDeclaration(
        "budget_site_day", int, 1_000_000, _("AI tokens a store may use in a day"), at_least(0)
    ),
    OptionDeclaration(
        "budget_site_month", int, 20_000_000, _("AI tokens a store may use in a month"), at_least(0)
    ),
    OptionDeclaration(
        "budget_chain_day",
        int,
        20_000_000,
        _("AI tokens all stores together may use in a day"),
        at_least(0),
        is_chain_wide=True,
    ),
    OptionDeclaration(
        "budget_chain_month",
        int,
        400_000_000,
        _("AI tokens all stores together may use in a month"),
        at_least(0),
        is_chain_wide=True,
    ),
    OptionDeclaration(
        "chain_timezone",
        str,
        "Asia/Shanghai",
        _("time zone in which the chain's days and months are counted"),
        is_timezone,
        is_chain_wide=True,
    ),
    OptionDeclaration(
        "chain_day_starts_at",
        str,
        "08:00",
        _("time at which the chain's business day turns over"),
        is_time_of_day,
        is_chain_wide=True,
    ),
    OptionDeclaration(
        "ai_provider", str, "", _("AI provider; empty: as configured at start"), is_provider
    ),
    OptionDeclaration(
        "ai_provider_by_app",
        dict,
        {},
        _('AI providers of single apps, as in {"app3_clue": "dashscope"}'),
        are_providers,
    ),
    OptionDeclaration(
        "block_flagged_results",
        bool,
        False,
        _("drop AI results in which a check found something, instead of marking them"),
    ),
    OptionDeclaration(
        "import_max_mb",
        int,
        20,
        _("megabytes that a file imported in the admin may have"),
        between(1, 500),
    ),
    OptionDeclaration("alert_retention_days", int, 30, _("days that alerts are kept")),
    OptionDeclaration("retention_days", int, 180, _("days that personal text of AI runs is kept")),
]
OPTIONS_BY_KEY = {declaration.key: declaration for declaration in OPTIONS}


def option(key: str, site: Site | int | None = None) -> Any:
    """The value in force: the store's newest, else the chain's newest, else the default.

    Raises:
        KeyError: no such option is declared.
    """
    return option_values([key], site)[key]


def option_values(keys: Sequence[str], site: Site | int | None = None) -> dict[str, Any]:
    """`option` of several keys at once, in their order.

    Raises:
        KeyError: one of them is not declared.
    """
    newest = _newest_values(site.pk if isinstance(site, Site) else site)
    return {
        key: declaration.kind(newest[key]) if key in newest else declaration.default
        for key, declaration in ((key, OPTIONS_BY_KEY[key]) for key in keys)
    }


def _newest_values(site_id: int | None) -> dict[str, Any]:
    """Every option that was set, by key: read once in a context, where many ask for a few each."""
    kept, name = kept_in_context(), f"options of {site_id}"
    if name not in kept:
        rows = Option.objects.filter(Q(site=None) | Q(site=site_id))
        # The store's own value wins over a newer one of the chain.
        newest = rows.order_by("key", "site_id", "-id").distinct("key")
        kept[name] = dict(newest.values_list("key", "value"))
    values: dict[str, Any] = kept[name]
    return values


class OptionReader(Mapping[str, Any]):
    """`option_values` for work that asks often: read when first asked, and again once they are
    OPTIONS_AGE_SECONDS old. In the store's context each time.
    """

    def __init__(self, keys: Sequence[str], site: Site) -> None:
        self._keys, self._site = keys, site
        self._values: dict[str, Any] = {}
        self._read_at = -math.inf

    def __getitem__(self, key: str) -> Any:
        if time.monotonic() - self._read_at > OPTIONS_AGE_SECONDS:
            self._values = option_values(self._keys, self._site)
            self._read_at = time.monotonic()
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def clean_option(*, key: str, value: Any, site: Site | None) -> Any:
    """The value as it would be kept.

    Raises:
        BadRequest: no such option, a value of another kind or one that makes no sense, or one for a
            store where only the chain has one.
    """
    declaration = OPTIONS_BY_KEY.get(key)
    if declaration is None:
        raise BadRequest(fields={"key": [str(_("There is no option of this name."))]})
    if declaration.is_chain_wide and site is not None:
        raise BadRequest(fields={"site": [str(_("This option is the same for all stores."))]})
    try:
        clean = declaration.kind(value)
        if clean != value and not isinstance(value, str):
            raise ValueError("something would be lost")
    except (TypeError, ValueError) as error:
        message = _("Expected a value of type %(kind)s.") % {"kind": declaration.kind.__name__}
        raise BadRequest(fields={"value": [str(message)]}) from error
    if declaration.check is not None:
        try:
            declaration.check(clean)
        except ValueError as error:
            raise BadRequest(fields={"value": [str(error)]}) from error
    return clean


def set_option(*, key: str, value: Any, site: Site | None, actor_id: int | None) -> Option:
    """Append a value and audit it.

    Raises:
        BadRequest: as `clean_option`.
    """
    clean = clean_option(key=key, value=value, site=site)
    before = option(key, site)
    row = Option.objects.create(site=site, key=key, value=clean, recorded_by_id=actor_id)
    forget_kept()
    record_change(
        action="option_set",
        subject=row,
        site_id=site.pk if site else None,
        actor_id=actor_id,
        before={key: before},
        after={key: clean},
    )
    return row
