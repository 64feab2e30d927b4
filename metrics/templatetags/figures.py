"""How figures are written on a page: unknown is a dash, never 0."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template
from django.utils.translation import gettext as _

from metrics.masking import mask_phone
from metrics.models import MemberLifecycle
from metrics.wording import channel_word

register = template.Library()
UNKNOWN = "—"

register.filter("masked", mask_phone)
register.filter("channel", channel_word)

# Codes that have words; levels are words of the store's own.
_STAGES = dict(MemberLifecycle.Stage.choices)


@register.filter
def yuan(amount: Decimal | None) -> str:
    """¥1,234.50"""
    if amount is None:
        return UNKNOWN
    return f"-¥{-amount:,.2f}" if amount < 0 else f"¥{amount:,.2f}"


@register.filter
def figure(value: Any, unit: str) -> str:
    """A value in its unit (metrics.metric)."""
    if value is None:
        return UNKNOWN
    match unit:
        case "yuan":
            return yuan(value)
        case "share":
            return f"{value * 100:.1f}%"
        case "days":
            return _("%(count)s days") % {"count": value}
        case "hours":
            return _("%(hours)s h") % {"hours": value}
        case "code":
            return str(_STAGES.get(value, value))
    return f"{value:,}"


@register.filter
def change(ratio: Decimal | None) -> str:
    """+12.3 %, or a dash where there is nothing to compare with."""
    return UNKNOWN if ratio is None else f"{ratio * 100:+.1f}%"
