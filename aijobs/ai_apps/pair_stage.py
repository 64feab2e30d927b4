"""How an assistant and a member stand, in the store's words. docs/decisions/0027."""

from __future__ import annotations

from typing import Any

from aijobs.ai_apps.finding import PARTNER_SERVICES

# From these indexes on the two know each other, and play together as a rule.
_KNOWN, _PARTNERS = 20.0, 40.0
# From this change of the index on it has moved.
MOVED = 5.0
# From so many services on the two know each other, seldom as it may be.
_KNOWN_SERVICES = 6
# Not served for so long: the two have lost touch.
LOST_DAYS = 60


def stage_of(features: dict[str, Any]) -> str:
    """The first that holds."""
    shared, index = features["shared"], float(features["relationship"]["index"])
    if not shared["services_total"]:
        return "还没搭过"
    if shared["days_since"] > LOST_DAYS:
        return "断档"
    if float(features["relationship"]["change"]) <= -MOVED:
        return "转淡"
    if shared["services_total"] < PARTNER_SERVICES:
        return "初识"
    if index >= _PARTNERS:
        return "固定搭档"
    if index >= _KNOWN or shared["services_total"] >= _KNOWN_SERVICES:
        return "熟客"
    return "初识"


def strength_of(features: dict[str, Any]) -> int:
    """The relationship index as a whole number."""
    return round(float(features["relationship"]["index"]))
