"""Every value is written in its unit; what is unknown is a dash, never 0."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

import pytest
from django.utils.translation import override

from aijobs.templatetags.insights import in_unit_of
from metrics.metric import Unit
from metrics.templatetags.figures import figure


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (Decimal("277188.9"), "yuan", "¥277,188.90"),
        (Decimal("-12"), "yuan", "-¥12.00"),
        (Decimal("0.3704"), "share", "37.0%"),
        (Decimal("1.8333"), "ratio", "1.8333"),
        (Decimal("12.50"), "hours", "12.50 小时"),
        (3, "days", "3 天"),
        (1234, "count", "1,234"),
        ("churned", "code", "流失"),
        ("高级", "code", "高级"),
    ],
)
def test_a_value_in_its_unit(value, unit, shown):
    with override("zh-hans"):
        assert figure(value, unit) == shown


@pytest.mark.parametrize("unit", get_args(Unit))
def test_unknown_is_a_dash(unit):
    assert figure(None, unit) == "—"


@pytest.mark.parametrize(
    ("value", "key", "shown"),
    [
        ("277188.90", "paid", "¥277,188.90"),
        (0.37, "discount_rate", "37.0%"),
        ("37.0%", "discount_rate", "37.0%"),
        ("约三成", "discount_rate", "约三成"),
        ("12", "no_such_metric", "12"),
    ],
)
def test_what_an_ai_gave_is_written_in_the_unit_of_its_metric(value, key, shown):
    assert in_unit_of(value, key) == shown
