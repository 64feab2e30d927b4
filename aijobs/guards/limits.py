"""How much the guards let through: the options in force for a store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.models import Site
from sandbox.option_rules import parse_hours
from sandbox.options import option_values

# Options of the budgets' caps, by the name of the window in SQL.
CAPS = {
    "site_day": "budget_site_day",
    "site_month": "budget_site_month",
    "chain_day": "budget_chain_day",
    "chain_month": "budget_chain_month",
}
# Everything that the gate decides by.
LIMIT_OPTIONS = (
    "ai_rate_per_minute",
    "ai_rate_by_hour",
    "prewarm_rate",
    "rate_wait_seconds",
    "breaker_failures",
    "breaker_open_seconds",
    "chain_timezone",
    "chain_day_starts_at",
    *CAPS.values(),
)


@dataclass(frozen=True)
class Limits:
    """What the gate decides by.

    Attributes:
        rate: calls of the store in any 60 s, times the factor of its hour in `rate_by_hour`.
        prewarm_rate: of every 60 of them, how many a prewarm may make.
        rate_wait_seconds: how long others wait for the rate.
        breaker_failures: in a row, that open a breaker, for `breaker_open_seconds`.
        caps: tokens, by window.
        chain_timezone, chain_day_starts_at: where the chain's business days lie.
    """

    rate: int
    rate_by_hour: tuple[Decimal, ...]
    prewarm_rate: int
    rate_wait_seconds: int
    breaker_failures: int
    breaker_open_seconds: int
    caps: dict[str, int]
    chain_timezone: str
    chain_day_starts_at: str

    def as_json(self) -> str:
        """As `open_provider_call` reads them."""
        return json.dumps(
            {
                "rate": self.rate,
                "rate_by_hour": [str(factor) for factor in self.rate_by_hour],
                "prewarm_rate": self.prewarm_rate,
                "breaker_open_seconds": self.breaker_open_seconds,
                "caps": self.caps,
                "chain_timezone": self.chain_timezone,
                "chain_day_starts_at": self.chain_day_starts_at,
            }
        )


def limits_of(site: Site) -> Limits:
    """The options in force, in the store's context."""
    return limits_from(option_values(LIMIT_OPTIONS, site))


def limits_from(values: Mapping[str, Any]) -> Limits:
    """The limits that options (at least LIMIT_OPTIONS) make."""
    return Limits(
        rate=values["ai_rate_per_minute"],
        rate_by_hour=tuple(parse_hours(values["ai_rate_by_hour"])),
        prewarm_rate=values["prewarm_rate"],
        rate_wait_seconds=values["rate_wait_seconds"],
        breaker_failures=values["breaker_failures"],
        breaker_open_seconds=values["breaker_open_seconds"],
        caps={window: values[key] for window, key in CAPS.items()},
        chain_timezone=values["chain_timezone"],
        chain_day_starts_at=values["chain_day_starts_at"],
    )
