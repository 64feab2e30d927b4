"""What a salary plan pays by the month: hour tiers, a guarantee, a commission on recharges."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from metrics.importers import values
from metrics.importers.errors import InvalidValue
from sandbox.models import Site

EXAMPLE = (
    '{"hour_tiers": [{"from_hours": 100, "extra_per_hour": "5.00"}],'
    ' "guarantee": "5000.00", "recharge_commission": "0.0200"}'
)
_RULES = {"hour_tiers", "guarantee", "recharge_commission"}
_TIER = {"from_hours", "extra_per_hour"}
_HOURS = values.number("0", "744")
_YUAN = values.number("0", "9999999999.99")
_RATE = values.number("0", "1", places=4)


def month_rules(raw: Any, site: Site) -> str:
    """Rules as JSON, text or already read, in one spelling: equal rules are equal text."""
    rules = _object(_read(raw) if isinstance(raw, str) else raw, _RULES, raw)
    spelt: dict[str, Any] = {}
    if "hour_tiers" in rules:
        spelt["hour_tiers"] = _tiers(rules["hour_tiers"], raw, site)
    if "guarantee" in rules:
        spelt["guarantee"] = f"{Decimal(_YUAN(rules['guarantee'], site)):.2f}"
    if "recharge_commission" in rules:
        spelt["recharge_commission"] = f"{Decimal(_RATE(rules['recharge_commission'], site)):.4f}"
    return json.dumps(spelt)


def _tiers(sent: Any, raw: Any, site: Site) -> list[dict[str, Any]]:
    if not isinstance(sent, list):
        raise _invalid(raw)
    tiers: dict[Decimal, str] = {}
    for one in sent:
        tier = _object(one, _TIER, raw)
        if tier.keys() != _TIER:
            raise _invalid(raw)
        hours = Decimal(_HOURS(tier["from_hours"], site))
        if hours in tiers:
            raise _invalid(raw)
        tiers[hours] = f"{Decimal(_YUAN(tier['extra_per_hour'], site)):.2f}"
    return [
        {"from_hours": int(hours) if hours == int(hours) else float(hours), "extra_per_hour": extra}
        for hours, extra in sorted(tiers.items())
    ]


def _object(found: Any, keys: set[str], raw: Any) -> Mapping[str, Any]:
    if not isinstance(found, Mapping) or not found.keys() <= keys:
        raise _invalid(raw)
    return found


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid(text) from None


def _invalid(raw: Any) -> InvalidValue:
    return InvalidValue("invalid_rules", value=raw, example=EXAMPLE)
