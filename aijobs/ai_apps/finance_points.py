"""A point about finances: what is said, and how much money moves in it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aijobs.ai_apps.finance_words import Told, number
from aijobs.ai_apps.outputs import Finding

# Of fewer bills, now or before, a change says nothing.
ENOUGH_BILLS = 20
# A change of less, in percent, needs no explanation.
_WORTH_EXPLAINING = 2
# How a yuan that moved counts: what explains all the rest, what names a cause that can be acted on,
# what describes, what is seen from afar, what comes in lumps.
FIRST, CAUSE, ASPECT, ASIDE, LUMP = (
    Decimal(weight) for weight in ("10", "1", "0.6", "0.3", "0.15")
)
PARTS = {"table_fee": "台费", "assistant_fee": "助教费", "goods_fee": "商品费"}


@dataclass(frozen=True)
class Point:
    """One thing to say.

    Attributes:
        score: the yuan that moved in it, beyond what moved everywhere.
        clause: the same in a few words, for the headline; empty: it is no cause.
    """

    score: Decimal
    finding: Finding
    clause: str = ""


def is_comparable(features: Told) -> bool:
    """The period before is known, and both have enough bills to be compared."""
    periods = (features["current"], features["previous"])
    return all(period is not None and period["bills"] >= ENOUGH_BILLS for period in periods)


def is_of_days(features: Told) -> bool:
    """Most of what changed is what more, fewer or other days are worth."""
    changes = changes_since(features)
    calendar = changes["calendar"]
    if calendar is None or calendar["by"] is None:
        return False
    if abs(number(changes["paid"]["percent"])) < _WORTH_EXPLAINING:
        return False
    whole = number(changes["paid"]["by"])
    left = abs(number(calendar["like_for_like"]["by"]))
    return whole * number(calendar["by"]) > 0 and 2 * left < abs(whole)


def changes_since(features: Told) -> dict[str, Any]:
    """What has changed since the period before."""
    changes: dict[str, Any] = features["changes"]["previous"]
    return changes


def news_of(features: Told, by: str, stood: str, *, of: str = "paid") -> Decimal:
    """How much of a part's change is its own: what the rest's growth does not explain."""
    whole, change_of_whole = (
        number(features["previous"][of]),
        number(changes_since(features)[of]["by"]),
    )
    rest = whole - number(stood)
    growth_of_rest = (change_of_whole - number(by)) / rest if rest else Decimal()
    return min(abs(number(by)), abs(number(by) - number(stood) * growth_of_rest))
