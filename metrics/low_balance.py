"""余额低, for every list that says so."""

from __future__ import annotations

from django.db.models import BooleanField, ExpressionWrapper, F, Q
from django.db.models.functions import Coalesce

from sandbox.models import Site
from sandbox.options import option

# A balance is low when it does not cover so many of the member's usual visits.
VISITS_COVERED = 2


def low_balance(site: Site) -> Q:
    """Of a board's members: whose card covers no two usual visits, or has less than the option
    `low_balance_yuan`. Whoever never had a card has no balance that could be low."""
    has_card = ~Q(card_balance=0) | Q(sums__card_paid__gt=0)
    is_little = Q(card_balance__lt=F("spent_a_visit") * VISITS_COVERED) | Q(
        card_balance__lt=option("low_balance_yuan", site)
    )
    return has_card & is_little


def is_low_balance(site: Site) -> Coalesce:
    """The same as a column."""
    return Coalesce(ExpressionWrapper(low_balance(site), BooleanField()), False)
