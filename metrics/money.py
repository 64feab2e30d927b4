"""Cents and hundredths of hours inside the summaries, yuan and hours with two places outside."""

from __future__ import annotations

from decimal import Decimal


def yuan(cents: int) -> Decimal:
    """An amount in yuan with exactly 2 places."""
    return Decimal(cents).scaleb(-2).quantize(Decimal("0.01"))


def hours(hundredths: int) -> Decimal:
    """Hours with exactly 2 places."""
    return yuan(hundredths)
