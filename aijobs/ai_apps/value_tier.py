"""What is at stake with a member, and whether that is much. docs/decisions/0027."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from aijobs.ai_apps.phrases import yuan_words

# Yuan that are at stake from which a member counts as 高 and 中.
_HIGH, _MIDDLE = Decimal(2000), Decimal(500)
Tier = Literal["高", "中", "低"]


def tier_of(features: dict[str, Any]) -> tuple[Tier, str]:
    """By what is at stake: the most of 60 days' spend, the half year's at that pace, principal left."""
    stakes = (
        (features["metrics"]["consumption_60d"], "近 60 天实收"),
        (features["spend"]["half_year_a_60_days"], "近 180 天平均每 60 天实收"),
        (features["metrics"]["card_principal"], "卡里未用的本金"),
    )
    amount, name = max(stakes, key=lambda row: Decimal(row[0]))
    value = Decimal(amount)
    tier: Tier = "高" if value >= _HIGH else "中" if value >= _MIDDLE else "低"
    return tier, f"价值{tier}：{name} {yuan_words(amount)}"
