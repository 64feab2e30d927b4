"""CHECKS: what may be odd in the figures of a closed day. One declaration each here, and one
statement each in sql/quality.sql.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from metrics.models import DataQuality

HARD, SOFT = DataQuality.Severity.HARD, DataQuality.Severity.SOFT


@dataclass(frozen=True)
class Check:
    """Something that is looked for after every nightly build.

    Attributes:
        key: stable; stored in rows and named in options.
        severity: hard: the day is not told to be closed while it fails. A store's option may say
            otherwise.
        limit: it fails when more than this is found: rows, or what the title says. An option too.
    """

    key: str
    title: Promise | str
    severity: DataQuality.Severity
    limit: int

    @property
    def statement(self) -> str:
        """What answers (table, id) for every row concerned; a third column is its measure."""
        return _statements()[self.key]


@cache
def _statements() -> dict[str, str]:
    text = (Path(__file__).parent / "sql" / "quality.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- ([a-z_]+)(?::.*)?$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True))


def bills_of_the_day() -> str:
    """The statement that the others may read as `bills`."""
    return _statements()["bills"]


CHECKS = [
    Check("freshness", _("no bill on an open day"), SOFT, 0),
    Check("sudden_drop", _("bills far below the same weekday, percent"), SOFT, 70),
    Check("unsummed", _("what was paid, not as the summaries have it"), HARD, 0),
    Check("duplicates", _("bills that look like another one"), HARD, 5),
    Check("mismatched_amounts", _("bills whose amounts do not add up"), SOFT, 0),
    Check("unknown_areas", _("bills in no known area"), SOFT, 0),
    Check("early_bills", _("bills from before the member existed"), SOFT, 0),
    Check("negative_balances", _("members with less than nothing on their card"), SOFT, 0),
    Check("unmatched_cards", _("bills paid by card without the card entries for it"), SOFT, 0),
    Check("unpriced_hours", _("assistants who worked without a pay plan"), SOFT, 0),
]
