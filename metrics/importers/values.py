"""One value of a row, as text from a file or as JSON from a push, into what COPY takes.

Every function takes the raw value and the store, and raises InvalidValue. Text comes without
surrounding blanks; None and blank text are dealt with before: they are unknown.

ORDINARY holds, for some of them, a pattern of text that they would hand on as it is: nearly all
that a till exports, so that staging need not look at it value by value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from metrics.importers.errors import InvalidValue
from sandbox.context import localise
from sandbox.models import Site

Parse = Callable[[Any, Site], str]

_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FIRST_BIRTHDAY, _FIRST_YEAR, _LAST_YEAR = 1900, 1970, 9998
# By function: a pattern without groups or tabs; dates in it still have to be possible ones.
ORDINARY: dict[Parse, str] = {}
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
_NOT_PLAIN = r"\0\\\ud800-\udfff"
_TRUE, _FALSE = ("1", "true", "yes", "是"), ("0", "false", "no", "否")


def text(limit: int) -> Parse:
    """Text of at most `limit` characters."""

    def parse(raw: Any, site: Site) -> str:
        return _storable_text(raw, limit)

    # No blanks around it, nothing that COPY would read as something else.
    ends, within = rf"[^\s{_NOT_PLAIN}]", rf"[^\t\n\r{_NOT_PLAIN}]"
    ORDINARY[parse] = rf"{ends}(?:{within}{{0,{limit - 2}}}{ends})?"
    return parse


def number(low: str, high: str, *, places: int = 2) -> Parse:
    """A decimal number between low and high with at most `places` decimal places."""
    lowest, highest = Decimal(low), Decimal(high)
    # Nearly all of them: short enough to be in range whatever the digits.
    digits = len(str(int(highest))) - 1
    written_so = (rf"[0-9]{{1,{digits}}}" if digits else "0") + (
        rf"(?:\.[0-9]{{1,{places}}})?" if places else ""
    )
    ordinary = re.compile(written_so)

    def parse(raw: Any, site: Site) -> str:
        written = raw if isinstance(raw, str) else _written_number(raw)
        if ordinary.fullmatch(written):
            return written
        if not _NUMBER.fullmatch(written):
            raise InvalidValue("invalid_number", value=raw)
        if not lowest <= Decimal(written) <= highest:
            raise InvalidValue("out_of_range", value=raw, low=low, high=high)
        if len(written.partition(".")[2]) > places:
            raise InvalidValue("too_precise" if places else "invalid_number", value=raw)
        return written

    if lowest <= 0:
        ORDINARY[parse] = written_so
    return parse


def moment(raw: Any, site: Site) -> str:
    """A point in time; without an offset it is the store's own time."""
    return _utc(_written_moment(raw), raw, site)


def moment_or_day(raw: Any, site: Site) -> str:
    """A point in time, or a date: the start of that business day."""
    if type(raw) is date or (isinstance(raw, str) and _DATE.fullmatch(raw)):
        started = datetime.combine(_written_day(raw, _FIRST_YEAR), site.day_starts_at)
        return _utc(started, raw, site)
    return moment(raw, site)


def day(raw: Any, site: Site) -> str:
    """A date that a store can have seen, or may see."""
    return _written_day(raw, _FIRST_YEAR).isoformat()


def birthday(raw: Any, site: Site) -> str:
    """A date somebody was born on."""
    return _written_day(raw, _FIRST_BIRTHDAY).isoformat()


def choice(*choices: str) -> Parse:
    """One of a fixed set of words."""

    def parse(raw: Any, site: Site) -> str:
        word = _storable_text(raw, 64)
        if word not in choices:
            raise InvalidValue("invalid_choice", value=word, choices=", ".join(choices))
        return word

    ORDINARY[parse] = "(?:" + "|".join(map(re.escape, choices)) + ")"
    return parse


# A naive moment is the store's own time: staging has PostgreSQL read it so.
ORDINARY[moment] = f"{_DAY}[T ]{_CLOCK}"
ORDINARY[day] = _DAY


def boolean(raw: Any, site: Site) -> str:
    """Yes or no."""
    word = str(raw).lower() if isinstance(raw, bool | str) else ""
    if word in _TRUE:
        return "true"
    if word in _FALSE:
        return "false"
    raise InvalidValue("invalid_choice", value=raw, choices="true, false")


def _storable_text(raw: Any, limit: int) -> str:
    if not isinstance(raw, str):
        raise InvalidValue("wrong_type", expected=_("text"))
    if len(raw) > limit:
        raise InvalidValue("too_long", limit=limit)
    # NUL cannot be stored; a lone surrogate is no character.
    if "\0" in raw or not (raw.isascii() or _SURROGATE.search(raw) is None):
        raise InvalidValue("invalid_text")
    return raw


def _written_number(raw: Any) -> str:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        raise InvalidValue("wrong_type", expected=_("a number"))
    # A float's shortest form is what the sender wrote; no float is computed with.
    return format(Decimal(repr(raw)) if isinstance(raw, float) else Decimal(raw), "f")


def _written_moment(raw: Any) -> datetime:
    if isinstance(raw, datetime):
        return raw
    if not isinstance(raw, str):
        raise InvalidValue("wrong_type", expected=_("a time as text"))
    try:
        if _DATE.fullmatch(raw):
            raise InvalidValue("invalid_time", value=raw)
        return datetime.fromisoformat(raw)
    except ValueError:
        raise InvalidValue("invalid_time", value=raw) from None


def _utc(moment: datetime, raw: Any, site: Site) -> str:
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise InvalidValue("out_of_range", value=raw, low=_FIRST_YEAR, high=_LAST_YEAR)
    return localise(site, moment).astimezone(UTC).isoformat()


def _written_day(raw: Any, first_year: int) -> date:
    if type(raw) is date:
        return raw
    if not isinstance(raw, str):
        raise InvalidValue("wrong_type", expected=_("a date as text"))
    try:
        found = date.fromisoformat(raw) if _DATE.fullmatch(raw) else None
    except ValueError:
        found = None
    if found is None:
        raise InvalidValue("invalid_date", value=raw)
    if not first_year <= found.year <= _LAST_YEAR:
        raise InvalidValue("out_of_range", value=raw, low=first_year, high=_LAST_YEAR)
    return found
