"""What values of options must keep to beyond their type: each rule raises ValueError with a reason
for people.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from sandbox.models import validate_timezone

HOURS_OF_A_DAY = 24
_TIME_OF_DAY = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_SPAN = re.compile(r"\s*(\d{1,2})(?:-(\d{1,2}))?\s*:\s*(\d{1,3}(?:\.\d{1,3})?)\s*")


def at_least(least: float) -> Callable[[Any], None]:
    def require(value: Any) -> None:
        if value < least:
            raise ValueError(_("Must be at least %(least)s.") % {"least": least})

    return require


def between(least: float, most: float) -> Callable[[Any], None]:
    def require(value: Any) -> None:
        if not least <= value <= most:
            raise ValueError(
                _("Must be between %(least)s and %(most)s.") % {"least": least, "most": most}
            )

    return require


def is_timezone(value: str) -> None:
    try:
        validate_timezone(value)
    except ValidationError as error:
        raise ValueError(error.messages[0]) from error


def is_time_of_day(value: str) -> None:
    if not _TIME_OF_DAY.fullmatch(value):
        raise ValueError(_("Must be a time of day such as 08:00."))


def is_provider(name: Any) -> None:
    if name != "" and name not in settings.AI_PROVIDERS:
        known = ", ".join(settings.AI_PROVIDERS)
        raise ValueError(_("Choose one of: %(choices)s.") % {"choices": known})


def are_providers(names: dict[str, Any]) -> None:
    for name in names.values():
        is_provider(name)


def parse_hours(text: str) -> list[Decimal]:
    """A factor for each hour of the day from `0-7:1.4,8-16:1.0`; hours not named have 1.

    Both ends count: `0-7` is midnight to 08:00.

    Raises:
        ValueError: it is written otherwise, or names an hour twice.
    """
    factors: dict[int, Decimal] = {}
    for part in text.split(",") if text.strip() else []:
        match = _SPAN.fullmatch(part)
        hours = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
        if not match or not hours or hours[-1] >= HOURS_OF_A_DAY or factors.keys() & set(hours):
            raise ValueError(
                _("“%(part)s”: write hours and factors as in 0-7:1.4,8-16:1.0, each hour once.")
                % {"part": part}
            )
        factors |= dict.fromkeys(hours, Decimal(match[3]))
    return [factors.get(hour, Decimal(1)) for hour in range(HOURS_OF_A_DAY)]
