"""What is wrong with rows or files that somebody sent.

BadRequest
├── FileError   the file as a whole: encoding, header
└── RowErrors   rows of it; nothing was written
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.utils.translation import gettext_lazy, ngettext

from sandbox.errors import BadRequest

SHOWN = 20


@dataclass(frozen=True)
class RowError:
    """One thing wrong (or doubtful) in one row.

    Attributes:
        index: the row's place: from 0 in a push, the line number (from 1) in a file.
        column: the column; dotted within nested rows (`services.0.hours`); empty: the whole row.
        code: stable, for programs. message: for people, in their language.
    """

    index: int
    column: str
    code: str
    message: str


class FileError(BadRequest):
    code = "bad_file"


class RowErrors(BadRequest):
    """Rows were refused, and therefore all of them. The first 20 are named, all are counted."""

    code = "row_errors"

    def __init__(self, errors: list[RowError], total: int | None = None) -> None:
        self.errors = errors[:SHOWN]
        self.total = len(errors) if total is None else total
        fields: dict[str, list[str]] = {}
        for error in self.errors:
            path = ".".join(filter(None, ("rows", str(error.index), error.column)))
            fields.setdefault(path, []).append(error.message)
        message = ngettext(
            "%(count)d mistake; nothing was written.",
            "%(count)d mistakes; nothing was written.",
            self.total,
        ) % {"count": self.total}
        super().__init__(message, fields=fields)


class InvalidValue(Exception):
    """A value that its column cannot take."""

    def __init__(self, code: str, **params: Any) -> None:
        self.code = code
        self.params = params
        super().__init__(params.get("value", code))


# One sentence per code. `value` is what was sent, cut short.
MESSAGES = {
    "required": gettext_lazy("This value is required."),
    "unknown_column": gettext_lazy("There is no column of this name."),
    "wrong_type": gettext_lazy("Expected %(expected)s."),
    "invalid_text": gettext_lazy("The text contains characters that cannot be stored."),
    "too_long": gettext_lazy("Longer than %(limit)s characters."),
    "invalid_number": gettext_lazy("“%(value)s” is not a number."),
    "too_precise": gettext_lazy("“%(value)s” has more than 2 decimal places."),
    "out_of_range": gettext_lazy("“%(value)s” is outside %(low)s to %(high)s."),
    "invalid_time": gettext_lazy("“%(value)s” is not a time; write it as 2026-04-20T20:41:00."),
    "invalid_date": gettext_lazy("“%(value)s” is not a date; write it as 2026-04-20."),
    "invalid_choice": gettext_lazy("“%(value)s” is not one of: %(choices)s."),
    "cell_error": gettext_lazy("The cell holds the error %(value)s."),
    "digits_lost": gettext_lazy(
        "%(value)s has more digits than a spreadsheet keeps of a number; write it as text."
    ),
    "formula_without_value": gettext_lazy(
        "The formula in %(value)s has no stored value; open the file and save it once."
    ),
    "ragged": gettext_lazy("The row has %(found)s values, the header has %(expected)s."),
    "duplicate": gettext_lazy("“%(value)s” appears more than once."),
    "negative": gettext_lazy("%(value)s is negative; only a void may be."),
    "wrong_sign": gettext_lazy("%(value)s has the wrong sign for this kind of entry."),
    "future_date": gettext_lazy("%(value)s is after the store's open business day."),
    "unknown_member": gettext_lazy("There is no member “%(value)s”."),
    "unknown_assistant": gettext_lazy("There is no assistant “%(value)s”."),
    "unknown_settlement": gettext_lazy("There is no bill “%(value)s”."),
    "unknown_task": gettext_lazy("There is no task “%(value)s”."),
    "unknown_parent": gettext_lazy("The store has no area “%(value)s” that could have parts."),
    "nested_area": gettext_lazy("“%(value)s” is itself part of an area, or has parts."),
    "already_closed": gettext_lazy("%(value)s is known as a closed day under another id."),
    "invalid_rules": gettext_lazy("These are no month rules; write them as %(example)s."),
    "unknown_void_target": gettext_lazy("There is nothing “%(value)s” to void."),
    "target_rejected": gettext_lazy("The row that it voids was left out."),
    "void_of_void": gettext_lazy("“%(value)s” is itself a void and cannot be voided."),
    "already_voided": gettext_lazy("“%(value)s” has been voided already."),
    "conflict": gettext_lazy("“%(value)s” is known with another value here."),
    "unknown_area": gettext_lazy("The store has no area “%(value)s”; the bill counts without."),
    "gross_mismatch": gettext_lazy("Gross is not discount + paid."),
    "paid_mismatch": gettext_lazy("Paid is not card + cash + other."),
    "part_exceeds": gettext_lazy("%(value)s is more than the amount it is part of."),
    "started_after_settled": gettext_lazy("It starts after it was settled; the time is not used."),
}


def describe(code: str, **params: Any) -> str:
    """The sentence for a code."""
    shown = {key: _shorten(value) for key, value in params.items()}
    return str(MESSAGES[code]) % shown if shown else str(MESSAGES[code])


def _shorten(value: Any) -> str:
    text = _storable(str(value))
    return text if len(text) <= 64 else f"{text[:63]}…"


def _storable(text: str) -> str:
    # Lone surrogates come in by JSON and cannot be sent back.
    return text.encode(errors="replace").decode()


class RejectNotes(Protocol):
    """Whoever wants to know of every mistake, not of the first ones only."""

    def add(self, error: RowError) -> None: ...

    def name(self, line: int, external_id: Any) -> None: ...


@dataclass
class ErrorList:
    """Collects mistakes: keeps the first, counts the rest.

    `locate` turns the number of a staged row and its column into what the sender called them.
    """

    locate: Callable[[int, str], tuple[int, str]]
    rejects: RejectNotes | None = None
    errors: list[RowError] = field(default_factory=list)
    total: int = 0
    by_code: Counter[str] = field(default_factory=Counter)

    def add(self, row: int, column: str, code: str, **params: Any) -> None:
        self.total += 1
        self.by_code[code] += 1
        if len(self.errors) >= SHOWN and self.rejects is None:
            return
        index, path = self.locate(row, _storable(column))
        error = RowError(index, path, code, describe(code, **params))
        if len(self.errors) < SHOWN:
            self.errors.append(error)
        if self.rejects is not None:
            self.rejects.add(error)

    def count_rest(self, found: Mapping[str, int], added: Mapping[str, int]) -> None:
        """Count what was found, by code, beyond what was added."""
        rest = Counter(found)
        rest.subtract(added)
        self.by_code += rest
        self.total += rest.total()

    def take_over(self, other: ErrorList) -> None:
        """Hold what another list holds instead."""
        self.errors, self.total, self.by_code = other.errors, other.total, other.by_code

    def raise_any(self) -> None:
        """Raises RowErrors when there is at least one."""
        if self.total:
            ordered = sorted(self.errors, key=lambda error: (error.index, error.column))
            raise RowErrors(ordered, self.total)
