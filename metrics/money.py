"""Cents inside the summaries, yuan with two places outside."""

from __future__ import annotations

from decimal import Decimal


def yuan(cents: int) -> Decimal:
    """An amount in yuan with exactly 2 places."""
    return Decimal(cents).scaleb(-2).quantize(Decimal("0.01"))
